"""The words: for whoever runs a shop, true in the singular and the plural, at the edges of every unit."""

import inspect
import re
import unittest
from typing import Any

from headrace.reasons import filtered, placed, proposed, scored, verdicts, words

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


class Measures(unittest.TestCase):
    """Times, numbers and names as a sentence has them."""

    def test_how_long_ago_is_told_in_the_largest_unit_that_fits(self) -> None:
        """Clocks differ: what lies ahead is just now."""
        said = {
            -5 * MINUTE: "just now", 0: "just now", SECOND - 1: "just now", SECOND: "1 second ago", 59_999: "59 seconds ago",
            MINUTE: "1 minute ago", 3 * MINUTE + 59 * SECOND: "3 minutes ago", HOUR - 1: "59 minutes ago", HOUR: "1 hour ago",
            DAY - 1: "23 hours ago", DAY: "1 day ago", 400 * DAY: "400 days ago",
        }  # fmt: skip
        self.assertEqual({ms: words.ago(ms) for ms in said}, said)

    def test_spans_counts_and_places(self) -> None:
        """One of a thing is one; large numbers have their commas."""
        self.assertEqual([words.times(n) for n in (1, 2, 3, 12_000)], ["once", "twice", "3 times", "12,000 times"])
        self.assertEqual([words.counted(n, "event") for n in (0, 1, 2)], ["0 events", "1 event", "2 events"])
        self.assertEqual([words.days(n) for n in (0.01, 1 / 24, 0.5, 2, 40.4)],
                         ["less than an hour", "1 hour", "12 hours", "2 days", "40 days"])  # fmt: skip
        places = (1, 2, 3, 4, 11, 12, 13, 21, 22, 103, 111)
        said = ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "103rd", "111th"]
        self.assertEqual([words.counted_place(n) for n in places], said)
        self.assertEqual(words.moment(1_769_860_800_000), "2026-01-31 12:00 UTC")
        self.assertEqual(words.moment(1 << 53), f"{1 << 53} ms")

    def test_names_in_a_row(self) -> None:
        """Up to three by name, then how many more."""
        self.assertEqual(words.listed(["a"]), "'a'")
        self.assertEqual(words.listed(["a", "b"]), "'a' and 'b'")
        self.assertEqual(words.listed(["a", "b", "c"]), "'a', 'b' and 'c'")
        self.assertEqual(words.listed(list("abcd")), "'a', 'b', 'c' and 1 other")
        self.assertEqual(words.listed(list("abcde")), "'a', 'b', 'c' and 2 others")

    def test_values_of_attributes(self) -> None:
        """As a catalogue would show them."""
        said = [words.value(one) for one in (None, True, 35.0, 4.25, "red", ["sale", "new"], [])]
        self.assertEqual(said, ["not known", "true", "35", "4.25", '"red"', '"sale", "new"', "empty"])


class Sentences(unittest.TestCase):
    """What is said of an answer."""

    def test_the_chief_sentence_names_the_event_and_the_count(self) -> None:
        """And what else of the user's speaks for the item."""
        done = words.did("click", "stove", 3 * MINUTE)
        said = words.shown_because(done, proposed.seen_together("stove", 14), [])
        self.assertEqual(said, "Shown because you clicked 'stove' 3 minutes ago; the two were seen together 14 times.")
        self.assertTrue(words.shown_because(done, "x", ["tent"]).endswith(" 'tent' of yours speaks for it as well."))
        self.assertTrue(
            words.shown_because(done, "x", ["tent", "map"]).endswith(" 'tent' and 'map' of yours speak for it as well.")
        )
        for action, said in (
            ("view", "you viewed"),
            ("purchase", "you bought"),
            ("watch", "you watched"),
            ("other", "you other"),
        ):
            self.assertTrue(words.did(action, "x", 0).startswith(said))
        self.assertEqual(words.you(done), "You clicked 'stove' 3 minutes ago.")

    def test_why_not_is_told_with_what_it_would_take(self) -> None:
        """The sentences of the four verdicts."""
        self.assertEqual(
            placed.outranked(9, 120, 5, "lamp"),
            "At place 9 of 120 candidates, and only 5 are shown: the last of them is 'lamp'.",
        )
        self.assertEqual(placed.outranked(2, 2, 1, "lamp"), "At place 2 of 2 candidates, and only 1 is shown: 'lamp'.")
        self.assertEqual(
            proposed.would_bring("tent", 2), "An event of yours on 'tent' would propose it: the two were seen together twice."
        )
        self.assertEqual(
            filtered.not_true("the recipe", "price < 20", {"price": 35.0, "brand": None}),
            "Left out because the recipe wants price < 20, and price is 35; brand is not known.",
        )
        self.assertEqual(filtered.not_true("the request", "true", {}), "Left out because the request wants true.")
        self.assertEqual(placed.fills_up(1), "1 place was left to fill, behind everything else.")
        self.assertEqual(proposed.goes_with_none(0), "There are no events of yours yet that anything could go with.")
        self.assertIn("of your latest item.", proposed.goes_with_none(1))
        self.assertIn("of none of your 4 latest items.", proposed.goes_with_none(4))

    def test_every_phrase_is_whole(self) -> None:
        """Whatever it is given, a phrase has no brace, no double blank, no code word of ours, and a sentence has its stop."""
        given: dict[str, Any] = {"str": "stove", "int": 3, "float": 0.25, "list[str]": ["tent"], "Figure": 1.5}
        phrases = {
            f"{room.__name__}.{name}": one
            for room in (words, proposed, filtered, scored, placed, verdicts)
            for name, one in vars(room).items()
            if inspect.isfunction(one) and one.__module__ == room.__name__
        }
        self.assertGreater(len(phrases), 70)
        for name, phrase in phrases.items():
            annotations = list(inspect.signature(phrase).parameters.values())
            arguments = [
                {"price": 3.5} if str(one.annotation).startswith("dict") else given.get(_kind(one.annotation), "stove")
                for one in annotations
            ]
            with self.subTest(name):
                said = phrase(*arguments)
                self.assertRegex(said, r"\S")
                self.assertNotRegex(said, r"[{}]|  |None|True|candidate_|_visitation")
                if said[0].isupper():
                    self.assertTrue(said.endswith("."), said)


def _kind(annotation: object) -> str:
    return getattr(annotation, "__name__", "") if not re.search(r"\[|\|", str(annotation)) else str(annotation)


if __name__ == "__main__":
    unittest.main()
