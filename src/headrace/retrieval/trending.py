"""What is liked now and what is new: both read from how fresh an item's popularity is.

An item's decayed weight over its raw weight is the mean of 2^(-age/H) over its events; its logarithm is therefore a mean age.
That tells items that live from items that lived, without another sum to keep.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.features.decay import MS_PER_DAY
from headrace.pipeline import Numbers, Query, Scores
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
        most = query.k + len(query.numbers(picture)) + len(query.exclude)
        popular = picture.shown_popular(most, query.only, query.given)
        if not len(popular):
            return popular, np.empty(0)
        heat = picture.decayed[popular] * np.exp2(-mean_age_days(picture, popular) / self.half_life_days)
        best = np.argsort(-heat, kind="stable")[:most]
        top = heat[best[0]]
        return popular[best], heat[best] / top if top > 0 else np.zeros(len(best))


def mean_age_days(picture: Picture, items: Numbers) -> NDArray[np.float64]:
    """Return how old these items' events are in the mean (of 2^(-age/H), so that fresh ones speak louder), in days.

    It counts from the newest event that the stream has seen, and is at least 0.
    """
    half_life_days = picture.rules.settings.half_life_ms / MS_PER_DAY
    freshness = picture.decayed[items] / (np.maximum(picture.weight[items], 1) * picture.now_factor)
    ages: NDArray[np.float64] = np.maximum(-np.log2(np.maximum(freshness, 1e-300)), 0.0) * half_life_days
    return ages
