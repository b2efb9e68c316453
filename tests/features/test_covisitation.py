"""Co-visitation worked out by hand: views weigh 1 and all is of now, so strengths are plain fractions."""

import unittest
from dataclasses import replace

from headrace.events.types import Interaction, UserEvent
from tests.features.worlds import DAY, MINUTE, SETTINGS, START, Book, act, watch


def session(*items: str, user: str = "ada", first: float = 0, name: str | None = None) -> list[Interaction]:
    """Return views of these items, a second apart, by one user."""
    return [act(user, item, first + number / 60, session=name) for number, item in enumerate(items)]


def pairs(book: Book) -> set[tuple[str, str]]:
    """Return which items met."""
    return set(book.sums.pairs)


class ByHand(unittest.TestCase):
    """Small sessions whose strengths can be said aloud."""

    def near(self, found: float, wanted: float) -> None:
        """Assert equality up to the decay within minutes, which is less than a thousandth."""
        self.assertAlmostEqual(found, wanted, delta=0.002 * max(1.0, wanted))

    def test_the_next_item_meets_the_one_before_it_fully(self) -> None:
        """Tent, then stove: tent leads to stove with 1, stove back to tent with 0.75, and they met once."""
        book = Book().take(session("tent", "stove"))
        self.near(book.strength("tent", "stove"), 1)
        self.near(book.strength("stove", "tent"), 0.75)
        self.assertEqual(book.meetings("tent", "stove"), 1)

    def test_strength_falls_with_the_step(self) -> None:
        """In tent, stove, lamp the tent leads to the lamp with a half: two steps back."""
        book = Book().take(session("tent", "stove", "lamp"))
        self.near(book.strength("tent", "lamp"), 1 / 2)
        self.near(book.strength("lamp", "tent"), 0.75 / 2)
        self.near(book.strength("stove", "lamp"), 1)

    def test_each_direction_carries_the_weight_of_where_it_leads(self) -> None:
        """A viewed tent leads to a bought stove with 10; the stove leads back to the view with 0.75."""
        book = Book().take([act("ada", "tent", 0), act("ada", "stove", 1 / 60, action="purchase")])
        self.near(book.strength("tent", "stove"), 10)
        self.near(book.strength("stove", "tent"), 0.75)

    def test_every_signal_weighs_alike_in_popularity_and_in_pairs(self) -> None:
        """View 1, click 3, purchase 10; a watch of 10 s 1, of 50 s 3, of 200 s 10."""
        signs: dict[int, list[UserEvent]] = {
            1: [act("ada", "lamp", 1, session="s"), watch("ada", "lamp", 1, seconds=10)],
            3: [act("ada", "lamp", 1, action="click", session="s"), watch("ada", "lamp", 1, seconds=50)],
            10: [act("ada", "lamp", 1, action="purchase", session="s"), watch("ada", "lamp", 1, seconds=200)],
        }
        for weight, acts in signs.items():
            for one in acts:
                book = Book().take([act("ada", "tent", 0, session="s"), one])
                self.assertEqual(book.sums.items["lamp"].weight, weight)
                self.assertAlmostEqual(book.sums.items["lamp"].decayed / book.sums.items["tent"].decayed, weight, places=3)
                self.assertAlmostEqual(
                    book.strength("tent", "lamp") * SETTINGS.backward / book.strength("lamp", "tent"), weight
                )

    def test_a_watch_meets_like_any_act(self) -> None:
        """A medium watch after a view is led to with 3."""
        book = Book().take([act("ada", "tent", 0, session="s"), watch("ada", "film", 1, seconds=50)])
        self.near(book.strength("tent", "film"), 3)

    def test_the_window_ends_ten_items_back(self) -> None:
        """The eleventh item meets the first, ten steps back; the twelfth does not."""
        items = [f"item-{number:02}" for number in range(12)]
        book = Book().take(session(*items))
        self.near(book.strength("item-00", "item-10"), 1 / 10)
        self.assertEqual(book.strength("item-00", "item-11"), 0)
        self.near(book.strength("item-01", "item-11"), 1 / 10)

    def test_the_walk_back_stops_at_an_earlier_visit_of_the_same_item(self) -> None:
        """In tent, stove, lamp, stove the second stove meets the lamp and goes no further: the tent met stove once."""
        book = Book().take(session("tent", "stove", "lamp", "stove"))
        self.assertEqual(book.meetings("tent", "stove"), 1)
        self.near(book.strength("tent", "stove"), 1)
        self.near(book.strength("lamp", "stove"), 1 + 0.75)
        self.assertEqual(book.meetings("stove", "lamp"), 2)

    def test_repeats_in_a_row_are_one_step_and_one_visit(self) -> None:
        """Tent, stove, stove, stove, lamp: the lamp is one step from the stove and two from the tent."""
        book = Book().take(session("tent", "stove", "stove", "stove", "lamp"))
        self.near(book.strength("stove", "lamp"), 1)
        self.near(book.strength("tent", "lamp"), 1 / 2)
        self.near(book.strength("tent", "stove"), 1)
        self.near(book.sums.items["stove"].visits, 1)
        self.assertEqual(book.sums.items["stove"].events, 3)

    def test_a_return_is_a_visit_of_its_own(self) -> None:
        """Stove, lamp, stove: the stove has two visits."""
        self.near(Book().take(session("stove", "lamp", "stove")).sums.items["stove"].visits, 2)

    def test_an_item_never_meets_itself(self) -> None:
        """A session of one item, however often, makes no pair."""
        self.assertEqual(pairs(Book().take(session("tent", "tent", "tent"))), set())

    def test_users_never_meet(self) -> None:
        """What one user views meets nothing that another does, whatever the sessions are called."""
        book = Book().take([act("ada", "tent", 0, session="s"), act("bob", "stove", 0.1, session="s")])
        self.assertEqual(pairs(book), set())

    def test_strength_grows_with_the_time_of_the_later_event(self) -> None:
        """Two sessions 20 days apart: the later one counts double, because forward weights double in a half-life."""
        book = Book().take(session("tent", "stove") + session("tent", "stove", user="bob", first=20 * DAY / MINUTE))
        self.near(book.strength("tent", "stove"), 1 + 2)
        self.assertEqual(book.meetings("tent", "stove"), 2)

    def test_the_settings_say_window_direction_and_gap(self) -> None:
        """With a window of 1, no way back and a gap of 5 minutes, only neighbours in order within 5 minutes meet."""
        book = Book(replace(SETTINGS, window=1, backward=0.0, session_gap_minutes=5))
        book.take([act("ada", "tent", 0), act("ada", "stove", 4), act("ada", "lamp", 8), act("ada", "rope", 14)])
        self.assertEqual(pairs(book), {("stove", "tent"), ("lamp", "stove")})
        self.assertEqual(book.strength("stove", "tent"), 0)

    def test_the_settings_say_how_fast_a_step_back_counts_for_less(self) -> None:
        """Two steps back: half by default, a quarter with a step decay of 2, as much as one step with 0."""
        for power, two_back in ((1.0, 0.5), (2.0, 0.25), (0.0, 1.0)):
            book = Book(replace(SETTINGS, step_decay=power)).take(session("tent", "stove", "lamp"))
            self.near(book.strength("tent", "lamp"), two_back * book.strength("stove", "lamp"))


class Sessions(unittest.TestCase):
    """What belongs together."""

    def test_a_pause_of_more_than_half_an_hour_ends_a_session(self) -> None:
        """Thirty minutes are a pause within a session, a second more ends it."""
        within = Book().take([act("ada", "tent", 0), act("ada", "stove", 30)])
        beyond = Book().take([act("ada", "tent", 0), act("ada", "stove", 30 + 1 / 60)])
        self.assertEqual(pairs(within), {("stove", "tent")})
        self.assertEqual(pairs(beyond), set())

    def test_pauses_are_between_neighbours(self) -> None:
        """Three items 25 minutes apart are one session of 50 minutes."""
        book = Book().take([act("ada", "tent", 0), act("ada", "stove", 25), act("ada", "lamp", 50)])
        self.assertEqual(book.meetings("tent", "lamp"), 1)

    def test_a_named_session_outlasts_a_pause(self) -> None:
        """Where the client names the session, two hours of silence do not end it."""
        book = Book().take([act("ada", "tent", 0, session="s1"), act("ada", "stove", 120, session="s1")])
        self.assertEqual(pairs(book), {("stove", "tent")})

    def test_another_name_ends_a_session_at_once(self) -> None:
        """A second between two sessions is enough, if they have two names."""
        book = Book().take(session("tent", name="s1") + session("stove", first=0.1, name="s2"))
        self.assertEqual(pairs(book), set())

    def test_two_sessions_of_one_user_side_by_side_stay_apart(self) -> None:
        """Phone and laptop interleaved: each meets its own, at the steps of its own."""
        book = Book().take(
            [
                act("ada", "tent", 0, session="phone"),
                act("ada", "book", 1, session="laptop"),
                act("ada", "stove", 2, session="phone"),
                act("ada", "desk", 3, session="laptop"),
                act("ada", "lamp", 4, session="phone"),
            ]
        )
        self.assertEqual(pairs(book), {("stove", "tent"), ("lamp", "stove"), ("lamp", "tent"), ("book", "desk")})
        self.assertAlmostEqual(book.strength("tent", "stove"), 1, delta=0.002)
        self.assertAlmostEqual(book.strength("tent", "lamp"), 1 / 2, delta=0.002)

    def test_where_only_one_names_its_session_the_pause_decides(self) -> None:
        """A named event and an unnamed one a minute apart meet; an hour apart they do not."""
        near = Book().take([act("ada", "tent", 0, session="s1"), act("ada", "stove", 1)])
        far = Book().take([act("ada", "tent", 0, session="s1"), act("ada", "stove", 60)])
        self.assertEqual(pairs(near), {("stove", "tent")})
        self.assertEqual(pairs(far), set())


class LateArrivals(unittest.TestCase):
    """An event that comes after what it preceded."""

    def test_a_late_event_meets_what_followed_it(self) -> None:
        """The tent arrives last but was first: the pairs are those of the right order."""
        tent, stove, lamp = session("tent", "stove", "lamp")
        late, in_time = Book().take([stove, lamp, tent]), Book().take([tent, stove, lamp])
        for source, target in (("tent", "stove"), ("tent", "lamp"), ("stove", "tent"), ("lamp", "tent"), ("stove", "lamp")):
            self.assertAlmostEqual(late.strength(source, target), in_time.strength(source, target))

    def test_those_it_came_between_have_met_one_step_closer(self) -> None:
        """The stove arrives late: tent and lamp had met as neighbours, with 1 where it would have been a half."""
        tent, stove, lamp = session("tent", "stove", "lamp")
        late = Book().take([tent, lamp, stove])
        self.assertAlmostEqual(late.strength("tent", "lamp"), 1, delta=0.002)
        self.assertAlmostEqual(late.strength("tent", "stove"), 1, delta=0.002)
        self.assertAlmostEqual(late.strength("stove", "lamp"), 1, delta=0.002)

    def test_a_late_event_stops_at_a_later_visit_of_the_same_item(self) -> None:
        """A late stove meets the lamp before the next stove, and not the rope behind it."""
        stove, lamp, again, rope = session("stove", "lamp", "stove", "rope")
        late = Book().take([lamp, again, rope, stove])
        self.assertEqual(late.meetings("stove", "rope"), 1)
        self.assertEqual(late.meetings("stove", "lamp"), 2)

    def test_a_late_event_of_another_session_meets_none_of_this_one(self) -> None:
        """Yesterday's tent, heard of today, meets nothing of today."""
        book = Book().take([*session("stove", "lamp"), act("ada", "tent", -DAY / MINUTE)])
        self.assertEqual(pairs(book), {("lamp", "stove")})

    def test_the_later_events_time_decides_the_weight_of_a_late_meeting(self) -> None:
        """A named session over 20 days: the meeting counts at the later time, whichever event arrives first."""
        tent = act("ada", "tent", 0, session="s1")
        stove = act("ada", "stove", 20 * DAY / MINUTE, session="s1")
        for order in ([tent, stove], [stove, tent]):
            self.assertAlmostEqual(Book(landmark_ms=START).take(order).strength("tent", "stove"), 2)


if __name__ == "__main__":
    unittest.main()
