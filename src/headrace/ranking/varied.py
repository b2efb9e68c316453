"""A list that is not all of one kind: maximal marginal relevance (Carbonell and Goldstein 1998)."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import lists, variety
from headrace.pipeline import Candidates, Numbers, Query, Step, outranked
from headrace.pipeline.arranging import values_of
from headrace.reasons import Figure, Reason, placed, ruled
from headrace.snapshot.attributes import Column
from headrace.snapshot.picture import Picture

TOLD: Final = 0.01
"""A likeness below it is not worth a word."""


@dataclass(frozen=True, slots=True)
class Varied:
    """Chooses one after the other who has the largest (1 - ``variety``) · score - ``variety`` · likeness.

    The best score counts as 1. The likeness is that to the item it resembles most among those chosen before: the larger of
    ``attributes`` · the share of values that both have, of the attributes named in ``by`` (with commas between), and
    ``neighbours`` · the strength of the link from the chosen item, its strongest neighbour being 1. With a ``variety`` of 0 it
    is `top`. Only the ``reach`` best are looked at, more where more are asked for.

    J. Carbonell and J. Goldstein, The use of MMR, diversity-based reranking for reordering documents and producing summaries,
    SIGIR 1998; the likeness is ours.
    """

    plain: ClassVar[bool] = False
    variety: float = 0.1
    by: str = "categories"
    attributes: float = 1.0
    neighbours: float = 1.0
    reach: int = 100
    name: str = "varied"

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if self.variety > 1:
            raise ValueError(f"variety is a share, at most 1, not {self.variety:g}")

    def select(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.intp]:
        """Return the indices of the k chosen, in the order they were chosen in."""
        best = lists.best(candidates.items, candidates.scores, max(self.reach, query.k))
        chosen = np.empty(min(query.k, len(best)), np.int64)
        if not len(chosen):
            return best
        items, scores = candidates.items[best], candidates.scores[best]
        begins, values = values_of(self._columns(picture), items)
        links = picture.links
        slots = np.empty(1 << (2 * len(items)).bit_length(), np.int32)
        variety.varied(
            items, scores / scores[0] if scores[0] > 0 else scores, begins, values,
            links.starts, links.sizes, links.items, links.strengths,
            slots, self.variety, self.attributes, self.neighbours, chosen,
        )  # fmt: skip
        return best[chosen]

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return an item's place, the one its score alone would give it, and whom before it it resembles most."""
        rank, score, at = step.before.rank(item), step.before.score(item), step.after.place(item)
        if rank is None or score is None:
            return Reason(placed.no_candidate())
        before = step.after.items if at is None else step.after.items[:at]
        other, alike = self._nearest(picture, item, before)
        figures: dict[str, Figure] = {"by_score": rank, "of": len(step.before)}
        resembles = ""
        if other is not None and alike >= TOLD:
            figures |= {"resembles": picture.ids[other], "likeness": alike}
            resembles = ruled.resembles(picture.ids[other], alike)
        if at is not None:
            return Reason(ruled.varied(at + 1, rank, len(step.before), resembles), figures={**figures, "place": at + 1})
        reason = outranked(picture, step.after, rank, len(step.before), score)
        return Reason(f"{reason.words} {resembles}".strip(), figures={**reason.figures, **figures})

    def _columns(self, picture: Picture) -> list[Column]:
        names = [name.strip() for name in self.by.split(",") if name.strip()]
        return [column for name in names for column in picture.catalogue.attributes.columns(name).values()]

    def _nearest(self, picture: Picture, item: int, others: Numbers) -> tuple[int | None, float]:
        """Return which of these items one resembles most, and how much."""
        nearest: int | None = None
        most = 0.0
        begins, values = values_of(self._columns(picture), np.array([item, *others], np.int32))
        for place, other in enumerate(others.tolist(), start=1):
            alike = self.attributes * variety.shared(0, place, begins, values)
            near = picture.neighbours(other)
            linked = near.strengths[near.items == item]
            if len(linked) and near.strengths.max() > 0:
                alike = max(alike, self.neighbours * float(linked[0] / near.strengths.max()))
            if alike > most:
                nearest, most = other, alike
        return nearest, most
