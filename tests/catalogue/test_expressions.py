"""Expressions over attributes: what they mean, what they refuse and where."""

import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.events.items import Item, Moment, Value
from headrace.expressions import LONGEST, ExpressionError, Given, read
from headrace.snapshot.attributes import MOST_COLUMNS, Attributes
from tests.support.properties import examples

QUICK = examples(100)

SHELF: dict[str, Item] = {
    "jam": Item(attributes={"price": 4, "brand": "acme", "organic": True, "tags": ["sale", "new"]}, categories=["food"]),
    "tea": Item(attributes={"price": 9.5, "brand": "apex", "organic": False, "tags": []}, categories=["food", "drink"]),
    "lamp": Item(attributes={"price": 20, "brand": "d\u00f6rt $5", "made": Moment(1_000)}, group="lamps"),
    "stone": Item(),
}


def shelf(items: dict[str, Item]) -> Attributes:
    """Return the attributes of some items, in their order."""
    attributes = Attributes()
    attributes.room_for(8)
    for number, item in enumerate(items.values()):
        attributes.put(number, item)
    return attributes


def chosen(text: str, *, strict: bool = True, **params: Given) -> set[str]:
    """Return the items of the shelf of which an expression is true."""
    items = np.arange(len(SHELF), dtype=np.int32)
    mask = read(text).of(shelf(SHELF), items, params, strict=strict)
    return {name for name, true in zip(SHELF, mask.tolist(), strict=True) if true}


class TooLarge(unittest.TestCase):
    """A number that no float holds."""

    def test_it_is_refused_at_its_character(self) -> None:
        """As written, and as a value of the request."""
        nines = "9" * 400
        for text in (f"price > {nines}", f"price == {nines}", f"price < -{nines}", f"price in [1, {nines}]", "price > 1e999"):
            with self.assertRaisesRegex(ExpressionError, "at character [0-9]+: this number is larger", msg=text):
                read(text)
        for text in ("price > $x", "price == $x", "$x <= price", "price in [1, $x]"):
            with self.assertRaisesRegex(ExpressionError, "at character [0-9]+: this number is larger", msg=text):
                chosen(text, x=int(nines))


class TooMany(unittest.TestCase):
    """More names and kinds than there is room for."""

    def test_an_attribute_that_found_no_room_is_refused_and_never_silently_false(self) -> None:
        """Also where only one of its kinds found none; the others are answered."""
        attributes = Attributes()
        attributes.room_for(2)
        attributes.put(0, Item(attributes={f"a{number}": 1 for number in range(MOST_COLUMNS)}))
        attributes.put(1, Item(attributes={"adult": True, "a1": "text"}))
        both = np.arange(2, dtype=np.int32)
        self.assertEqual(read("a0 == 1").of(attributes, both, {}).tolist(), [True, False])
        for text in ("adult", "not adult", "a1 == 1"):
            with self.assertRaisesRegex(ExpressionError, "found no room: at most 256"):
                read(text).of(attributes, both, {})
        self.assertEqual(attributes.left_out, {"adult", "a1"})

    def test_what_there_is_no_room_for_is_known_before_it_is_taken(self) -> None:
        """A name in another kind is another column; one of which nobody has anything makes room."""
        attributes = Attributes()
        attributes.room_for(2)
        attributes.put(0, Item(attributes={f"a{number}": 1 for number in range(MOST_COLUMNS - 1)}))
        self.assertEqual(attributes.crowded_out([{"a0": 2, "b": True}]), [])
        self.assertEqual(attributes.crowded_out([{"a0": "text", "b": True}]), ["b"])
        self.assertEqual(attributes.crowded_out([{"b": True}, {"b": False, "c": 1}]), ["c"])
        attributes.put(0, None)
        self.assertEqual(attributes.crowded_out([{"b": True}, {"c": 1}]), [])

    def test_columns_in_which_nobody_has_anything_make_room(self) -> None:
        """Items that went, and attributes that were taken back."""
        attributes = Attributes()
        attributes.room_for(2)
        values: list[Value] = [1, "x", True]
        for round_ in range(3):
            attributes.put(0, Item(attributes={f"a{round_}_{number}": values[number % 3] for number in range(200)}))
            attributes.put(0, None)
        attributes.put(1, Item(attributes={"adult": True}))
        attributes.patch(1, {"adult": None, "fit": "for all"})
        self.assertEqual(read("fit == 'for all' and not adult").of(attributes, np.array([1], np.int32), {}).tolist(), [True])
        self.assertEqual(attributes.left_out, set())


class WhatTheyMean(unittest.TestCase):
    """A shelf of four things."""

    def test_each_comparison_means_what_it_says(self) -> None:
        """What an item does not have is no match; not turns all around."""
        everything = set(SHELF)
        meanings: dict[str, set[str]] = {
            "price <= 9.5": {"jam", "tea"},
            "5 < price < 20": {"tea"},
            "20 >= price": {"jam", "tea", "lamp"},
            "price == 4": {"jam"},
            "price != 4": everything - {"jam"},
            "not (price > 5)": {"jam", "stone"},
            "price is null": {"stone"},
            "price is not null": everything - {"stone"},
            "tags == null": {"lamp", "stone"},
            "organic": {"jam"},
            "not organic": everything - {"jam"},
            "organic == false": {"tea"},
            "brand == 'd\u00f6rt $5'": {"lamp"},
            "brand in ['acme', \"apex\", 'none']": {"jam", "tea"},
            "'sale' in tags": {"jam"},
            "'sale' not in tags": everything - {"jam"},
            "'drink' in categories or group == 'lamps'": {"tea", "lamp"},
            "categories in ['drink', 'toys']": {"tea"},
            "made < 2000": {"lamp"},
            "price > -1 and\n available and not 'new' in tags": {"tea", "lamp"},
            "true": everything,
            "available == true and price in [4, 20, 7]": {"jam", "lamp"},
            "available == false": set(),
            "available != false": everything,
            "organic in [true, false]": {"jam", "tea"},
        }
        for text, wanted in meanings.items():
            with self.subTest(text):
                self.assertEqual(chosen(text), wanted)
        self.assertEqual(chosen("price <= $max and brand in $brands", max=10, brands=["acme"]), {"jam"})

    def test_a_value_that_changes_is_found_under_its_new_one(self) -> None:
        """Columns are changed in place; a list's table grows with what is new."""
        attributes, one = shelf(SHELF), np.array([0], np.int32)
        self.assertTrue(read("'sale' in tags").of(attributes, one, {}).all())
        attributes.patch(0, {"tags": ["old"], "price": "four", "brand": None})
        for text, true in {
            "'sale' in tags": False,
            "'old' in tags": True,
            "price == 4": False,
            "price == 'four'": True,
        }.items():
            self.assertEqual(bool(read(text).of(attributes, one, {})[0]), true, text)
        attributes.put(0, None)
        self.assertFalse(read("price is not null or tags is not null").of(attributes, one, {}).any())

    @QUICK
    @given(
        st.lists(
            st.fixed_dictionaries({}, optional={"a": st.integers(-3, 3), "b": st.sampled_from("xyz"), "c": st.booleans()})
        ),
        st.recursive(
            st.sampled_from(["a < 1", "a >= -1", "a == 2", "b == 'x'", "b in ['y', 'z']", "c", "a is null"]),
            lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or", "and not"]), inner),
            max_leaves=8,
        ),
    )
    def test_it_agrees_with_python_item_by_item(self, rows: list[dict[str, Value]], text: str) -> None:
        """Python itself says what the expression means; of what is missing, every comparison is false."""
        items = {str(number): Item(attributes=row) for number, row in enumerate(rows[:8])}
        mask = read(text).of(shelf(items), np.arange(len(items), dtype=np.int32), {}, strict=False)
        for row, true in zip(rows, mask.tolist(), strict=False):
            known = {"a": float("nan"), "b": "", "c": False} | row
            plain = text.replace("a is null", str("a" not in row))
            self.assertEqual(true, bool(eval(plain, {}, known)), (text, row))  # noqa: S307 -- the oracle, on our own words


class WhatTheyRefuse(unittest.TestCase):
    """Each with the character."""

    def test_mistakes_are_refused_at_their_character(self) -> None:
        """Counted from 1, in characters and not in bytes."""
        mistakes = {
            "": 1,
            "   ": 1,
            "price <": 8,
            "price <= 5 and pric < 3": 16,
            "brand == 'd\u00f6rt' and __import__('os')": 21,
            "price.real > 1": 1,
            "price + 1 > 2": 1,
            "price < 'five'": 1,
            "brand < 5": 1,
            "price": 1,
            "price == brand": 10,
            "'sale' in price": 11,
            "price in 5": 10,
            "organic) or (organic": 8,
            "brand in [['a']]": 11,
            "brand in ['a', null]": 16,
            "price in [1, 'a']": 1,
            "price < $most": 9,
            "(lambda: 1)": 2,
            "price == 4 \u01c2": 12,
            "not " * 60 + "organic": 161,
            "organic and " * 100 + "organic": LONGEST + 1,
        }
        for text, at in mistakes.items():
            with self.subTest(text[:60]), self.assertRaises(ExpressionError) as caught:
                chosen(text)
            self.assertEqual(caught.exception.at, at, (text[:60], str(caught.exception)))
        with self.assertRaises(ExpressionError):
            chosen("(" * 300 + "organic" + ")" * 300)

    def test_a_recipe_takes_what_does_not_fit_as_false(self) -> None:
        """It has to answer whatever the catalogue holds."""
        for text in ("pric < 3", "price < 'five'", "price < $most", "'x' in price"):
            self.assertEqual(chosen(text, strict=False), set())
        self.assertEqual(chosen("pric < 3 or organic", strict=False), {"jam"})

    @QUICK
    @given(st.text(alphabet="abp rice<>=!()[]'\"$,.-0123\u00f6\n\0andorti", max_size=40))
    def test_no_text_does_anything_but_mean_or_be_refused(self, text: str) -> None:
        """Never another error."""
        try:
            chosen(text)
        except ExpressionError as error:
            self.assertTrue(1 <= error.at <= len(text) + 1, (text, error))
