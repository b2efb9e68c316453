"""What coming back to an item is worth."""

from dataclasses import dataclass

import numpy as np

from headrace.pipeline import Candidates, Query, Scores
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Returning:
    """Adds (``share`` + ``habit`` · returns) / r to the r-th newest of the user's items, where the best personal score is 1.

    ``returns`` is which share of the user's latest steps led back: who goes to and fro will do so again.
    It is added, not put in the place of the item's own score: an item that the others lead back to is the likelier one.
    """

    share: float = 0.5
    habit: float = 1.0
    name: str = "returning"

    def score(self, picture: Picture, query: Query, candidates: Candidates) -> Scores:
        """Return the scores, those of the user's own items raised."""
        rank = {
            number: rank
            for rank, entry in enumerate(query.recent, start=1)
            if (number := picture.numbers.get(entry.item_id)) is not None
        }
        scores = candidates.scores.copy()
        share = self.share + self.habit * query.returns
        own = np.isin(candidates.items, np.fromiter(rank, np.int32, len(rank)))
        for place in np.flatnonzero(own):
            scores[place] += share / rank[int(candidates.items[place])]
        return scores
