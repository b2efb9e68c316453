"""The index of content, against the plainest way to find out what is alike: compare an item with all others."""

import unittest
from collections import Counter
from math import log, sqrt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.events.items import Item, Moment
from headrace.features import content as features
from headrace.snapshot.content import Content
from tests.support.properties import examples

ALL = np.empty(0, np.bool_)
WORDS = ["red", "blue", "tent", "stove", "for", "two"]
ITEMS = st.builds(
    lambda words, categories, brand, tags: Item(
        title=" ".join(words) or None,
        categories=categories,
        attributes={**({} if brand is None else {"brand": brand}), "tags": tags, "price": 3},
    ),
    st.lists(st.sampled_from(WORDS), max_size=4),
    st.lists(st.sampled_from(["camp", "kitchen", "books"]), max_size=2, unique=True),
    st.none() | st.sampled_from(["Acme", "Ida & Co"]),
    st.lists(st.sampled_from(["sale", "new"]), max_size=2, unique=True),
)
CHANGES = st.lists(st.tuples(st.integers(0, 11), st.none() | ITEMS), max_size=60)


def plainly(catalogue: dict[int, Item], asked: int, most: int) -> list[tuple[int, float]]:
    """Return what is alike to an item, by the formula."""
    terms = {number: features.keys(item).tolist() for number, item in catalogue.items()}
    terms = {number: keys for number, keys in terms.items() if keys}
    counts = Counter(key for keys in terms.values() for key in keys)
    says = {key: (log((1 + len(terms)) / (1 + count)) + 1) ** 2 for key, count in counts.items()}
    length = {number: sqrt(sum(says[key] for key in keys)) for number, keys in terms.items()}
    found = []
    for number, keys in terms.items():
        both = set(keys) & set(terms.get(asked, []))
        if both and number != asked:
            found.append((number, sum(says[key] for key in both) / length[number] / length[asked]))
    return sorted(found, key=lambda one: (-round(one[1], 9), one[0]))[:most]


class TheIndex(unittest.TestCase):
    """Whatever was put, changed and taken away."""

    @examples(150)
    @given(CHANGES, st.integers(1, 12))
    def test_it_finds_what_comparing_with_all_finds(self, changes: list[tuple[int, Item | None]], most: int) -> None:
        """For every item, in this order, after any changes, asked for in between or not."""
        index = Content()
        catalogue: dict[int, Item] = {}
        index.room_for(12)
        for step, (number, item) in enumerate(changes):
            index.put(number, item)
            if item is None:
                catalogue.pop(number, None)
            else:
                catalogue[number] = item
            if step % 7 == 0:
                index.alike(number, most, ALL)
        for number in range(12):
            items, likeness = index.alike(number, most, ALL)
            wanted = plainly(catalogue, number, most)
            np.testing.assert_allclose(likeness, [likely for _, likely in wanted], rtol=1e-9)
            self.assertEqual(len(items), len(set(items.tolist())))
            for item, likely in zip(items.tolist(), likeness.tolist(), strict=True):
                self.assertAlmostEqual(dict(plainly(catalogue, number, 12))[item], likely)
                self.assertAlmostEqual(index.between(number, item)[0], likely)

    @examples(60)
    @given(CHANGES)
    def test_one_that_was_followed_equals_one_that_was_loaded(self, changes: list[tuple[int, Item | None]]) -> None:
        """To the last bit: what came before leaves no trace."""
        followed, loaded, last = Content(), Content(), dict(changes)
        for index in (followed, loaded):
            index.room_for(12)
        for number, item in changes:
            followed.put(number, item)
        for number in sorted(last, reverse=True):
            loaded.put(number, last[number])
        self.assertEqual(len(followed), len(loaded))
        for number in range(12):
            mine, theirs = followed.alike(number, 12, ALL), loaded.alike(number, 12, ALL)
            self.assertEqual(mine[0].tolist(), theirs[0].tolist())
            self.assertEqual(mine[1].tolist(), theirs[1].tolist())

    def test_a_thousand_items_of_many_terms_come_and_go(self) -> None:
        """Tables grow, ranges move and are used again: in the end nothing is left of them."""
        index = Content()
        index.room_for(1000)
        for number in range(1000):
            words = " ".join(f"word{number % step}" for step in range(2, 40))
            index.put(number, Item(title=f"{words} only{number}", categories=["all"]))
        before = index.memory
        items, likeness = index.alike(7, 5, ALL)
        self.assertEqual((len(items), likeness.tolist()), (5, sorted(likeness.tolist(), reverse=True)))
        for number in range(1000):
            index.put(number, None)
        self.assertEqual((len(index), [len(index.alike(number, 5, ALL)[0]) for number in (0, 7)]), (0, [0, 0]))
        for number in range(1000):
            index.put(number, Item(title=f"only{number}", categories=["all"]))
        self.assertEqual(index.memory, before)

    def test_it_finds_the_same_where_common_terms_are_not_gone_through(self) -> None:
        """Among many items of one category the rare words decide; the category still counts for those that share it."""
        index = Content()
        index.room_for(3000)
        catalogue = {
            number: Item(title=f"w{number % 701} w{number % 89} w{number % 7}", categories=["all", f"c{number % 3}"])
            for number in range(3000)
        }
        for number, item in catalogue.items():
            index.put(number, item)
        for number in range(0, 3000, 499):
            for most in (1, 4, 40):
                items, likeness = index.alike(number, most, ALL)
                wanted = plainly(catalogue, number, most)
                np.testing.assert_allclose(likeness, [likely for _, likely in wanted], rtol=1e-9)
                if most == 4:
                    self.assertEqual(set(items.tolist()), {item for item, _ in wanted})

    def test_what_is_not_visible_is_left_out(self) -> None:
        """And takes nobody's place."""
        index = Content()
        index.room_for(3)
        for number, title in enumerate(("red tent", "red tent", "blue tent")):
            index.put(number, Item(title=title))
        visible = np.array([True, False, True])
        self.assertEqual(index.alike(0, 1, ALL)[0].tolist(), [1])
        self.assertEqual(index.alike(0, 1, visible, flips=1)[0].tolist(), [2])

    def test_switched_off_it_takes_nothing_and_finds_nothing(self) -> None:
        """For whoever needs the memory."""
        index = Content(on=False)
        index.room_for(3)
        index.put(0, Item(title="red tent"))
        self.assertEqual((len(index), len(index.alike(0, 5, ALL)[0]), index.tells(0)), (0, 0, False))


class Terms(unittest.TestCase):
    """What an item says of itself."""

    def terms(self, item: Item) -> set[int]:
        """Return the keys."""
        return set(features.keys(item).tolist())

    def test_words_are_shared_whatever_the_case_and_the_place(self) -> None:
        """A word of the title is that of a text; a short text is a name and shared as a whole."""
        title = self.terms(Item(title="Quince JAM"))
        text = self.terms(Item(attributes={"about": "a jam of the ripest quince"}))
        self.assertEqual(len(title & text), 2)
        self.assertEqual(self.terms(Item(attributes={"by": "Ida"})), self.terms(Item(attributes={"by": "IDA"})))
        self.assertFalse(self.terms(Item(attributes={"by": "Ida"})) & self.terms(Item(attributes={"for": "Ida"})))

    def test_numbers_times_and_switches_make_nothing_alike(self) -> None:
        """Nor does when and whether an item is shown."""
        said = Item(attributes={"price": 3.5, "organic": True, "made": Moment(1)}, available=False, group="jams")
        self.assertEqual(self.terms(said), set())

    def test_an_item_has_at_most_so_many_terms(self) -> None:
        """Categories and names before words."""
        item = Item(title=" ".join(map(str, range(100))), categories=["food"], attributes={"by": "Ida"})
        keys = features.keys(item)
        self.assertEqual(len(keys), features.MOST_TERMS)
        self.assertEqual(
            [features.kind_of(int(key)) for key in keys[:3]], [features.CATEGORY, features.ATTRIBUTE, features.WORD]
        )


if __name__ == "__main__":
    unittest.main()
