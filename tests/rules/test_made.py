"""A rule set made ready: what it says of every item is kept true while the catalogue changes and time goes on."""

import unittest
from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Rejected
from headrace.events.items import Item
from headrace.features.changes import CatalogueState
from headrace.rules.declared import RuleSet, from_json, from_toml, moment
from headrace.rules.kept import named, reference
from headrace.rules.made import Rules
from headrace.snapshot.attributes import MOST_TOLD
from tests.rules.shelves import ITEMS, SETS, SHELVES, made, shop
from tests.support.properties import examples

CHANGES = st.lists(
    st.tuples(
        st.sampled_from([*ITEMS, "new-1", "new-2", "new-3"]),
        st.none()
        | st.builds(lambda shelf, price: {"shelf": shelf, "price": price}, st.sampled_from(SHELVES), st.floats(0, 40)),
    ),
    max_size=12,
)


class KeptTrue(unittest.TestCase):
    """What is worked out once is what would be worked out now."""

    @examples(100)
    @given(SETS, st.lists(CHANGES, max_size=4))
    def test_after_any_changes_it_says_of_every_item_what_a_fresh_one_says(
        self, declared: RuleSet, rounds: list[list[tuple[str, dict[str, object] | None]]]
    ) -> None:
        """Items put, changed, deleted and met for the first time."""
        picture, rules, number = shop(), Rules(declared, "shop@1"), 100
        for changes in [[], *rounds]:
            for item_id, attributes in changes:
                number += 1
                item = None if attributes is None else Item(attributes=attributes)
                picture.catalogue.put([CatalogueState(item_id, number, item)])
            everything = np.arange(len(picture), dtype=np.int32)
            fresh = Rules(declared, "shop@2")
            given_values = {"most": 12.0}
            for one, other in zip(
                (rules.hidden(picture, everything, given_values), *rules.weights(picture, everything, given_values)),
                (fresh.hidden(picture, everything, given_values), *fresh.weights(picture, everything, given_values)),
                strict=True,
            ):
                self.assertEqual(one is None, other is None)
                if one is not None and other is not None:
                    np.testing.assert_array_equal(one, other)

    def test_more_changes_than_are_told_one_by_one_are_worked_out_anew(self) -> None:
        """A catalogue that was put anew between two answers."""
        picture, rules = shop(), made(exclude=[{"where": "price > 1000"}])
        one = np.array([picture.numbers["a1"]], np.int32)
        hidden = rules.hidden(picture, one, {})
        assert hidden is not None
        self.assertFalse(hidden[0])
        expensive = Item(attributes={"price": 2000.0})
        states = [CatalogueState("a1", 100, expensive)]
        states += [CatalogueState("b1", 101 + number, expensive) for number in range(MOST_TOLD + 1)]
        picture.catalogue.put(states)
        hidden = rules.hidden(picture, one, {})
        assert hidden is not None
        self.assertTrue(hidden[0])

    def test_an_item_named_before_anybody_knows_it_is_left_out_when_it_comes(self) -> None:
        """An exclude list may run ahead of the catalogue."""
        picture, rules = shop(), made(exclude=[{"items": ["comes-later"]}])
        rules.hidden(picture, np.array([0], np.int32), {})
        picture.catalogue.put([CatalogueState("comes-later", 100, Item())])
        hidden = rules.hidden(picture, np.array([picture.numbers["comes-later"]], np.int32), {})
        assert hidden is not None
        self.assertTrue(hidden[0])

    def test_a_long_list_of_which_most_are_unknown_is_kept_true_item_by_item(self) -> None:
        """Each that comes is left out, its neighbours are not; nothing is worked out anew for it."""
        picture = shop()
        rules = made(exclude=[{"items": [f"later-{number}" for number in range(0, 200, 2)]}])
        rules.hidden(picture, np.array([0], np.int32), {})
        with mock.patch.object(Rules, "_work_out", side_effect=AssertionError("worked out anew")):
            for number in range(8):
                picture.catalogue.put([CatalogueState(f"later-{number}", 100 + number, Item())])
                hidden = rules.hidden(picture, np.array([picture.numbers[f"later-{number}"]], np.int32), {})
                assert hidden is not None
                self.assertEqual(bool(hidden[0]), number % 2 == 0, number)

    def test_a_rule_begins_and_ends_with_time(self) -> None:
        """From its first millisecond on, until before its last."""
        picture = shop()
        rules = made(exclude=[{"where": "price >= 0", "from": 1_767_225_600_000, "until": "2026-01-01T00:00:01Z"}])
        for now_ms, holds in (
            (1_767_225_599_999, False), (1_767_225_600_000, True), (1_767_225_600_999, True), (1_767_225_601_000, False),
            (1_767_225_600_000, True),
        ):  # fmt: skip
            picture.catalogue.at(now_ms)
            hidden = rules.hidden(picture, np.array([0], np.int32), {})
            self.assertEqual(hidden is not None and bool(hidden[0]), holds, now_ms)


class Written(unittest.TestCase):
    """Mistakes in what is written."""

    def wrong(self, text: str) -> dict[str, str]:
        """Return what is wrong with a set in TOML, by path."""
        with self.assertRaises(Rejected) as raised:
            from_toml(text)
        return {one.path: one.message for one in raised.exception.violations}

    def test_every_mistake_is_named_by_its_field(self) -> None:
        """All at once, expressions with their character."""
        found = self.wrong("""
            [[exclude]]
            where = "price < and"
            [[boost]]
            where = "price < 3"
            times = 0.9
            from = 2026-01-02T00:00:00Z
            until = 2026-01-01T00:00:00Z
            [[bury]]
            times = 0.5
            [[pin]]
            position = 3
            items = ["a"]
            where = "sponsored"
            [[cap]]
            by = "not a name"
            most = 3
            within = 2
        """)
        self.assertEqual(
            set(found),
            {"exclude[0].where", "boost[0].times", "boost[0].until", "bury[0]", "pin[0]", "cap[0].by", "cap[0].within"},
        )
        self.assertTrue(found["exclude[0].where"].startswith("at character "))

    def test_what_is_no_rule_is_refused(self) -> None:
        """An unknown kind, an unknown field, a wrong type, a time without its offset, no TOML and no JSON."""
        self.assertEqual(set(self.wrong("[[hide]]\nitems = ['a']")), {"hide"})
        self.assertEqual(set(self.wrong("[[pin]]\nposition = 0\nitem = 'a'")), {"pin[0].position", "pin[0].item"})
        self.assertEqual(set(self.wrong("[[only]]\nwhere = 'x'\nfrom = 2026-01-02T00:00:00")), {"only[0].from"})
        self.assertEqual(set(self.wrong("[[only]")), {""})
        with self.assertRaises(Rejected):
            from_json(b"{")

    def test_a_text_with_a_nul_and_a_number_that_nothing_can_be_are_refused(self) -> None:
        """Neither could be kept, or asked."""
        self.assertEqual(set(self.wrong('about = "a\\u0000b"')), {"about"})
        self.assertEqual(
            set(self.wrong(f"[[only]]\nwhere = 'price > {'9' * 400}'\nfrom = {'9' * 18}")), {"only[0].where", "only[0].from"}
        )

    def test_a_time_at_the_edge_of_the_calendar_is_a_time(self) -> None:
        """Though the same moment is of no day in UTC."""
        self.assertEqual(moment("0001-01-01T00:00:00+23:00"), -62_135_679_600_000)
        self.assertEqual(moment("9999-12-31T23:59:59-23:00"), 253_402_383_599_000)

    def test_names_are_plain(self) -> None:
        """So that NAME@VERSION can stand in a query and in a model's version."""
        self.assertEqual(reference("summer-sale.2"), ("summer-sale.2", None))
        self.assertEqual(reference("summer@12"), ("summer", 12))
        for odd in ("", "Summer", "a b", "a+b", "none", "x" * 65, "summer@", "summer@0", "summer@x"):
            with self.assertRaises(Rejected):
                reference(odd)
        with self.assertRaises(Rejected):
            named("a@1")


if __name__ == "__main__":
    unittest.main()
