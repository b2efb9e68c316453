"""The latest answers of ``/reco`` and ``/recommend``: a ring of samples that ``/metrics/reco`` is computed from."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.api.targets import RECO_P95_MS, RECO_P99_MS
from headrace.clock import Clock


class StatusCounts(msgspec.Struct, frozen=True):
    """Answers by the family of their status."""

    success: int = msgspec.field(name="2xx")
    refused: int = msgspec.field(name="4xx")
    failed: int = msgspec.field(name="5xx")


class Percentiles(msgspec.Struct, frozen=True):
    """Milliseconds from a request's last byte to its answer; 0 while there are no samples."""

    p50: float
    p95: float
    p99: float


class Sla(msgspec.Struct, frozen=True, kw_only=True):
    """The targets and whether the window meets them; an empty window does."""

    target_p95_ms: int = RECO_P95_MS
    target_p99_ms: int = RECO_P99_MS
    p95_met: bool
    p99_met: bool


class RecoMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """What the window shows. ``error_rate_pct`` is the share of 5xx."""

    window_sec: int
    sample_size: int
    status_counts: StatusCounts
    error_rate_pct: float
    latency_ms: Percentiles
    sla: Sla


class Window:
    """Remembers the last answers, at most ``most`` of them, and tells of those younger than ``seconds``."""

    def __init__(self, seconds: int, most: int, clock: Clock) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._at = np.full(most, -math.inf)
        self._latency = np.zeros(most, dtype=np.float32)
        self._family = np.zeros(most, dtype=np.int8)
        self._next = 0

    def add(self, status: int, latency_ms: float, at: float) -> None:
        """Remember one answer, given at the monotonic second ``at``; the oldest gives way."""
        place = self._next
        self._at[place] = at
        self._latency[place] = latency_ms
        self._family[place] = status // 100
        self._next = (place + 1) % self._most

    @property
    def place(self) -> int:
        """Return where the next answer will be remembered; see ``after``."""
        return self._next

    def after(self, place: int) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Return latencies (ms) and status families of the answers since the window was at this place, oldest first.

        Whoever looks more seldom than once in a window's length misses what was overwritten.
        """
        where = np.arange(place, self._next if self._next >= place else self._next + self._most) % self._most
        return self._latency[where], self._family[where]

    def metrics(self) -> RecoMetrics:
        """Return the figures of the window as it is now."""
        live = self._at > self._clock.monotonic() - self._seconds
        size = int(live.sum())
        families = np.bincount(self._family[live], minlength=6)
        p50, p95, p99 = (float(one) for one in np.percentile(self._latency[live], (50, 95, 99))) if size else (0.0, 0.0, 0.0)
        return RecoMetrics(
            window_sec=self._seconds,
            sample_size=size,
            status_counts=StatusCounts(int(families[2]), int(families[4]), int(families[5])),
            error_rate_pct=round(100 * int(families[5]) / size, 3) if size else 0.0,
            latency_ms=Percentiles(round(p50, 3), round(p95, 3), round(p99, 3)),
            sla=Sla(p95_met=p95 <= RECO_P95_MS, p99_met=p99 <= RECO_P99_MS),
        )
