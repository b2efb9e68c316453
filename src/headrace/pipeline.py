"""How an answer is made: sources propose, filters remove, scorers weigh, a selector chooses, fillers complete a short answer.

An explorer may then put something unproven in it. Items are numbers here, the dense numbers that the snapshot gives them, so
that every stage works on arrays. A stage is pure: the same picture, query and candidates give the same result, and no stage
waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, cast, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.expressions import Expression, Given
from headrace.kernels import lists
from headrace.snapshot.picture import Picture

Numbers = NDArray[np.int32]
Scores = NDArray[np.float64]

_NOBODY: Numbers = np.empty(0, np.int32)


class Query(msgspec.Struct, frozen=True):
    """What is asked: for whom, how many, and what is known of them. ``recent`` are their items, newest first, none twice.

    ``returns`` is which share of the user's latest steps led back to an item they had been at before.
    """

    user_id: str
    session_id: str | None
    request_id: str
    k: int
    named: tuple[str, ...] | None = ()
    """The recent items by name; None where a picture's numbers say it all."""

    exclude: frozenset[str] = frozenset()
    returns: float = 0.0
    known: tuple[Picture, Numbers] | None = None
    """The numbers that a picture gives the recent items, where somebody knows them already."""

    only: Expression | None = None
    """What the request wants to be true of every item, over its own values ``given``."""

    given: Mapping[str, Given] = {}

    @property
    def recent(self) -> tuple[str, ...]:
        """Return the recent items by name; one that the picture did not know has none."""
        if self.named is None and self.known is not None:
            picture, numbers = self.known
            return tuple([picture.ids[number] if number >= 0 else "" for number in numbers.tolist()])
        return self.named or ()

    def numbers(self, picture: Picture) -> Numbers:
        """Return the recent items' numbers in this picture, parallel to ``recent``; -1 for one that it does not know."""
        if self.known is None or self.known[0] is not picture:
            number = picture.numbers.get
            found = np.array([number(item_id, -1) for item_id in self.recent], np.int32)
            msgspec.structs.force_setattr(self, "known", (picture, found))
            return found
        return self.known[1]


class Candidates(msgspec.Struct, frozen=True):
    """Items with their score and the source that proposed each; three parallel arrays, no item twice.

    ``source`` holds indices into ``sources``. Scores of one list are comparable with each other. ``propensities``, parallel to
    them too, are how likely each item was to be shown at its place; None where nothing was left to chance.
    """

    items: Numbers
    scores: Scores
    source: NDArray[np.int8]
    sources: tuple[str, ...]
    propensities: Scores | None = None

    def __len__(self) -> int:
        """Return how many candidates there are."""
        return len(self.items)

    def keep(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Candidates":
        """Return those that a mask or an order of indices picks."""
        return Candidates(self.items[chosen], self.scores[chosen], self.source[chosen], self.sources)


class Source(Protocol):
    """Proposes candidates; several sources are merged, the first that names an item owns it."""

    @property
    def name(self) -> str:
        """Return the source's name in recipes, traces and metrics."""
        ...

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return items, none twice, with scores of at least 0; possibly none."""
        ...


@runtime_checkable
class Leading(Source, Protocol):
    """A source that can also tell its best alone: what follows need then not look at all that it knows.

    Where nothing else proposes or scores, all filters are ``Hiding`` and the selector is ``plain``, an answer is made that way.
    """

    def lead(self, picture: Picture, query: Query, without: Numbers) -> tuple[Numbers, Scores]:
        """Return the ``query.k`` best of what ``propose`` returns that the catalogue shows and that are not among ``without``.

        Best first, equals by their number. A number below 0 in ``without`` is no item.
        """
        ...


class Filter(Protocol):
    """Says which candidates may stay."""

    @property
    def name(self) -> str:
        """Return the filter's name in recipes, traces and metrics."""
        ...

    def allow(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.bool_] | None:
        """Return a mask as long as the candidates, true where one stays; None where all do.

        The verdict on an item does not depend on the others.
        """
        ...


@runtime_checkable
class Hiding(Filter, Protocol):
    """A filter that leaves out a few items that it can name."""

    def hides(self, picture: Picture, query: Query) -> Numbers:
        """Return the items that ``allow`` would not let stay; a number below 0 is none."""
        ...


class Scorer(Protocol):
    """Gives candidates new scores; never removes or adds one."""

    @property
    def name(self) -> str:
        """Return the scorer's name in recipes, traces and metrics."""
        ...

    def score(self, picture: Picture, query: Query, candidates: Candidates) -> Scores:
        """Return finite scores as long as the candidates."""
        ...


class Selector(Protocol):
    """Chooses and orders what is shown; a ``plain`` one takes the best scores, equals by number, and looks at nothing else."""

    plain: ClassVar[bool]

    @property
    def name(self) -> str:
        """Return the selector's name in recipes, traces and metrics."""
        ...

    def select(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.intp]:
        """Return at most ``query.k`` indices of candidates, best first, none twice."""
        ...


class Explorer(Protocol):
    """Leaves a part of some answers to chance, and tells how likely each item was to be shown where it is."""

    @property
    def name(self) -> str:
        """Return the explorer's name in recipes, traces and metrics."""
        ...

    def explore(self, query: Query, answer: Candidates, unproven: Candidates) -> Candidates:
        """Return the answer with propensities, at most ``query.k`` items; ``unproven`` holds none of the answer's."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named pipeline; ``version`` is ``name@digest`` over its parts and weights, so a changed weight changes it.

    ``fillers`` are sources that are asked in order only while the answer is short of what was asked for. ``explored`` are the
    sources of what the ``explorer`` may put into a finished answer.
    """

    name: str
    version: str
    sources: tuple[Source, ...]
    filters: tuple[Filter, ...]
    scorers: tuple[Scorer, ...]
    selector: Selector
    fillers: tuple[Source, ...] = ()
    explored: tuple[Source, ...] = ()
    explorer: Explorer | None = None
    short: bool = field(init=False)
    """Whether what comes before the fillers may be done in one go; see ``Leading``."""

    def __post_init__(self) -> None:
        """Find out whether there is a short way."""
        alone = len(self.sources) == 1 and isinstance(self.sources[0], Leading) and not self.scorers
        hiding = all(isinstance(part, Hiding) for part in self.filters)
        object.__setattr__(self, "short", alone and hiding and self.selector.plain)


@dataclass(slots=True)
class Trace:
    """What each stage did: how many candidates came in and out of it, by the stage's name, in order."""

    stages: list[tuple[str, int, int]] = field(default_factory=list)


def run(recipe: Recipe, picture: Picture, query: Query, trace: Trace | None = None) -> Candidates:
    """Return the answer, best first: at most ``query.k`` candidates, no item twice, each with its source and score.

    What a filler adds stands behind everything else, its scores below 0.
    """
    shortly = recipe.short and trace is None and query.only is None
    chosen = _shortly(recipe, picture, query) if shortly else _staged(recipe, picture, query, trace)
    for number, filler in enumerate(recipe.fillers, start=1):
        if len(chosen) < query.k:
            chosen = _filled(recipe, chosen, filler, number, picture, query, trace)
    return chosen if recipe.explorer is None else _explored(recipe, recipe.explorer, chosen, picture, query, trace)


def _shortly(recipe: Recipe, picture: Picture, query: Query) -> Candidates:
    (source,) = recipe.sources
    hidden = [few for part in recipe.filters if len(few := cast(Hiding, part).hides(picture, query))]
    without = hidden[0] if len(hidden) == 1 else np.concatenate(hidden) if hidden else _NOBODY
    items, scores = cast(Leading, source).lead(picture, query, without)
    return Candidates(items, scores, _all(0, len(items)), (source.name,))


def _staged(recipe: Recipe, picture: Picture, query: Query, trace: Trace | None) -> Candidates:
    candidates = _filtered(recipe, _gather(recipe.sources, picture, query, trace), picture, query, trace)
    for scorer in recipe.scorers:
        scores = scorer.score(picture, query, candidates)
        candidates = Candidates(candidates.items, scores, candidates.source, candidates.sources)
        _note(trace, scorer.name, len(candidates), len(candidates))
    chosen = candidates.keep(recipe.selector.select(picture, query, candidates))
    _note(trace, recipe.selector.name, len(candidates), len(chosen))
    return chosen


def contributors(answer: Candidates) -> list[str]:
    """Return the names of the sources that the answer's items came from, in the recipe's order."""
    if len(answer.sources) == 1:
        return list(answer.sources) if len(answer) else []
    return [answer.sources[number] for number in sorted(set(answer.source.tolist()))]


def _gather(sources: Sequence[Source], picture: Picture, query: Query, trace: Trace | None) -> Candidates:
    together: Candidates | None = None
    names = tuple([source.name for source in sources])
    for number, source in enumerate(sources):
        items, scores = source.propose(picture, query)
        _note(trace, source.name, 0, len(items))
        more = Candidates(items, scores, _all(number, len(items)), names)
        together = more if together is None else _joined(together, _without(more, together.items))
    return together or _nothing(names)


def _filtered(recipe: Recipe, candidates: Candidates, picture: Picture, query: Query, trace: Trace | None) -> Candidates:
    """Return what may be shown now and all filters let stay. What is said of one candidate makes no difference to another.

    Whether the catalogue hides an item is asked always: no recipe can forget it.
    """
    stays: NDArray[np.bool_] | None = picture.catalogue.visible(candidates.items)
    left = len(candidates)
    if stays is not None and trace is not None:
        before, left = left, int(stays.sum())
        _note(trace, "available", before, left)
    if query.only is not None:
        wanted = query.only.of(picture.catalogue.attributes, candidates.items, query.given)
        stays = wanted if stays is None else stays & wanted
        if trace is not None:
            before, left = left, int(stays.sum())
            _note(trace, "filter", before, left)
    for part in recipe.filters:
        mask = part.allow(picture, query, candidates)
        if mask is not None:
            stays = mask if stays is None else stays & mask
        if trace is not None:
            before, left = left, len(candidates) if stays is None else int(stays.sum())
            _note(trace, part.name, before, left)
    return candidates if stays is None else _kept(candidates, stays)


def _filled(
    recipe: Recipe, chosen: Candidates, filler: Source, number: int, picture: Picture, query: Query, trace: Trace | None
) -> Candidates:
    """Return the answer with what this filler, the recipe's ``number``-th, can add; its scores lie ``number`` lower."""
    names = (*chosen.sources, filler.name)
    items, scores = filler.propose(picture, query)
    more = Candidates(items, scores - number, _all(len(names) - 1, len(items)), names)
    more = _filtered(recipe, _without(more, chosen.items), picture, query, None)
    more = more.keep(lists.best(more.items, more.scores, query.k - len(chosen)))
    filled = _joined(Candidates(chosen.items, chosen.scores, chosen.source, names), more)
    _note(trace, filler.name, len(chosen), len(filled))
    return filled


def _all(source: int, size: int) -> NDArray[np.int8]:
    owner = np.empty(size, np.int8)
    owner.fill(source)
    return owner


def _explored(
    recipe: Recipe, explorer: Explorer, chosen: Candidates, picture: Picture, query: Query, trace: Trace | None
) -> Candidates:
    unproven = _filtered(recipe, _gather(recipe.explored, picture, query, None), picture, query, None)
    explored = explorer.explore(query, chosen, _without(unproven, chosen.items))
    _note(trace, explorer.name, len(chosen), len(explored))
    return explored


def _kept(candidates: Candidates, stays: NDArray[np.bool_]) -> Candidates:
    return Candidates(*lists.kept(candidates.items, candidates.scores, candidates.source, stays), candidates.sources)


def _without(candidates: Candidates, few: Numbers) -> Candidates:
    return _kept(candidates, lists.absent(candidates.items, few)) if len(few) else candidates


def _joined(first: Candidates, second: Candidates) -> Candidates:
    if not len(first):
        return Candidates(second.items, second.scores, second.source, first.sources)
    if not len(second):
        return first
    return Candidates(
        np.concatenate([first.items, second.items]),
        np.concatenate([first.scores, second.scores]),
        np.concatenate([first.source, second.source]),
        first.sources,
    )


def _nothing(names: tuple[str, ...]) -> Candidates:
    return Candidates(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int8), names)


def _note(trace: Trace | None, name: str, before: int, after: int) -> None:
    if trace is not None:
        trace.stages.append((name, before, after))
