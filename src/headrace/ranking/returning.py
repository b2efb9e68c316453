"""What coming back to an item is worth."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from headrace.kernels import lists
from headrace.pipeline import Candidates, Query, Scores, Step
from headrace.reasons import Reason, Term, scored
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
        scores = candidates.scores.copy()
        recent = query.numbers(picture)
        if len(recent):
            lists.add(candidates.items, scores, recent, (self.share + self.habit * query.returns) / _ranks(len(recent)))
        return scores

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return what coming back adds to an item's score; nothing for one that is not the user's."""
        ranks = np.flatnonzero(query.numbers(picture) == item) + 1
        if not len(ranks):
            return Reason(scored.unchanged(self.name))
        rank, name = int(ranks[0]), picture.ids[item]
        terms = [
            Term(name="share", adds=self.share / rank, item_id=name, figures={"share": self.share, "rank": rank}),
            Term(
                name="habit",
                adds=self.habit * query.returns / rank,
                words=scored.comes_back(query.returns),
                figures={"habit": self.habit, "returns": query.returns, "rank": rank},
            ),
        ]
        return Reason(scored.came_back(rank), terms, about=name)


@cache
def _ranks(size: int) -> Scores:
    return np.arange(1.0, size + 1.0)
