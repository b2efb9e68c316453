"""Paired bootstrap: how sure a difference is, given that the same sessions were asked of both.

Whole sessions are drawn again, with replacement, as the predictions of one session hang together (Efron and Tibshirani 1993,
"An Introduction to the Bootstrap", chapter 13: percentile intervals).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

DRAWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference and its 95 % interval; ``sure`` when the interval leaves out 0."""

    mean: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Return whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def paired(ours: NDArray[np.float64], theirs: NDArray[np.float64], sessions: NDArray[np.int64], *, seed: int = 0) -> Difference:
    """Return how much larger ours is in the mean; parallel arrays over predictions. The same seed gives the same interval."""
    if not len(ours):
        return Difference(0.0, 0.0, 0.0)
    _, where = np.unique(sessions, return_inverse=True)
    sums = np.bincount(where, weights=ours - theirs)
    counts = np.bincount(where).astype(np.float64)
    chance = np.random.default_rng(seed)
    means = np.empty(DRAWS)
    for draw in range(DRAWS):
        drawn = chance.integers(0, len(sums), len(sums))
        means[draw] = sums[drawn].sum() / counts[drawn].sum()
    low, high = np.percentile(means, (2.5, 97.5))
    return Difference(float(sums.sum() / counts.sum()), float(low), float(high))
