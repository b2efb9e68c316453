"""Forward decay, and the memory of a user's last events."""

import unittest
from dataclasses import replace
from math import isfinite

from hypothesis import given
from hypothesis import strategies as st

from headrace.features import history
from headrace.features.decay import MS_PER_DAY, factor
from headrace.features.history import Entry, recent_items
from tests.features.worlds import SETTINGS, START, Book, act
from tests.support.properties import examples

HALF_LIFE = 20.0 * MS_PER_DAY


class ForwardDecay(unittest.TestCase):
    """A sum that ages without being touched."""

    def test_the_factor_doubles_with_every_half_life(self) -> None:
        """At the landmark it is 1, a half-life later 2, a half-life earlier a half."""
        found = [factor(START + round(lives * HALF_LIFE), START, HALF_LIFE) for lives in (0, 1, -1, 10)]
        self.assertEqual(found, [1.0, 2.0, 0.5, 1024.0])

    def test_the_exponent_is_held_within_nine_hundred(self) -> None:
        """Times however far off give 2^900 or 2^-900, which a double and Postgres can hold and sum."""
        self.assertEqual(factor(1 << 41, 0, 1.0), 2.0**900)
        self.assertEqual(factor(0, 1 << 41, 1.0), 2.0**-900)
        self.assertTrue(isfinite(sum([factor(1 << 41, 0, 1.0) * 10] * 1000)))
        self.assertGreater(factor(0, 1 << 41, 1.0) * 0.75 / 10, 0)

    @examples(100)
    @given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 10)), min_size=2, max_size=8), st.integers(400, 1000))
    def test_order_is_kept_as_time_goes_by(self, events: list[tuple[int, int]], later: int) -> None:
        """Two sums compare the same whether they are aged to one day or to another: the stored number is the ranking."""

        def aged(half: list[tuple[int, int]], day: int) -> float:
            return float(sum(weight * 0.5 ** ((day - at) / 20) for at, weight in half))

        def stored(half: list[tuple[int, int]]) -> float:
            return sum(weight * factor(START + at * MS_PER_DAY, START, HALF_LIFE) for at, weight in half)

        one, other = events[::2], events[1::2]
        for day in (400, later):
            gap = aged(one, day) / aged(other, day)
            self.assertAlmostEqual(gap, stored(one) / stored(other), delta=1e-9 * gap)


class Histories(unittest.TestCase):
    """A user's last events in the order of their own times."""

    def test_a_history_keeps_the_newest_twenty(self) -> None:
        """Of 25 views the first five are forgotten."""
        book = Book().take([act("ada", f"item-{number}", number) for number in range(25)])
        self.assertEqual([entry.item_id for entry in book.sums.histories["ada"]], [f"item-{n}" for n in range(5, 25)])

    def test_the_setting_says_how_many(self) -> None:
        """With a size of 3, three are kept."""
        book = Book(replace(SETTINGS, history_size=3)).take([act("ada", f"item-{number}", number) for number in range(5)])
        self.assertEqual([entry.item_id for entry in book.sums.histories["ada"]], ["item-2", "item-3", "item-4"])

    def test_an_event_older_than_all_that_is_kept_counts_and_is_not_remembered(self) -> None:
        """A full history is not changed by what came before it; popularity is."""
        book = Book(replace(SETTINGS, history_size=2))
        book.take([act("ada", "stove", 10), act("ada", "lamp", 11), act("ada", "tent", 0)])
        self.assertEqual([entry.item_id for entry in book.sums.histories["ada"]], ["stove", "lamp"])
        self.assertEqual(book.sums.items["tent"].events, 1)

    def test_events_of_one_time_stand_in_the_order_they_were_applied(self) -> None:
        """Equals go behind their equals."""
        book = Book().take([act("ada", item, 0) for item in ("tent", "stove", "lamp")])
        self.assertEqual([entry.item_id for entry in book.sums.histories["ada"]], ["tent", "stove", "lamp"])

    def test_an_entry_keeps_what_pairing_and_explaining_need(self) -> None:
        """Item, time, weight, type, event id and session."""
        bought = act("ada", "tent", 1, action="purchase", session="s1")
        entry = Book().take([bought]).sums.histories["ada"][0]
        self.assertEqual(entry, Entry("tent", bought.ts_ms, 10, "purchase", bought.event_id, "s1"))

    def test_a_history_comes_back_from_its_json(self) -> None:
        """Stored and read again it is the same, with sessions and without; the empty one too."""
        kept = Book().take([act("ada", "tent", 0), act("ada", "é\u2028", 1, session="s")]).sums.histories["ada"]
        self.assertEqual(history.decode(history.encode(kept)), kept)
        self.assertEqual(history.decode("[]"), [])

    def test_recent_items_are_distinct_and_newest_first(self) -> None:
        """Tent, stove, tent, lamp: lamp, tent, stove."""
        items = ["tent", "stove", "tent", "lamp"]
        self.assertEqual(recent_items(items, 10), ("lamp", "tent", "stove"))
        self.assertEqual(recent_items(items, 2), ("lamp", "tent"))
        self.assertEqual(recent_items([], 5), ())

    def test_the_share_of_steps_that_led_back(self) -> None:
        """Tent, stove, stove, tent, lamp: three steps, one of them back; without a step it is nothing."""
        self.assertAlmostEqual(history.returns(["tent", "stove", "stove", "tent", "lamp"]), 1 / 3)
        self.assertEqual((history.returns([]), history.returns(["tent", "tent"])), (0.0, 0.0))

    def test_the_newest_entry_is_read_without_the_others(self) -> None:
        """Even where an id looks like the brackets of a list."""
        kept = Book().take([act("ada", "tent", 0), act("ada", '[",]', 1)]).sums.histories["ada"]
        self.assertEqual(history.newest(history.encode(kept)), kept[1])
        self.assertIsNone(history.newest("[]"))

    @examples(100)
    @given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 25))
    def test_inserting_in_any_order_keeps_the_newest_sorted(self, times: list[int], size: int) -> None:
        """However times arrive, the history is sorted and holds the largest of them."""
        kept: list[Entry] = []
        for number, at in enumerate(times):
            kept = history.insert(kept, Entry("tent", at, 1, "view", f"event-{number}"), size)
        self.assertEqual([entry.ts_ms for entry in kept], sorted(times)[-size:])


if __name__ == "__main__":
    unittest.main()
