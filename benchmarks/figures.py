"""Plain statistics: medians and ranges, paired ratios, percentiles, and the slope of a line with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import median
from typing import Final

import numpy as np

PERCENTILES: Final = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 100.0)

_T_975: Final = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""Student's t at 97.5 % for 1, 2, 3 … degrees of freedom; beyond the table ``_t`` comes from above within 0.5 %."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, and the smallest and largest of them."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast something grows, and the 95 % interval of that; in y's unit per x's unit."""

    value: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return median and range; raises ``ValueError`` for no values."""
    if not values:
        raise ValueError("no rounds, no median")
    return Spread(median(values), min(values), max(values))


def ratios(ours: Sequence[float], limits: Sequence[float]) -> list[float]:
    """Return each round's figure over the limit measured in the same round."""
    return [one / limit for one, limit in zip(ours, limits, strict=True)]


def percentiles(values: Sequence[float] | np.ndarray, wanted: Sequence[float] = PERCENTILES) -> dict[str, float]:
    """Return the named percentiles, nearest rank from above, so that none is a value that did not occur; empty for none."""
    if not len(values):
        return {}
    found = np.percentile(np.asarray(values), wanted, method="higher")
    return {f"p{part:g}": float(value) for part, value in zip(wanted, found, strict=True)}


def curve(values: Sequence[float] | np.ndarray) -> list[tuple[float, float]]:
    """Return (percentile, value) points that draw the tail as finely as the middle: every halving in eight steps."""
    if not len(values):
        return []
    parts: list[float] = []
    above = 1.0
    while above * len(values) >= 1 and above > 1e-6:
        parts.extend(100 * (1 - above * (1 - step / 16)) for step in range(8))
        above /= 2
    parts.append(100.0)
    found = np.percentile(np.asarray(values), parts, method="higher")
    return [(part, float(value)) for part, value in zip(parts, found, strict=True)]


def slope(xs: Sequence[float], ys: Sequence[float]) -> Slope:
    """Return the least-squares slope and its 95 % interval (Student's t over the residuals).

    The interval takes residuals as independent: give it means over stretches longer than what wobbles. With two points it is
    as wide as can be; fewer than two different ``xs`` raise ``ValueError``.
    """
    x, y = np.asarray(xs, float), np.asarray(ys, float)
    wide = float(((x - x.mean()) ** 2).sum()) if len(x) else 0.0
    if wide == 0:
        raise ValueError("a slope needs two different moments")
    value = float(((x - x.mean()) * (y - y.mean())).sum() / wide)
    free = len(x) - 2
    if free < 1:
        return Slope(value, -inf, inf)
    rest = y - y.mean() - value * (x - x.mean())
    half = _t(free) * sqrt(float((rest**2).sum()) / free / wide)
    return Slope(value, value - half, value + half)


def _t(free: int) -> float:
    return _T_975[free - 1] if free <= len(_T_975) else 1.96 + 2.5 / free
