"""The window that ``/metrics/reco`` is computed from."""

import unittest

import msgspec

from headrace.api.window import Window
from headrace.clock import FixedClock


class TestWindow(unittest.TestCase):
    """A bounded ring with a clock that is moved by hand."""

    def setUp(self) -> None:
        """Make a window of ten seconds and a hundred answers."""
        self.clock = FixedClock(1_000_000)
        self.window = Window(10, 100, self.clock)

    def add(self, status: int, latency_ms: float) -> None:
        """Give an answer now."""
        self.window.add(status, latency_ms, self.clock.monotonic())

    def test_an_empty_window_reads_0_and_meets_its_targets(self) -> None:
        """Nothing was late."""
        found = msgspec.to_builtins(self.window.metrics())
        self.assertEqual((found["sample_size"], found["error_rate_pct"]), (0, 0.0))
        self.assertEqual(found["sla"], {"target_p95_ms": 120, "target_p99_ms": 200, "p95_met": True, "p99_met": True})

    def test_percentiles_are_those_of_the_samples(self) -> None:
        """1 to 99 ms, one of each."""
        for latency in range(1, 100):
            self.add(200, float(latency))
        found = self.window.metrics()
        self.assertEqual((found.latency_ms.p50, found.sample_size), (50.0, 99))
        self.assertAlmostEqual(found.latency_ms.p95, 94.1, places=3)

    def test_slow_answers_miss_the_targets(self) -> None:
        """One slow answer in ten."""
        for number in range(100):
            self.add(200, 150.0 if number % 10 == 0 else 1.0)
        found = self.window.metrics().sla
        self.assertEqual((found.p95_met, found.p99_met), (False, True))

    def test_what_is_older_than_the_window_no_longer_counts(self) -> None:
        """Time passes."""
        self.add(500, 1.0)
        self.clock.advance(9_000)
        self.add(200, 1.0)
        self.assertEqual(self.window.metrics().error_rate_pct, 50.0)
        self.clock.advance(2_000)
        self.assertEqual((self.window.metrics().sample_size, self.window.metrics().error_rate_pct), (1, 0.0))

    def test_the_oldest_gives_way_when_the_window_is_full(self) -> None:
        """Memory is bounded."""
        for number in range(250):
            self.add(200 if number >= 150 else 500, 1.0)
        found = self.window.metrics()
        self.assertEqual((found.sample_size, found.status_counts.success, found.status_counts.failed), (100, 100, 0))


if __name__ == "__main__":
    unittest.main()
