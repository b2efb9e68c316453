"""What the user may want to come back to."""

from dataclasses import dataclass

import numpy as np

from headrace.pipeline import Numbers, Query, Scores
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Revisits:
    """Proposes the user's recent items, the r-th newest with the score ``share / r``, against 1 for the best personal one.

    The newest is left out: the user is looking at it.
    """

    share: float = 0.5
    history: int = 20
    name: str = "revisits"

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return the known ones of the recent items."""
        found = [
            (number, self.share / rank)
            for rank, entry in enumerate(query.recent[: self.history], start=1)
            if rank > 1 and (number := picture.numbers.get(entry.item_id)) is not None
        ]
        return np.array([number for number, _ in found], np.int32), np.array([score for _, score in found], np.float64)
