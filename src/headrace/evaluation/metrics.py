"""The metrics, as plain functions over ranks and lists.

A rank is the place of the wanted item in a list, counted from 1; 0 says that the list does not hold it. With one wanted item
a prediction, the hit rate at k is recall at k.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Ranks = NDArray[np.int32]


def hit_rate(ranks: Ranks, k: int) -> float:
    """Return the share of predictions whose wanted item stands among the first ``k``; 0 without predictions."""
    return float(np.mean(_hits(ranks, k))) if len(ranks) else 0.0


def mean_reciprocal_rank(ranks: Ranks, k: int) -> float:
    """Return the mean of 1/rank, 0 where the wanted item is not among the first ``k``."""
    return float(np.mean(reciprocal(ranks, k))) if len(ranks) else 0.0


def ndcg(ranks: Ranks, k: int) -> float:
    """Return the normalised discounted cumulative gain: with one wanted item the mean of 1/log2(1 + rank)."""
    if not len(ranks):
        return 0.0
    hits = _hits(ranks, k)
    return float(np.mean(np.where(hits, 1.0 / np.log2(1.0 + np.maximum(ranks, 1)), 0.0)))


def reciprocal(ranks: Ranks, k: int) -> NDArray[np.float64]:
    """Return 1/rank of each prediction, 0 where the wanted item is not among the first ``k``."""
    return np.where(_hits(ranks, k), 1.0 / np.maximum(ranks, 1), 0.0)


def coverage(lists: Iterable[Sequence[int]], catalogue: int) -> float:
    """Return the share of the catalogue that was shown at all; 0 for an empty catalogue."""
    shown: set[int] = set()
    for items in lists:
        shown.update(items)
    return len(shown) / catalogue if catalogue else 0.0


def popularity_bias(lists: Iterable[Sequence[int]], events: Mapping[int, int]) -> float:
    """Return the mean popularity of what was shown, where 1 is the most popular item's count of ``events``.

    An item without events counts as 0; nothing shown is 0.
    """
    most = max(events.values(), default=0)
    if not most:
        return 0.0
    total = shown = 0
    for items in lists:
        total += sum(events.get(item, 0) for item in items)
        shown += len(items)
    return total / most / shown if shown else 0.0


def _hits(ranks: Ranks, k: int) -> NDArray[np.bool_]:
    hits: NDArray[np.bool_] = (ranks > 0) & (ranks <= k)
    return hits
