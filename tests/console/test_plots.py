"""What plots work out: places within the room, ticks that can be read, words for those who cannot see."""

import re
import unittest

from headrace.console import plots
from headrace.console.plots import BOTTOM, HEIGHT, TOP, Series, Target
from headrace.console.words import ago, milliseconds, number


class Lines(unittest.TestCase):
    """Lines over time."""

    def test_ticks_are_round_and_reach_above_everything(self) -> None:
        """Data and targets alike lie below the highest tick."""
        for largest, highest in ((0.7, "0.8"), (3, "3"), (97, "100"), (1234, "1\u202f500"), (0, "1")):
            plot = plots.lines("x", ["a", "b"], [Series("y", [0, largest])], number)
            self.assertEqual(plot.scale[-1].text, highest)
        plot = plots.lines("x", ["a", "b"], [Series("y", [0, 3])], number, targets=[Target("target 200", 200)])
        self.assertEqual(plot.scale[-1].text, "200")
        self.assertEqual(plot.targets[0].line_y, f"{TOP}.5")

    def test_a_logarithmic_axis_has_a_tick_for_each_power_of_ten(self) -> None:
        """From the smallest value to above the largest target."""
        plot = plots.lines("x", ["a"], [Series("y", [0.4])], milliseconds, targets=[Target("t", 200)], logarithmic=True)
        self.assertEqual(
            [one.text for one in plot.scale], ["0.1\u202fms", "1\u202fms", "10\u202fms", "100\u202fms", "1\u202fs"]
        )

    def test_a_gap_in_the_values_is_a_gap_in_the_line(self) -> None:
        """And a value between two gaps is still to be seen."""
        plot = plots.lines("x", list("abcde"), [Series("y", [1, 2, None, 3, None])], number)
        self.assertEqual(re.sub(r"[\d. ]+", "", plot.paths[0]), "MLMh")
        self.assertEqual(plot.latest, ["3"])
        self.assertEqual([values[0] for _, values in plot.rows], ["1", "2", "–", "3", "–"])

    def test_everything_lies_within_the_room(self) -> None:
        """No line leaves its box."""
        plot = plots.lines("x", [str(n) for n in range(50)], [Series("y", [float(n * n % 17) for n in range(50)])], number)
        places = [tuple(map(float, one.split())) for one in re.findall(r"[ML]([\d.]+ [\d.]+)", plot.paths[0])]
        self.assertTrue(all(0 <= x <= plots.BOX and 0 <= y <= plots.BOX for x, y in places))
        self.assertEqual(len(places), 50)

    def test_nothing_can_be_drawn(self) -> None:
        """An empty plot has its axis all the same."""
        self.assertEqual(plots.lines("x", [], [Series("y", [])], number).below, [])
        self.assertEqual(plots.bars("x", ["a"], [Series("y", [None])], number).bars, [])


class Bars(unittest.TestCase):
    """Bars and histograms."""

    def test_bars_of_one_step_stand_upon_each_other(self) -> None:
        """The second begins where the first ends; the first stands on the axis."""
        plot = plots.bars("x", ["a"], [Series("y", [1]), Series("z", [3])], number)
        low, high = plot.bars
        self.assertAlmostEqual(float(low.y) + float(low.height), HEIGHT - BOTTOM, places=1)
        self.assertAlmostEqual(float(high.y) + float(high.height), float(low.y), places=1)
        self.assertAlmostEqual(float(high.y), TOP, places=1)

    def test_a_histogram_shows_shares_where_there_are_any(self) -> None:
        """Its marks stand at their place among the bars, and its last bar is what lies above all bounds."""
        plot = plots.histogram("x", [10, 20, 30], [0, 8, 0, 2], milliseconds, marks=[Target("p50", 15)])
        self.assertEqual([name for name, _ in plot.rows], ["≤ 10\u202fms", "≤ 20\u202fms", "≤ 30\u202fms", "> 30\u202fms"])
        self.assertEqual([values for _, values in plot.rows], [["0\u202f%"], ["80\u202f%"], ["0\u202f%"], ["20\u202f%"]])
        self.assertEqual(plot.marks[0].x, "37.5")
        self.assertEqual(len(plots.histogram("x", [10, 20], [0, 0, 0], milliseconds).bars), 0)

    def test_a_meter_says_whether_its_target_is_met(self) -> None:
        """In words as well; bar and notch lie within the room."""
        met, missed = plots.meter("CTR", 9, 8, number), plots.meter("CTR", 0, 8, number)
        self.assertEqual((met.met, met.text), (True, "CTR: 9, target 8"))
        self.assertEqual((missed.met, missed.value, missed.target), (False, "0", "80"))


class Words(unittest.TestCase):
    """Numbers as people read them."""

    def test_numbers_show_the_figures_that_matter(self) -> None:
        """No more than three or four of them, thousands apart."""
        found = [number(value) for value in (0, 0.1, 0.0371, 1.5, 12.34, 123.4, 1234567, None)]
        self.assertEqual(found, ["0", "0.1", "0.037", "1.50", "12.3", "123", "1\u202f234\u202f567", "–"])

    def test_durations_come_in_the_unit_that_suits_them(self) -> None:
        """Milliseconds, seconds, minutes, hours, days."""
        found = [milliseconds(value) for value in (0.4, 999, 1500, 150_000, 10_000_000, 864_000_000)]
        self.assertEqual(
            [one.replace("\u202f", " ") for one in found], ["0.4 ms", "999 ms", "1.50 s", "2 min", "3 h", "10 days"]
        )
        self.assertEqual(ago(0, 500), "just now")
