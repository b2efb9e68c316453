"""The last hour of this API process, a row a second: what it was sent, what it answered, how fast, how far behind it was.

Filled from memory by one look a second; only how far the workers are behind is asked of the database, and seldom while nobody
looks. Its size is fixed.
"""

import asyncio
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace import telemetry
from headrace.api.window import Window
from headrace.console.services import Services
from headrace.errors import Unavailable
from headrace.log.port import Topic

KEPT_S: Final = 3600
LOOK_S: Final = 1.0
SELDOM_S: Final = 10
"""Seconds between two questions to the database while nobody looks."""

WATCHED_S: Final = 30.0
"""Somebody who asked so short a time ago is still looking."""

EDGES: Final = np.geomspace(0.05, 20_000, 87)
"""Upper bounds of the bins of latencies in ms, each 16 % above the one before: a percentile is told that exactly."""

Rows = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the timeline in ``len(at_ms)`` equal steps, the last of which ends now.

    A row a step: ``events`` a second by topic, ``asked`` answers a second, ``latency`` p50, p95 and p99 in ms, ``lag_records``.
    NaN where nothing is known.
    """

    step_s: int
    at_ms: Counts
    events: Rows
    asked: Rows
    latency: Rows
    lag_records: Rows


@dataclass(frozen=True, slots=True)
class Recently:
    """Sums over the last seconds: rates a second, percentiles in ms (NaN without answers), the share of 5xx in percent."""

    events: float
    asked: float
    latency: tuple[float, float, float]
    error_pct: float
    visible: Counts
    """How many events became visible within each bound of ``telemetry.EVENT_TO_VISIBLE``."""


class Timeline:
    """Remembers; ``watch`` fills it."""

    def __init__(self, services: Services, window: Window) -> None:
        self._services = services
        self._window = window
        self._place = window.place
        self._looked_at = self._asked_at = -math.inf
        self._seconds = 0
        self._events = np.zeros((KEPT_S, len(Topic)), np.int64)
        self._latency = np.zeros((KEPT_S, len(EDGES) + 1), np.int64)
        self._failed = np.zeros(KEPT_S, np.int64)
        self._visible = np.zeros((KEPT_S, len(telemetry.EVENT_TO_VISIBLE.here().counts)), np.int64)
        self._lag = np.full(KEPT_S, np.nan)
        self._before = self._accepted()
        self._seen = np.array(telemetry.EVENT_TO_VISIBLE.here().counts)
        self.lag_records: int | None = None
        self.lag_ms: int | None = None
        """How many events were not applied at the last question, and how long the oldest had waited; None before an answer."""

    @property
    def seconds(self) -> int:
        """Return how many seconds are remembered."""
        return min(self._seconds, KEPT_S)

    async def watch(self) -> None:
        """Look once a second, until cancelled."""
        clock = self._services.clock
        due = clock.monotonic()
        while True:
            due = max(due + LOOK_S, clock.monotonic())
            await asyncio.sleep(due - clock.monotonic())
            self.look()
            watched = clock.monotonic() - self._looked_at < WATCHED_S
            if watched or self._seconds % SELDOM_S == 0:
                await self._ask()

    def look(self) -> None:
        """Take down what happened since the last look."""
        row = self._seconds % KEPT_S
        accepted = self._accepted()
        self._events[row] = accepted - self._before
        self._before = accepted
        latencies, families = self._window.after(self._place)
        self._place = self._window.place
        self._latency[row] = np.bincount(np.searchsorted(EDGES, latencies), minlength=len(EDGES) + 1)
        self._failed[row] = np.count_nonzero(families == 5)
        seen = np.array(telemetry.EVENT_TO_VISIBLE.here().counts)
        self._visible[row] = seen - self._seen
        self._seen = seen
        fresh = self._services.clock.monotonic() - self._asked_at < SELDOM_S + LOOK_S
        self._lag[row] = self._lag[row - 1] if fresh else np.nan
        self._seconds += 1

    def span(self, seconds: int, steps: int) -> Span:
        """Return the last seconds, summed into steps."""
        step_s = seconds // steps
        # Steps begin at whole multiples, so that a figure stays in its step as time goes on.
        end = -(-self._seconds // step_s) * step_s
        rows = np.arange(end - seconds, end)
        known = (rows >= max(0, self._seconds - KEPT_S)) & (rows < self._seconds)
        rows = np.where(known, rows % KEPT_S, 0)
        lived = known.reshape(steps, step_s).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            events = _stepped(self._events[rows] * known[:, None], steps) / lived[:, None]
            latency = _stepped(self._latency[rows] * known[:, None], steps)
            asked = latency.sum(axis=1) / lived
        lag = np.where(known, self._lag[rows], np.nan).reshape(steps, step_s)
        now_ms = self._services.clock.now_ms()
        at_s = np.arange(end - seconds, end, step_s) - self._seconds
        return Span(step_s, now_ms + 1000 * at_s, events, asked, _percentiles(latency), _latest(lag))

    def recently(self, seconds: int) -> Recently:
        """Return sums over the last seconds, of those that are remembered; somebody looks."""
        self._looked_at = self._services.clock.monotonic()
        lived = min(seconds, self.seconds)
        rows = np.arange(self._seconds - lived, self._seconds) % KEPT_S
        latency = self._latency[rows].sum(axis=0)
        asked = int(latency.sum())
        p50, p95, p99 = _percentiles(latency[None, :])[0].tolist()
        return Recently(
            events=self._events[rows].sum() / max(lived, 1),
            asked=asked / max(lived, 1),
            latency=(p50, p95, p99),
            error_pct=100 * int(self._failed[rows].sum()) / asked if asked else 0.0,
            visible=self._visible[rows].sum(axis=0),
        )

    def _accepted(self) -> Counts:
        """Return how many events of each kind the door has taken so far."""
        taken = dict.fromkeys(Topic, 0)
        for family in telemetry.EVENTS_ACCEPTED.here().collect():
            for sample in family.samples:
                kind = self._services.topics.get(sample.labels["topic"])
                if kind is not None and sample.labels["verdict"] == "ok":
                    taken[kind] += int(sample.value)
        return np.array(list(taken.values()))

    async def _ask(self) -> None:
        try:
            figures = await self._services.worker_figures()
        except Unavailable:
            return
        self._asked_at = self._services.clock.monotonic()
        self.lag_records = sum(one.lag_records or 0 for one in figures.partitions)
        self._lag[(self._seconds - 1) % KEPT_S] = self.lag_records
        self.lag_ms = figures.runtime.last_consumer_lag_ms


def quantiles(bounds: Rows, counts: Counts, share: float) -> Rows:
    """Return for each row of counts the value below which this share lies, interpolated in its bin.

    NaN for a row of nothing; the last bound for what lies above it.
    """
    together = np.cumsum(counts, axis=1)
    total = together[:, -1:]
    wanted = share * total
    place = np.argmax(together >= wanted, axis=1)[:, None]
    before = np.take_along_axis(np.hstack([np.zeros_like(total), together]), place, axis=1)
    inside = (wanted - before) / np.maximum(np.take_along_axis(counts, place, axis=1), 1)
    edges = np.concatenate([[0.0], bounds, bounds[-1:]])
    found = edges[place] + (edges[place + 1] - edges[place]) * inside
    told: Rows = np.where(total > 0, found, np.nan)[:, 0]
    return told


def _stepped(rows: Counts, steps: int) -> Counts:
    summed: Counts = rows.reshape(steps, -1, rows.shape[1]).sum(axis=1)
    return summed


def _percentiles(latency: Counts) -> Rows:
    return np.stack([quantiles(EDGES, latency, share) for share in (0.5, 0.95, 0.99)], axis=1)


def _latest(rows: Rows) -> Rows:
    """Return the last number of each row, NaN of one without any."""
    return np.array([known[-1] if len(known := row[~np.isnan(row)]) else np.nan for row in rows])
