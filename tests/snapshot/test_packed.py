"""A history in few bytes."""

import unittest
from typing import get_args, get_type_hints

from hypothesis import given
from hypothesis import strategies as st

from headrace.events.types import Action, Watch
from headrace.features import history
from headrace.features.history import Entry, recent_items
from headrace.snapshot import packed
from headrace.snapshot.packed import Step
from tests.features.worlds import Book, act
from tests.support.properties import examples

LARGE = st.integers(-(2**63), 2**63 - 1)
KINDS = st.sampled_from(packed.ACTIONS)
STEPS = st.builds(
    Step,
    st.integers(0, 2**41),
    LARGE,
    LARGE,
    st.integers(-(2**31), 2**31 - 1),
    st.sampled_from(packed.ACTIONS),
    st.integers(0, 255),
)


class Packed(unittest.TestCase):
    """There and back."""

    @examples(200)
    @given(st.lists(STEPS, max_size=30), LARGE)
    def test_what_was_packed_comes_back_with_what_ranking_wants_in_front(self, steps: list[Step], applied: int) -> None:
        """Steps, applied number, distinct items and the share of returns; and the room it takes is what is promised."""
        data = packed.packed(steps, applied)
        known = packed.remembered(data)
        items = [step.item for step in steps]
        self.assertEqual((known.steps(), packed.applied(data)), (steps, applied))
        self.assertEqual(known.recent.tolist(), list(recent_items(items, 30)))
        self.assertEqual(known.returns, history.returns(items))
        self.assertEqual(len(data), 20 + 30 * len(steps) + 4 * len(set(items)))

    @examples(100)
    @given(st.lists(STEPS, max_size=30), LARGE)
    def test_an_event_is_found_among_what_is_packed_and_no_other_is(self, steps: list[Step], other: int) -> None:
        """Its key alone counts: no time, session or item that has the same number."""
        data = packed.packed(steps)
        events = {step.event for step in steps}
        self.assertTrue(all(packed.holds(data, event) for event in events))
        for number in (other, *(step.ts_ms for step in steps), *(step.session for step in steps)):
            self.assertEqual(packed.holds(data, number), number in events)
        self.assertFalse(packed.holds(packed.UNREAD, other))

    def test_stored_entries_are_packed_as_their_steps_are(self) -> None:
        """The quick way and the other end in the same bytes; a weight beyond a byte stands as the largest."""
        book = Book().take([act("ada", item, place, action="click") for place, item in enumerate(("tent", "stove", "tent"))])
        entries = [*book.sums.histories["ada"], Entry("lamp", 2**40, 1000, "watch", "event-9")]
        self.assertEqual(
            packed.packed_entries(entries, len, 7), packed.packed([packed.step_of(entry, len) for entry in entries], 7)
        )
        self.assertEqual(packed.remembered(packed.packed_entries(entries, len, 7)).steps()[-1].weight, 255)
        self.assertEqual(packed.packed_entries([], len, 7), packed.packed([], 7))

    def test_nothing_read_yet_is_no_step_at_no_number(self) -> None:
        """A place that is held for a user of whom only pending events are known."""
        self.assertEqual((packed.steps(packed.UNREAD), packed.applied(packed.UNREAD)), ([], -1))

    def test_every_kind_of_event_that_a_history_holds_has_its_number(self) -> None:
        """A kind that is added to the contract and forgotten here would stop the follower."""
        self.assertEqual(set(packed.ACTIONS), {*get_args(Action), *get_args(get_type_hints(Watch)["event_type"])})

    def test_ids_are_told_apart_and_no_session_is_no_session(self) -> None:
        """The key of an id is the same for the same id."""
        one, same, other = (history.entry_of(act("ada", "tent", 0, session=name)) for name in ("s1", "s1", None))
        sessions = [packed.step_of(entry, len).session for entry in (one, same, other)]
        self.assertEqual(sessions, [packed.key("s1"), packed.key("s1"), 0])


if __name__ == "__main__":
    unittest.main()
