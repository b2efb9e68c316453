"""The simplest choice: the best k."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import lists
from headrace.pipeline import Candidates, Query, Step, outranked
from headrace.reasons import Reason, placed
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Top:
    """Selects the k best scores; equals go by item number, so that the order is always the same."""

    plain: ClassVar[bool] = True
    name: str = "top"

    def select(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.intp]:
        """Return the indices of the k best, best first."""
        return lists.best(candidates.items, candidates.scores, query.k)

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return an item's place among all candidates, and where that is too low the last of those that were chosen."""
        place, score = step.before.rank(item), step.before.score(item)
        if place is None or score is None:
            return Reason(placed.no_candidate())
        chosen = step.after.place(item)
        if chosen is not None:
            return Reason(placed.best(chosen + 1, len(step.before)), figures={"place": chosen + 1, "of": len(step.before)})
        return outranked(picture, step.after, place, len(step.before), score)
