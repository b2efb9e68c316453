"""The bench's arithmetic: what it tells of numbers is right."""

import unittest
from math import inf

from benchmarks import figures
from benchmarks.gates import Gate


class Figures(unittest.TestCase):
    """Medians, ratios, percentiles and slopes, on numbers whose answers can be said aloud."""

    def test_a_spread_is_the_median_and_the_range(self) -> None:
        """The middle of three, the smallest and the largest."""
        self.assertEqual(figures.spread([3.0, 1.0, 2.0]), figures.Spread(2.0, 1.0, 3.0))
        with self.assertRaises(ValueError):
            figures.spread([])

    def test_a_ratio_is_taken_within_its_round(self) -> None:
        """A machine that slows down for a while slows both down: pairs stay, and unequal counts are an error."""
        self.assertEqual(figures.ratios([10.0, 5.0], [100.0, 50.0]), [0.1, 0.1])
        with self.assertRaises(ValueError):
            figures.ratios([1.0], [1.0, 2.0])

    def test_a_percentile_is_a_value_that_occurred(self) -> None:
        """Of 1 to 1000, p99 is 991 (the next one up), the largest is p100, and nothing gives nothing."""
        found = figures.percentiles(list(range(1, 1001)))
        self.assertEqual((found["p50"], found["p99"], found["p100"]), (501.0, 991.0, 1000.0))
        self.assertEqual(figures.percentiles([]), {})

    def test_a_curve_rises_to_the_largest_value(self) -> None:
        """Percentiles and values both rise, and the last point is the largest value."""
        found = figures.curve([float(n) for n in range(1000)])
        self.assertEqual(found, sorted(found))
        self.assertEqual(found[-1], (100.0, 999.0))

    def test_a_slope_of_a_line_is_exact(self) -> None:
        """2 a minute, and no doubt about it."""
        found = figures.slope([0, 1, 2, 3], [5, 7, 9, 11])
        self.assertAlmostEqual(found.value, 2)
        self.assertAlmostEqual(found.low, 2)
        self.assertAlmostEqual(found.high, 2)

    def test_a_slope_of_noise_holds_nought_in_its_interval(self) -> None:
        """What goes up and down as much is no growth; two points alone prove nothing."""
        found = figures.slope(list(range(8)), [1, -1, 1, -1, -1, 1, -1, 1])
        self.assertLess(found.low, 0)
        self.assertGreater(found.high, 0)
        self.assertEqual(figures.slope([0, 1], [0, 1]).high, inf)
        with self.assertRaises(ValueError):
            figures.slope([1, 1], [0, 1])

    def test_a_gate_knows_its_direction(self) -> None:
        """A rate must reach it, a latency must stay below it; no gate, no verdict."""
        rate, late = Gate("rate", "/s", 10, 20), Gate("late", "ms", 25, None, least=False)
        self.assertEqual((rate.met(10), rate.met(9.9), rate.stretched(19)), (True, False, False))
        self.assertEqual((late.met(25), late.met(25.1), late.stretched(1)), (True, False, None))
        self.assertEqual((rate.told(rate.gate), late.told(late.gate), late.told(None)), ("≥ 10 /s", "≤ 25 ms", "–"))


if __name__ == "__main__":
    unittest.main()
