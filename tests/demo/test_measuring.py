"""What is measured can be worked out by hand."""

import unittest
from math import inf

from headrace.demo.lag import buckets_in, quantile, since
from headrace.demo.meter import Group, Meter, ends, sparkline

PAGE = """# HELP reco_event_to_visible_ms How long.
# TYPE reco_event_to_visible_ms histogram
reco_event_to_visible_ms_bucket{le="10.0"} 2.0
reco_event_to_visible_ms_bucket{le="20.0"} 8.0
reco_event_to_visible_ms_bucket{le="+Inf"} 10.0
reco_event_to_visible_ms_count 10.0
reco_event_to_visible_ms_sum 123.0
# HELP reco_other_ms_bucket Another.
# TYPE reco_other_ms histogram
reco_other_ms_bucket{le="10.0"} 99.0
"""


class LagTests(unittest.TestCase):
    """Percentiles of a histogram between two readings."""

    def test_buckets_are_read_and_nothing_else(self) -> None:
        """By the metric's name."""
        self.assertEqual(buckets_in(PAGE), {10.0: 2.0, 20.0: 8.0, inf: 10.0})
        self.assertEqual(buckets_in(PAGE, "reco_missing_ms"), {})

    def test_several_labels_add_up(self) -> None:
        """Two processes, one figure."""
        two = 'a_bucket{le="1.0",p="x"} 2.0\na_bucket{le="1.0",p="y"} 3.0\n'
        self.assertEqual(buckets_in("# TYPE a histogram\n" + two, "a"), {1.0: 5.0})

    def test_a_quantile_is_interpolated_inside_its_bucket(self) -> None:
        """Half of ten is the fifth: three of six into the bucket from 10 to 20."""
        counts = buckets_in(PAGE)
        self.assertEqual(quantile(0.5, counts), 15.0)
        self.assertEqual(quantile(0.1, counts), 5.0)

    def test_what_lies_above_the_last_bound_is_given_as_that_bound(self) -> None:
        """Nothing more is known of it."""
        self.assertEqual(quantile(0.99, buckets_in(PAGE)), 20.0)

    def test_no_events_have_no_quantile(self) -> None:
        """Rather than nought."""
        self.assertIsNone(quantile(0.5, {}))
        self.assertIsNone(quantile(0.5, since(buckets_in(PAGE), buckets_in(PAGE))))

    def test_only_what_came_in_between_counts(self) -> None:
        """And after a restart everything is new."""
        before = {10.0: 2.0, inf: 2.0}
        self.assertEqual(since(before, {10.0: 3.0, inf: 7.0}), {10.0: 1.0, inf: 5.0})
        self.assertEqual(since(before, {10.0: 1.0, inf: 1.0}), {10.0: 1.0, inf: 1.0})


class MeterTests(unittest.TestCase):
    """CTR by windows, rates, latencies."""

    def setUp(self) -> None:
        """Make a meter for thirty seconds."""
        self.meter = Meter(30.0)

    def test_ctr_is_taken_over_shown_in_the_window_of_the_question(self) -> None:
        """A watch that comes late belongs to the list it came from."""
        self.meter.asked(Group.LEARNED, 9.0, 1.0, 20)
        self.meter.took(Group.LEARNED, 9.0)
        self.meter.asked(Group.LEARNED, 11.0, 1.0, 20)
        self.meter.took(Group.LEARNED, 9.0)
        self.assertEqual(self.meter.windows(Group.LEARNED, 20.0), [10.0, 0.0])
        self.assertEqual(self.meter.windows(Group.CONTROL, 20.0), [None, None])

    def test_a_window_is_told_when_it_is_over(self) -> None:
        """A half window would jump about."""
        self.meter.asked(Group.LEARNED, 12.0, 1.0, 20)
        self.assertEqual(len(self.meter.windows(Group.LEARNED, 19.0)), 1)

    def test_the_whole_is_all_windows(self) -> None:
        """Shown and taken."""
        for at_s in (1.0, 11.0, 21.0):
            self.meter.asked(Group.CONTROL, at_s, 1.0, 10)
            self.meter.took(Group.CONTROL, at_s)
        whole = self.meter.whole(Group.CONTROL)
        self.assertEqual((whole.shown, whole.taken, whole.ctr_pct), (30, 3, 10.0))

    def test_latencies_are_nearest_ranks(self) -> None:
        """The 99th of a hundred is the 99th."""
        for number in range(1, 101):
            self.meter.asked(Group.LEARNED, 1.0, float(number), 20)
        self.assertEqual((self.meter.latency_ms(0.5), self.meter.latency_ms(0.99)), (50.0, 99.0))

    def test_rates_are_those_of_the_last_five_seconds(self) -> None:
        """Ten events in five seconds are two a second."""
        for number in range(20):
            self.meter.sent(number / 2)
        _, events_per_s = self.meter.per_second(10.0)
        self.assertAlmostEqual(events_per_s, 2.0)

    def test_first_and_last_are_windows_in_which_something_was_shown(self) -> None:
        """An empty system shows nothing at first."""
        self.assertEqual(ends([None, 2.0, 3.0, None]), (2.0, 3.0))
        self.assertEqual(ends([None]), (None, None))

    def test_a_sparkline_has_one_bar_a_window(self) -> None:
        """From nothing to the highest."""
        self.assertEqual(sparkline([None, 0.0, 5.0, 10.0], 10.0), "·▁▅█")
