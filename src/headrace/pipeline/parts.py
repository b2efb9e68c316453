"""What a pipeline is made of: the kinds of stage, what a stage may be able to tell besides, and the recipe that names them.

A stage is pure: the same picture, query and candidates give the same result, and no stage waits.
"""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from headrace.pipeline.candidates import Candidates, Numbers, Scores
from headrace.pipeline.query import Query
from headrace.pipeline.trace import Step
from headrace.reasons import Reason
from headrace.rules.made import Rules, Under
from headrace.snapshot.picture import Picture


class Source(Protocol):
    """Proposes candidates; several sources are merged, the first that names an item owns it."""

    @property
    def name(self) -> str:
        """Return the source's name in recipes, traces and metrics."""
        ...

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return items, none twice, with scores of at least 0; possibly none."""
        ...


class Lead(NamedTuple):
    """The best of a source under rules, best first, and behind them what rules pin: parallel arrays.

    ``proposed`` is what the source proposes itself; the first ``free`` may come in by their rank.
    """

    items: Numbers
    scores: Scores
    proposed: NDArray[np.bool_]
    free: int


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

    def lead_ruled(
        self, picture: Picture, query: Query, without: Numbers, under: Under, wanted: Numbers, size: int | None
    ) -> Lead:
        """Return the ``size`` best under what rules say of every item, and behind them those ``wanted`` that may be shown.

        None for all that there are. To the last bit what the stages would make of ``propose``.
        """
        ...


@runtime_checkable
class Shared(Source, Protocol):
    """A source that proposes the same to everybody, so that what rules leave of it can be kept from answer to answer."""

    def shared(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return what ``propose`` returns for every query under the same rules that reaches no further than this.

        It changes with what the catalogue and the rules say, and where the picture's ``moves`` do; with nothing else.
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

    def at(self, query: Query, answer: Candidates) -> int:
        """Return at which place of this answer, from 0, it would put something."""
        ...

    def explore(self, query: Query, answer: Candidates, unproven: Candidates) -> Candidates:
        """Return the answer with propensities, at most ``query.k`` items; ``unproven`` holds none of the answer's."""
        ...


@runtime_checkable
class Explaining(Protocol):
    """A part that can tell what it did to one item, or why it did nothing for it. Nobody asks it while an answer is made."""

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return what this part, whose doing the ``step`` is, did to an item of the picture.

        The picture is the one that the step was made on, and unchanged. Where the part changed the item's score, the reason's
        terms and factors lead from the score before to the one behind; a source begins at 0.
        """
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
    rules: Rules | None = None
    """Rules of its own, laid over every answer that it makes, below those of the request."""

    short: bool = field(init=False)
    """Whether what comes before the fillers may be done in one go; see ``Leading``."""

    stocked: bool = field(init=False)
    """Whether the first filler is ``Shared``."""

    def __post_init__(self) -> None:
        """Find out whether there is a short way."""
        alone = len(self.sources) == 1 and isinstance(self.sources[0], Leading) and not self.scorers
        hiding = all(isinstance(part, Hiding) for part in self.filters)
        object.__setattr__(self, "short", alone and hiding and self.selector.plain)
        object.__setattr__(self, "stocked", len(self.fillers) > 0 and isinstance(self.fillers[0], Shared))
