"""The protocol: what is predicted, and from what."""

import unittest

from headrace.evaluation import protocol
from headrace.evaluation.protocol import NothingToPredict
from tests.evaluation.worlds import MINUTE, START, act, campers

GAP_MS = 30 * MINUTE


class Steps(unittest.TestCase):
    """From events to steps."""

    def test_an_item_that_directly_repeats_itself_is_one_step(self) -> None:
        """Tent, tent, stove, tent: the second is dropped, the last stays and is known as seen."""
        acts = [act("ada", item, minute) for minute, item in enumerate(("tent", "tent", "stove", "tent"))]
        steps, _ = protocol.steps_of(acts, GAP_MS)
        self.assertEqual([(step.act.item_id, step.revealed, step.seen) for step in steps],
                         [("tent", 0, False), ("stove", 1, False), ("tent", 2, True)])  # fmt: skip

    def test_steps_stand_in_time_order_whatever_the_files_order(self) -> None:
        """Two sessions side by side, given backwards."""
        acts = [act("bea", "rope", 3), act("ada", "stove", 2), act("ada", "tent", 1)]
        steps, names = protocol.steps_of(acts, GAP_MS)
        self.assertEqual([step.act.item_id for step in steps], ["tent", "stove", "rope"])
        self.assertEqual([names[step.session] for step in steps], ["ada", "ada", "bea"])

    def test_without_a_name_a_silence_ends_a_session(self) -> None:
        """Thirty minutes are no silence yet, thirty-one are."""
        acts = [act("ada", item, minute, named=False) for item, minute in (("tent", 0), ("stove", 30), ("lamp", 61))]
        steps, _ = protocol.steps_of(acts, GAP_MS)
        self.assertEqual([step.revealed for step in steps], [0, 1, 0])


class Courses(unittest.TestCase):
    """From steps to targets."""

    def setUp(self) -> None:
        """Twelve sessions of three, an hour apart."""
        self.steps, self.names = protocol.steps_of(campers(), GAP_MS)

    def test_targets_are_behind_the_split_and_not_the_first_of_their_session(self) -> None:
        """The last two hours hold two whole sessions and the lamp of the one before: five targets."""
        split_ms = protocol.before_last(self.steps, 2)
        course = protocol.course(self.steps, self.names, split_ms)
        found = [(self.names[self.steps[index].session], self.steps[index].act.item_id) for index in course.targets]
        self.assertEqual(found, [("camper-9", "lamp")] + [(f"camper-{n}", i) for n in (10, 11) for i in ("stove", "lamp")])

    def test_a_quantile_leaves_its_share_before_the_split(self) -> None:
        """Half of 36 events are those of the first six sessions."""
        split_ms = protocol.at_quantile(self.steps, 0.5)
        self.assertEqual(sum(step.act.ts_ms < split_ms for step in self.steps), 18)

    def test_a_sample_is_asked_while_all_sessions_are_learned(self) -> None:
        """Only camper-11 is asked; every step stays."""
        course = protocol.course(self.steps, self.names, START, only=["camper-11"])
        self.assertEqual({self.names[self.steps[index].session] for index in course.targets}, {"camper-11"})
        self.assertEqual(len(course.steps), 36)

    def test_about_so_many_targets_are_whole_sessions_and_always_the_same(self) -> None:
        """Five of targets that come in twos are six."""
        first = protocol.course(self.steps, self.names, START, about=5)
        again = protocol.course(self.steps, self.names, START, about=5)
        self.assertEqual(len(first.targets), 6)
        self.assertEqual(first.targets, again.targets)

    def test_an_end_hides_what_is_behind_it(self) -> None:
        """A course that ends before the last two hours has none of their steps."""
        end_ms = protocol.before_last(self.steps, 2)
        course = protocol.course(self.steps, self.names, START, end_ms=end_ms)
        self.assertLess(course.steps[-1].act.ts_ms, end_ms)

    def test_nothing_to_predict_says_what_to_change(self) -> None:
        """A split behind the end leaves no target."""
        with self.assertRaisesRegex(NothingToPredict, "--split"):
            protocol.course(self.steps, self.names, self.steps[-1].act.ts_ms + 1)


if __name__ == "__main__":
    unittest.main()
