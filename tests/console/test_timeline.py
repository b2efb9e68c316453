"""The last hour in memory: what a step of it says is what happened in those seconds."""

import math
import unittest
from typing import Final

import numpy as np

from headrace import telemetry
from headrace.api.window import Window
from headrace.clock import SystemClock
from headrace.console.settings import ConsoleSettings
from headrace.console.timeline import EDGES, KEPT_S, Timeline, quantiles
from headrace.log.port import Topic
from tests.api.world import World
from tests.console.world import services

TOPIC: Final = "reco_watch"


class TheTimeline(unittest.TestCase):
    """Filled by looks of our own instead of one a second."""

    def setUp(self) -> None:
        """Make one over an empty window."""
        self.window = Window(3600, 1000, SystemClock())
        self.timeline = Timeline(services(World(), ConsoleSettings()), self.window)

    def answered(self, *latencies: float, status: int = 200) -> None:
        """Note answers of this second."""
        for latency in latencies:
            self.window.add(status, latency, 0.0)

    def test_events_are_counted_in_the_second_they_came(self) -> None:
        """By topic, whatever the topic is called outwardly; duplicates are no events."""
        for count in (3, 0, 5):
            telemetry.EVENTS_ACCEPTED.labels(TOPIC, "ok").inc(count)
            telemetry.EVENTS_ACCEPTED.labels(TOPIC, "duplicate").inc()
            self.timeline.look()
        span = self.timeline.span(60, 60)
        place = list(Topic).index(Topic.WATCH)
        self.assertEqual(span.events[-3:, place].tolist(), [3, 0, 5])
        self.assertTrue(np.isnan(span.events[:-3]).all())
        self.assertEqual(self.timeline.recently(10).events, 8 / 3)

    def test_a_step_of_several_seconds_is_their_average(self) -> None:
        """A step that has only begun is the average of the seconds it has."""
        for count in (10, 20, 30, 40, 50, 60):
            telemetry.EVENTS_ACCEPTED.labels(TOPIC, "ok").inc(count)
            self.timeline.look()
        span = self.timeline.span(60, 12)
        self.assertEqual(span.step_s, 5)
        self.assertEqual(span.events[-2:].sum(axis=1).tolist(), [30, 60])
        self.assertEqual(np.diff(span.at_ms).tolist(), [5000] * 11)

    def test_percentiles_are_those_of_the_answers(self) -> None:
        """Within the width of a bin; without answers there are none."""
        self.timeline.look()
        self.answered(*range(1, 101))
        self.timeline.look()
        span = self.timeline.span(60, 60)
        self.assertTrue(np.isnan(span.latency[-2]).all())
        self.assertEqual(span.asked[-2:].tolist(), [0, 100])
        for found, wanted in zip(span.latency[-1], (50, 95, 99), strict=True):
            self.assertLess(abs(found - wanted), 0.16 * wanted)
        self.assertTrue(math.isnan(self.timeline.recently(0).latency[2]))

    def test_failures_are_told_as_a_share(self) -> None:
        """Only 5xx is ours."""
        self.answered(1, 1, 1, status=200)
        self.answered(1, status=503)
        self.answered(1, status=422)
        self.timeline.look()
        self.assertEqual(self.timeline.recently(60).error_pct, 20)

    def test_the_window_s_ring_going_round_loses_nothing(self) -> None:
        """The window overwrites its oldest answers; a look a second is in time."""
        total = 0
        for _ in range(7):
            self.answered(*([2.0] * 300))
            self.timeline.look()
            total += 300
        self.assertEqual(self.timeline.span(60, 60).asked[-7:].tolist(), [300] * 7)
        self.assertEqual(round(self.timeline.recently(7).asked), 300)

    def test_it_remembers_an_hour_and_no_more(self) -> None:
        """What is older gives way, and its size does not grow."""
        before = self.timeline._latency.nbytes
        self.answered(7)
        self.timeline.look()
        for _ in range(KEPT_S):
            self.timeline.look()
        self.assertEqual(self.timeline._latency.nbytes, before)
        self.assertEqual(self.timeline.seconds, KEPT_S)
        self.assertEqual(np.nansum(self.timeline.span(KEPT_S, 60).asked), 0)

    def test_events_that_became_visible_are_counted_by_how_long_it_took(self) -> None:
        """Since the process began is what the metric says; the timeline says since when one likes."""
        telemetry.EVENT_TO_VISIBLE.observe(25)
        self.timeline = Timeline(services(World(), ConsoleSettings()), self.window)
        telemetry.EVENT_TO_VISIBLE.observe(35, 4)
        self.timeline.look()
        visible = self.timeline.recently(60).visible
        self.assertEqual(visible.sum(), 4)
        self.assertEqual(visible[telemetry.EVENT_TO_VISIBLE.bounds.index(40)], 4)


class Quantiles(unittest.TestCase):
    """Interpolated in bins."""

    def test_they_lie_where_the_share_is_reached(self) -> None:
        """Also in the first bin, in the last, above it, and for nothing."""
        bounds = np.array([10.0, 20.0, 40.0])
        rows = np.array([[10, 0, 0, 0], [0, 0, 10, 0], [0, 0, 0, 5], [0, 0, 0, 0], [5, 5, 0, 0]])
        self.assertEqual(quantiles(bounds, rows, 0.5)[:3].tolist(), [5, 30, 40])
        self.assertTrue(math.isnan(quantiles(bounds, rows, 0.5)[3]))
        self.assertEqual(quantiles(bounds, rows, 0.5)[4], 10)
        self.assertEqual(quantiles(bounds, rows, 0.75)[4], 15)

    def test_bins_are_narrow_enough(self) -> None:
        """A percentile of the page is at most a sixth away from the true one."""
        self.assertLess(float((EDGES[1:] / EDGES[:-1]).max()), 1.17)
