"""The simplest choice: the best k."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import lists
from headrace.pipeline import Candidates, Query
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Top:
    """Selects the k best scores; equals go by item number, so that the order is always the same."""

    plain: ClassVar[bool] = True
    name: str = "top"

    def select(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.intp]:
        """Return the indices of the k best, best first."""
        return lists.best(candidates.items, candidates.scores, query.k)
