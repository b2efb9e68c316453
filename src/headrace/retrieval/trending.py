"""What is liked now and what is new: both read from how fresh an item's popularity is.

An item's decayed weight over its raw weight is the mean of 2^(-age/H) over its events; its logarithm is therefore a mean age.
That tells items that live from items that lived, without another sum to keep.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.features.decay import MS_PER_DAY
from headrace.pipeline import Numbers, Query, Scores, Step
from headrace.reasons import Factor, Figure, Reason, Term, proposed
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Trending:
    """Proposes popular items by decayed weight · 2^(-mean age / ``half_life_days``), scored in 0..1.

    It looks among the 1000 most popular: what trends is popular, or it is ``Arrivals``' to propose.
    """

    half_life_days: float = 1.0
    name: str = "trending"

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return enough items to fill the answer even when all recent ones are left out."""
        least, most = query.reach(picture)
        popular = picture.shown_popular(least, query.permitted(picture), query.given)
        if not len(popular):
            return popular, np.empty(0)
        heat = picture.decayed[popular] * np.exp2(-mean_age_days(picture, popular) / self.half_life_days)
        best = np.argsort(-heat, kind="stable")[:most]
        top = heat[best[0]]
        return popular[best], heat[best] / top if top > 0 else np.zeros(len(best))

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return how much an item is liked now."""
        after = step.after
        place, heat = after.place(item), self._heat(picture, item)
        age, weighs = float(mean_age_days(picture, np.array([item], np.int32))[0]), float(picture.decayed[item])
        figures: dict[str, Figure] = {"weight_now": weighs / picture.now_factor, "mean_age_days": age}
        if place is None:
            return Reason(proposed.not_trending() if picture.events[item] else proposed.no_events(), figures=figures)
        first = int(after.items[0])
        top = self._heat(picture, first)
        scale = Factor(name="normalisation", times=1 / top if top > 0 else 0.0, words=proposed.best_is_one(picture.ids[first]))
        liked = Term(name="heat", adds=heat, words=proposed.fresh(age, self.half_life_days))
        return Reason(proposed.trending(place + 1, age), [liked], [scale], {**figures, "place": place + 1})

    def _heat(self, picture: Picture, item: int) -> float:
        age = float(mean_age_days(picture, np.array([item], np.int32))[0])
        return float(picture.decayed[item]) / picture.now_factor * float(np.exp2(-age / self.half_life_days))


def mean_age_days(picture: Picture, items: Numbers) -> NDArray[np.float64]:
    """Return how old these items' events are in the mean (of 2^(-age/H), so that fresh ones speak louder), in days.

    It counts from the newest event that the stream has seen, and is at least 0.
    """
    half_life_days = picture.rules.settings.half_life_ms / MS_PER_DAY
    freshness = picture.decayed[items] / (np.maximum(picture.weight[items], 1) * picture.now_factor)
    ages: NDArray[np.float64] = np.maximum(-np.log2(np.maximum(freshness, 1e-300)), 0.0) * half_life_days
    return ages
