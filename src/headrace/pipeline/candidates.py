"""What goes through a pipeline: items as dense numbers, with scores and sources, on parallel arrays."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.kernels import lists
from headrace.rules.made import Applied

Numbers = NDArray[np.int32]
Scores = NDArray[np.float64]


class Candidates(msgspec.Struct, frozen=True):
    """Items with their score and the source that proposed each; three parallel arrays, no item twice.

    ``source`` holds indices into ``sources``. Scores of one list are comparable with each other. ``propensities``, parallel to
    them too, are how likely each item was to be shown at its place; None where nothing was left to chance. ``applied`` is what
    rules did to a finished answer; None where there were none.
    """

    items: Numbers
    scores: Scores
    source: NDArray[np.int8]
    sources: tuple[str, ...]
    propensities: Scores | None = None
    applied: Applied | None = None

    def __len__(self) -> int:
        """Return how many candidates there are."""
        return len(self.items)

    def keep(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Candidates":
        """Return those that a mask or an order of indices picks."""
        return Candidates(self.items[chosen], self.scores[chosen], self.source[chosen], self.sources)

    def place(self, item: int) -> int | None:
        """Return at which index an item stands; None where it is not among them."""
        found = np.flatnonzero(self.items == item)
        return int(found[0]) if len(found) else None

    def score(self, item: int) -> float | None:
        """Return an item's score; None where it is not among them."""
        place = self.place(item)
        return None if place is None else float(self.scores[place])

    def rank(self, item: int) -> int | None:
        """Return at which place, from 1, an item stands by its score, equals by number; None where it is not among them."""
        score = self.score(item)
        if score is None:
            return None
        before = (self.scores > score) | ((self.scores == score) & (self.items < item))
        return int(before.sum()) + 1


def nothing(names: tuple[str, ...]) -> Candidates:
    """Return no candidates, of these sources."""
    return Candidates(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int8), names)


def owned(source: int, names: tuple[str, ...], items: Numbers, scores: Scores) -> Candidates:
    """Return items and scores as candidates of one source, the one of this index into the names."""
    owner = np.empty(len(items), np.int8)
    owner.fill(source)
    return Candidates(items, scores, owner, names)


def kept(candidates: Candidates, stays: NDArray[np.bool_]) -> Candidates:
    """Return those for which a mask is true; for masks the quicker way to ``keep``."""
    return Candidates(*lists.kept(candidates.items, candidates.scores, candidates.source, stays), candidates.sources)


def without(candidates: Candidates, few: Numbers) -> Candidates:
    """Return those that are not among a few items."""
    return kept(candidates, lists.absent(candidates.items, few)) if len(few) else candidates


def joined(first: Candidates, second: Candidates) -> Candidates:
    """Return both, one behind the other; their sources are those of the first."""
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
