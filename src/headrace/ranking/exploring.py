"""Showing now and then what has not proven itself yet: chance that can be told again, and weighed afterwards.

Without it, an item is shown once it has met another; whoever has met none stays unseen. What is learned from shown items leans
towards what was shown, and the propensity says by how much: an estimate divides by it (Horvitz and Thompson 1952).
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from headrace.pipeline import Candidates, Query, Step
from headrace.reasons import Reason, placed
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Exploring:
    """With the probability ``share``, puts one of the unproven items at ``place``, each of them as likely as another.

    ``place`` counts from 1; a shorter answer gets it at its end. What stood there and behind moves down by one, and the last
    goes. The draw is a hash of (``seed``, user, request): the same request is answered the same way, here and in any replica.

    The propensity of the item at position j is the probability that this policy shows that very item there, given the query,
    the picture and the request's time; with n unproven items that stand not in the answer anyway, s = ``share`` and p the
    place's position:

        1          for j < p, or where n = 0: nothing is left to chance
        1 - s      for j >= p in an answer that was left as it was
        s / n      for j = p in one that was explored
        s          for j > p in one that was explored

    No item can come to one position in two ways, as the answer holds none twice, so these are exact. At one position they need
    not add up to 1 over the items of a single answer: they belong to all the answers that might have been.
    """

    share: float = 0.05
    place: int = 5
    seed: int = 0
    name: str = "exploring"

    def __post_init__(self) -> None:
        """Refuse what is no probability and no place."""
        if self.share > 1:
            raise ValueError(f"share is a probability, at most 1, not {self.share:g}")
        if self.place < 1:
            raise ValueError("place counts from 1")

    def at(self, query: Query, answer: Candidates) -> int:
        """Return at which place, from 0, something is tried out in this answer."""
        return min(self.place - 1, len(answer), query.k - 1)

    def explore(self, query: Query, answer: Candidates, unproven: Candidates) -> Candidates:
        """Return the answer with its propensities, as it was or with one of the unproven items in it."""
        sources = (*answer.sources, *unproven.sources)
        position = self.at(query, answer)
        if not len(unproven):
            return Candidates(answer.items, answer.scores, answer.source, sources, np.ones(len(answer)))
        coin, which = self._draws(query)
        if coin >= self.share:
            propensities = np.where(np.arange(len(answer)) < position, 1.0, 1.0 - self.share)
            return Candidates(answer.items, answer.scores, answer.source, sources, propensities)
        one = which % len(unproven)
        owner = int(unproven.source[one]) + len(answer.sources)
        items = np.insert(answer.items, position, unproven.items[one])[: query.k]
        propensities = np.where(np.arange(len(items)) < position, 1.0, self.share)
        propensities[position] = self.share / len(unproven)
        return Candidates(
            items,
            np.insert(answer.scores, position, unproven.scores[one])[: query.k],
            np.insert(answer.source, position, owner)[: query.k],
            sources,
            propensities,
        )

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return what chance did to an item, with its propensity where it is shown."""
        before, after, unproven = (
            step.before.place(item),
            step.after.place(item),
            0 if step.offered is None else len(step.offered),
        )
        tried = bool(np.setdiff1d(step.after.items, step.before.items).size)
        drawn = step.offered is not None and step.offered.place(item) is not None
        if after is None:
            if before is not None:
                return Reason(placed.moved_out(), figures={"place_before": before + 1, "share": self.share})
            return Reason(placed.not_drawn(unproven) if drawn else placed.nothing_to_try(), figures={"unproven": unproven})
        propensity = None if step.after.propensities is None else float(step.after.propensities[after])
        if before is None:
            said = placed.explored(self.share, after + 1, unproven)
        else:
            said = placed.moved_down() if tried and before != after else placed.left_alone()
        return Reason(said, figures={"propensity": propensity, "share": self.share, "unproven": unproven, "place": after + 1})

    def _draws(self, query: Query) -> tuple[float, int]:
        """Return a number of 0..1 and a large whole number, both of this request alone. Ids hold no NUL."""
        drawn = blake2b(f"{self.seed}\0{query.user_id}\0{query.request_id}".encode(), digest_size=16).digest()
        return int.from_bytes(drawn[:7]) / 2**56, int.from_bytes(drawn[8:])
