"""How an answer is made: sources propose, filters remove, scorers weigh, a selector chooses, fillers complete a short answer.

Items are numbers here, the dense numbers that the snapshot gives them, so that every stage works on arrays. A stage is pure:
the same picture, query and candidates give the same result, and no stage waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headrace.features.history import Entry
from headrace.snapshot.picture import Picture

Numbers = NDArray[np.int32]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: for whom, how many, and what is known of them. ``recent`` is newest first.

    ``returns`` is which share of the user's latest steps led back to an item they had been at before.
    """

    user_id: str
    session_id: str | None
    request_id: str
    k: int
    recent: tuple[Entry, ...] = ()
    exclude: frozenset[str] = frozenset()
    returns: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items with their score and the source that proposed each; three parallel arrays, no item twice.

    ``source`` holds indices into ``sources``. Scores of one list are comparable with each other.
    """

    items: Numbers
    scores: Scores
    source: NDArray[np.int8]
    sources: tuple[str, ...]

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


class Filter(Protocol):
    """Says which candidates may stay."""

    @property
    def name(self) -> str:
        """Return the filter's name in recipes, traces and metrics."""
        ...

    def allow(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.bool_]:
        """Return a mask as long as the candidates, true where one stays."""
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
    """Chooses and orders what is shown."""

    @property
    def name(self) -> str:
        """Return the selector's name in recipes, traces and metrics."""
        ...

    def select(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.intp]:
        """Return at most ``query.k`` indices of candidates, best first, none twice."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named pipeline; ``version`` is ``name@digest`` over its parts and weights, so a changed weight changes it.

    ``fillers`` are sources that are asked in order only while the answer is short of what was asked for.
    """

    name: str
    version: str
    sources: tuple[Source, ...]
    filters: tuple[Filter, ...]
    scorers: tuple[Scorer, ...]
    selector: Selector
    fillers: tuple[Source, ...] = ()


@dataclass(slots=True)
class Trace:
    """What each stage did: how many candidates came in and out of it, by the stage's name, in order."""

    stages: list[tuple[str, int, int]] = field(default_factory=list)


def run(recipe: Recipe, picture: Picture, query: Query, trace: Trace | None = None) -> Candidates:
    """Return the answer, best first: at most ``query.k`` candidates, no item twice, each with its source and score.

    What a filler adds stands behind everything else, its scores below 0.
    """
    candidates = _filtered(recipe, _gather(recipe.sources, picture, query, trace), picture, query, trace)
    for scorer in recipe.scorers:
        scores = scorer.score(picture, query, candidates)
        candidates = Candidates(candidates.items, scores, candidates.source, candidates.sources)
        _note(trace, scorer.name, candidates, candidates)
    chosen = candidates.keep(recipe.selector.select(picture, query, candidates))
    _note(trace, recipe.selector.name, candidates, chosen)
    for number, filler in enumerate(recipe.fillers, start=1):
        if len(chosen) < query.k:
            chosen = _filled(recipe, chosen, filler, number, picture, query, trace)
    return chosen


def contributors(answer: Candidates) -> list[str]:
    """Return the names of the sources that the answer's items came from, in the recipe's order."""
    return [answer.sources[number] for number in np.unique(answer.source)]


def _gather(sources: Sequence[Source], picture: Picture, query: Query, trace: Trace | None) -> Candidates:
    items: list[Numbers] = []
    scores: list[Scores] = []
    owner: list[NDArray[np.int8]] = []
    for number, source in enumerate(sources):
        found, score = source.propose(picture, query)
        items.append(found)
        scores.append(score)
        owner.append(np.full(len(found), number, dtype=np.int8))
        if trace is not None:
            trace.stages.append((source.name, 0, len(found)))
    names = tuple(source.name for source in sources)
    if not items:
        return Candidates(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int8), names)
    together = Candidates(np.concatenate(items), np.concatenate(scores), np.concatenate(owner), names)
    _, first = np.unique(together.items, return_index=True)
    return together.keep(np.sort(first)) if len(first) < len(together) else together


def _filtered(recipe: Recipe, candidates: Candidates, picture: Picture, query: Query, trace: Trace | None) -> Candidates:
    for part in recipe.filters:
        kept = candidates.keep(part.allow(picture, query, candidates))
        _note(trace, part.name, candidates, kept)
        candidates = kept
    return candidates


def _filled(
    recipe: Recipe, chosen: Candidates, filler: Source, number: int, picture: Picture, query: Query, trace: Trace | None
) -> Candidates:
    """Return the answer with what this filler, the recipe's ``number``-th, can add; its scores lie ``number`` lower."""
    names = (*chosen.sources, filler.name)
    items, scores = filler.propose(picture, query)
    best = np.lexsort((items, -scores))
    more = Candidates(items[best], scores[best] - number, np.full(len(items), len(names) - 1, np.int8), names)
    more = more.keep(~np.isin(more.items, chosen.items))
    more = _filtered(recipe, more, picture, query, None)
    more = more.keep(np.arange(min(len(more), query.k - len(chosen))))
    filled = Candidates(
        np.concatenate([chosen.items, more.items]),
        np.concatenate([chosen.scores, more.scores]),
        np.concatenate([chosen.source, more.source]),
        names,
    )
    _note(trace, filler.name, chosen, filled)
    return filled


def _note(trace: Trace | None, name: str, before: Candidates, after: Candidates) -> None:
    if trace is not None:
        trace.stages.append((name, len(before), len(after)))
