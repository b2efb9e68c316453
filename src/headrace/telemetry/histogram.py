"""A histogram that costs a look into a sorted list: the client library's own takes a lock for every bucket it passes."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import add
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString

_UNBOUNDED: Final = "+Inf"


class Histogram:
    """Counts observations by upper bound. One thread observes; any thread may collect, and sees a page at most one behind."""

    def __init__(
        self,
        name: str,
        documentation: str,
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry | None,
        including: "Histogram | None" = None,
    ) -> None:
        """Begin at zero. What the one ``including`` observes counts here too, for no second look; its buckets are ours."""
        self._name = name
        self._documentation = documentation
        self._including = including
        self._bounds = list(buckets)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        if registry is not None:
            registry.register(self)

    def observe(self, amount: float, times: int = 1) -> None:
        """Count an observation, or the same one several times."""
        self._counts[bisect_left(self._bounds, amount)] += times
        self._sum += amount * times

    @property
    def bounds(self) -> list[float]:
        """Return the upper bounds; what lies above the last is counted behind it."""
        return self._bounds

    @property
    def counts(self) -> list[int]:
        """Return a copy of how many observations fell between each bound and the one before it."""
        return self._counts.copy()

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Yield the family without its samples."""
        yield HistogramMetricFamily(self._name, self._documentation)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the family: cumulated counts by upper bound, and the sum."""
        bounds = [*map(floatToGoString, self._bounds), _UNBOUNDED]
        single, total = self._counts, self._sum
        if self._including is not None:
            single = list(map(add, single, self._including._counts))  # noqa: SLF001 - of the same class
            total += self._including._sum  # noqa: SLF001
        counts = [(bound, float(count)) for bound, count in zip(bounds, accumulate(single), strict=True)]
        yield HistogramMetricFamily(self._name, self._documentation, buckets=counts, sum_value=total)
