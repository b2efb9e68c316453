"""What became of what was shown, counted by hand."""

import unittest

from headrace.events.types import UserEvent
from headrace.features.writes import HOUR_MS
from tests.features.worlds import DAY, START, Book, act, shown, watch


class Outcomes(unittest.TestCase):
    """(requests, shown, followed, watches) of small stories."""

    def test_a_watch_that_follows_an_impression_counts(self) -> None:
        """Two items shown, one watched with the same request: one of two followed."""
        book = Book().take([shown("ada", ["tent", "stove"]), watch("ada", "stove", 1)])
        self.assertEqual(book.outcome(), (1, 2, 1, 1))

    def test_a_watch_that_arrives_before_its_impression_counts_as_well(self) -> None:
        """The two topics may overtake each other, in one batch or in two."""
        events: list[UserEvent] = [watch("ada", "stove", 1), shown("ada", ["tent", "stove"])]
        self.assertEqual(Book().take(events).outcome(), (1, 2, 1, 1))
        self.assertEqual(Book().take(events[:1]).take(events[1:]).outcome(), (1, 2, 1, 1))

    def test_a_click_or_purchase_that_names_the_request_counts_and_a_view_does_not(self) -> None:
        """Of four shown items one is clicked, one bought, one only viewed, one left alone."""
        items = ["tent", "stove", "lamp", "rope"]
        acts = [
            act("ada", "tent", 1, action="click", request="r"),
            act("ada", "stove", 2, action="purchase", request="r"),
            act("ada", "lamp", 3, action="view", request="r"),
        ]
        self.assertEqual(Book().take([shown("ada", items), *acts]).outcome(), (1, 4, 2, 0))
        self.assertEqual(Book().take([*acts, shown("ada", items)]).outcome(), (1, 4, 2, 0))

    def test_an_act_that_names_no_request_or_another_does_not_count(self) -> None:
        """A click without request and a watch of another request follow nothing."""
        book = Book().take(
            [shown("ada", ["tent"]), act("ada", "tent", 1, action="click"), watch("ada", "tent", 2, request="other")]
        )
        self.assertEqual(book.outcome(), (1, 1, 0, 1))

    def test_another_users_act_does_not_count(self) -> None:
        """Bob watches with ada's request: nothing followed, in either order."""
        events: list[UserEvent] = [shown("ada", ["tent"]), watch("bob", "tent", 1)]
        self.assertEqual(Book().take(events).outcome(), (1, 1, 0, 1))
        self.assertEqual(Book().take(events[::-1]).outcome(), (1, 1, 0, 1))

    def test_an_act_on_an_item_not_shown_does_not_count(self) -> None:
        """Only what was shown can be followed."""
        self.assertEqual(Book().take([shown("ada", ["tent"]), watch("ada", "lamp", 1)]).outcome(), (1, 1, 0, 1))

    def test_positions_from_twenty_on_are_not_counted(self) -> None:
        """Of items at positions 18 to 21 two count; a watch of the others follows nothing."""
        events: list[UserEvent] = [shown("ada", ["a", "b", "c", "d"], first=18), watch("ada", "b", 1), watch("ada", "c", 2)]
        self.assertEqual(Book().take(events).outcome(), (1, 2, 1, 2))

    def test_an_item_shown_twice_for_one_request_counts_once(self) -> None:
        """Two pages of one request that share an item: one request, three items, and two watches follow one item once."""
        events: list[UserEvent] = [
            shown("ada", ["a", "b"]),
            shown("ada", ["b", "c"], 1, first=2),
            watch("ada", "b", 2),
            watch("ada", "b", 3),
        ]
        self.assertEqual(Book().take(events).outcome(), (1, 3, 1, 2))
        book = Book()
        for event in events:
            book.take([event])
        self.assertEqual(book.outcome(), (1, 3, 1, 2))

    def test_an_item_first_shown_too_deep_counts_once_it_is_shown_high(self) -> None:
        """Position 25 first, then position 0: shown once, and the watch before either follows it."""
        events: list[UserEvent] = [watch("ada", "tent", 0), shown("ada", ["tent"], 1, first=25), shown("ada", ["tent"], 2)]
        self.assertEqual(Book().take(events).outcome(), (1, 1, 1, 1))

    def test_two_requests_count_apart(self) -> None:
        """The same item shown for two requests is shown twice, and each is followed for itself."""
        events: list[UserEvent] = [
            shown("ada", ["tent"], request="r1"),
            shown("ada", ["tent"], 1, request="r2"),
            watch("ada", "tent", 2, request="r2"),
        ]
        self.assertEqual(Book().take(events).outcome(), (2, 2, 1, 1))

    def test_what_followed_counts_in_the_hour_of_the_impression(self) -> None:
        """A watch three hours later raises the rate of the hour in which its item was shown; its seconds are of its own."""
        book = Book().take([shown("ada", ["tent"]), watch("ada", "tent", 180, seconds=40)])
        then, later = book.sums.hours[START // HOUR_MS], book.sums.hours[START // HOUR_MS + 3]
        self.assertEqual((then.shown, then.followed, then.watches), (1, 1, 0))
        self.assertEqual((later.shown, later.followed, later.watches, later.watch_seconds), (0, 0, 1, 40))

    def test_items_shown_are_noted_by_day(self) -> None:
        """Coverage counts distinct items: only those below position 20, each day once."""
        book = Book().take([shown("ada", ["a", "b"], first=19), shown("bob", ["a"], request="r2")])
        self.assertEqual(book.sums.shown_days, {(START // DAY, "a")})


if __name__ == "__main__":
    unittest.main()
