"""What every feature promises, written once: replayed it is the same, shuffled it changes no more than it says."""

import random
import unittest
from abc import ABC, abstractmethod
from collections import Counter
from itertools import pairwise
from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from headrace.events import signals
from headrace.events.types import Impression, Interaction, UserEvent, Watch
from headrace.features.decay import factor
from headrace.features.history import entry_of
from tests.features.worlds import SETTINGS, START, Book, act, streams
from tests.support.properties import examples

QUICK = examples(60)


def same(one: object, other: object) -> bool:
    """Tell whether two sums are equal, floats to a relative 1e-9."""
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=1e-9)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if hasattr(one, "__slots__") and type(one) is type(other) and not hasattr(one, "__struct_fields__"):
        return all(same(getattr(one, name), getattr(other, name)) for name in one.__slots__)
    return one == other


class FeaturePromises(ABC):
    """Inherited by the test of each feature; ``told`` picks what it keeps from the sums."""

    @abstractmethod
    def told(self, book: Book) -> object:
        """Return what the feature keeps."""

    def assert_same(self, one: Book, other: Book) -> None:
        """Assert that the feature keeps the same in both."""
        assert same(self.told(one), self.told(other)), f"{self.told(one)}\n{self.told(other)}"

    @QUICK
    @given(streams() | streams(named=True))
    def test_a_replay_in_applied_order_gives_the_same(self, events: list[UserEvent]) -> None:
        """The same events in the same order give the same sums, however often they are worked out."""
        self.assert_same(Book().take(events), Book().take(events))

    @QUICK
    @given(streams(named=True) | streams(), st.lists(st.integers(0, 25), max_size=6))
    def test_where_batches_are_cut_makes_no_difference(self, events: list[UserEvent], cuts: list[int]) -> None:
        """One transaction for everything or one for each few events: the sums are the same."""
        book = Book()
        edges = [0, *sorted(cuts), len(events)]
        for start, end in pairwise(edges):
            book.take(events[start:end])
        self.assert_same(book, Book().take(events))

    @QUICK
    @given(streams(named=True) | streams(), st.randoms(use_true_random=False))
    def test_how_users_interleave_makes_no_difference(self, events: list[UserEvent], chance: random.Random) -> None:
        """Users are independent: their streams may be merged in any way, as partitions do."""
        left = {user: [event for event in events if event.user_id == user] for user in {event.user_id for event in events}}
        merged = []
        while left:
            user = chance.choice(sorted(left))
            merged.append(left[user].pop(0))
            if not left[user]:
                del left[user]
        self.assert_same(Book().take(events), Book().take(merged))


class Popularity(FeaturePromises, unittest.TestCase):
    """Counts, weights and decayed weights of items."""

    def told(self, book: Book) -> object:
        """Return each item's counts and decayed weight."""
        return {key: (item.events, item.weight) for key, item in book.sums.items.items()} | {
            f"{key}'s decay": item.decayed for key, item in book.sums.items.items()
        }

    @QUICK
    @given(streams(), st.randoms(use_true_random=False))
    def test_the_order_of_arrival_changes_popularity_not_at_all(self, events: list[UserEvent], chance: random.Random) -> None:
        """Shuffled events count the same and weigh the same, decayed sums to 1e-9."""
        shuffled = list(events)
        chance.shuffle(shuffled)
        self.assert_same(Book().take(events), Book().take(shuffled))

    def test_an_item_counts_events_and_sums_weights(self) -> None:
        """Two views and a purchase of the tent are 3 events that weigh 12."""
        book = Book().take([act("ada", "tent", 0), act("bob", "tent", 0), act("bob", "tent", 0, action="purchase")])
        tent = book.sums.items["tent"]
        self.assertEqual((tent.events, tent.weight, tent.decayed), (3, 12, 12.0))

    def test_an_event_one_half_life_later_weighs_twice_as_much(self) -> None:
        """Forward decay: 20 days after the landmark a view adds 2, 20 days before it a half."""
        twenty_days = 20 * 24 * 60
        book = Book().take([act("ada", "new", twenty_days), act("ada", "now", 0), act("ada", "old", -twenty_days)])
        self.assertEqual([book.sums.items[item].decayed for item in ("new", "now", "old")], [2.0, 1.0, 0.5])


class CoVisitation(FeaturePromises, unittest.TestCase):
    """Pairs of items that met in a session."""

    def told(self, book: Book) -> object:
        """Return all pairs, and the visits of items."""
        return {"pairs": book.sums.pairs, "visits": {key: item.visits for key, item in book.sums.items.items()}}

    @examples(150)
    @given(streams(users=2, most=14), st.randoms(use_true_random=False))
    def test_a_shuffled_arrival_changes_no_more_than_the_step_weight_of_its_own_session(
        self, events: list[UserEvent], chance: random.Random
    ) -> None:
        """Whatever the order, a pair of events meets at most once, only in one session, at a step weight of at most 1.

        So each direction of a pair of items lies between 0 and the sum of weight x factor over the pairs of events of its
        sessions, and items of different sessions never meet.
        """
        shuffled = list(events)
        chance.shuffle(shuffled)
        bounds, most_meetings = _bounds(events)
        for order in (events, shuffled):
            book = Book().take(order)
            for (low, high), pair in book.sums.pairs.items():
                self.assertLessEqual(pair.meetings, most_meetings[low, high])
                self.assertLessEqual(pair.low_to_high, bounds[low, high] * (1 + 1e-9))
                self.assertLessEqual(pair.high_to_low, bounds[high, low] * (1 + 1e-9))

    @examples(150)
    @given(st.integers(2, 8), st.data())
    def test_one_late_event_meets_its_session_as_if_it_had_been_in_time(self, length: int, data: st.DataObject) -> None:
        """Of distinct items, the late one's own pairs are exactly right; pairs across it are one step closer, at most."""
        session = [act("ada", f"item-{number}", number) for number in range(length)]
        late = data.draw(st.integers(0, length - 1))
        in_time = Book().take(session)
        too_late = Book().take([*session[:late], *session[late + 1 :], session[late]])
        for one in range(length):
            for other in range(length):
                if one == other:
                    continue
                right = in_time.strength(f"item-{one}", f"item-{other}")
                found = too_late.strength(f"item-{one}", f"item-{other}")
                step = abs(one - other)
                if min(one, other) < late < max(one, other):
                    self.assertAlmostEqual(found, right * step / (step - 1))
                else:
                    self.assertAlmostEqual(found, right)


class History(FeaturePromises, unittest.TestCase):
    """The last events of each user."""

    def told(self, book: Book) -> object:
        """Return all histories."""
        return book.sums.histories

    @QUICK
    @given(streams(), st.randoms(use_true_random=False))
    def test_the_order_of_arrival_changes_no_history(self, events: list[UserEvent], chance: random.Random) -> None:
        """A history holds the newest events in the order of their own times, however they arrived."""
        shuffled = list(events)
        chance.shuffle(shuffled)
        book = Book().take(shuffled)
        self.assertEqual(book.sums.histories, Book().take(events).sums.histories)
        for user, kept in book.sums.histories.items():
            own = [entry_of(event) for event in events if event.user_id == user and not isinstance(event, Impression)]
            self.assertEqual(kept, own[-SETTINGS.history_size :])


class Outcomes(FeaturePromises, unittest.TestCase):
    """What became of what was shown."""

    def told(self, book: Book) -> object:
        """Return the sums of hours and the items shown by day."""
        return {"hours": book.sums.hours, "days": book.sums.shown_days}

    @QUICK
    @given(streams(named=True), st.randoms(use_true_random=False))
    def test_the_order_of_arrival_changes_no_rate(self, events: list[UserEvent], chance: random.Random) -> None:
        """Impressions and follow-ups may come in any order: requests, shown and followed items stay the same."""
        shuffled = list(events)
        chance.shuffle(shuffled)
        self.assertEqual(Book().take(shuffled).outcome(), Book().take(events).outcome())


def _bounds(events: list[UserEvent]) -> tuple[dict[tuple[str, str], float], Counter[tuple[str, str]]]:
    """Return, by brute force over pairs of events in one session, how strong and how often items may at most have met."""
    bounds: dict[tuple[str, str], float] = {}
    meetings: Counter[tuple[str, str]] = Counter()
    by_user: dict[str, list[Interaction | Watch]] = {}
    for event in events:
        if not isinstance(event, Impression):
            by_user.setdefault(event.user_id, []).append(event)
    for acts in by_user.values():
        for first, earlier in enumerate(acts):
            for last in range(first + 1, len(acts)):
                later = acts[last]
                if later.ts_ms - acts[last - 1].ts_ms > SETTINGS.session_gap_ms:
                    break
                if later.item_id == earlier.item_id:
                    continue
                strength = factor(later.ts_ms, START, SETTINGS.half_life_ms)
                forward, backward = (earlier.item_id, later.item_id), (later.item_id, earlier.item_id)
                bounds[forward] = bounds.get(forward, 0.0) + signals.weight(later) * strength
                bounds[backward] = bounds.get(backward, 0.0) + signals.weight(earlier) * SETTINGS.backward * strength
                meetings[min(forward[0], forward[1]), max(forward[0], forward[1])] += 1
    return bounds, meetings


if __name__ == "__main__":
    unittest.main()
