"""What holds under any rules, over any recipe, whoever asks."""

import unittest
from itertools import count, pairwise
from unittest import mock

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace import pipeline
from headrace.events.items import Item
from headrace.features.changes import CatalogueState, ItemState
from headrace.pipeline import Candidates, Query, Recipe, Trace, arranging, ruled
from headrace.rules.declared import Cap, Pin, RuleSet, from_json, from_toml, to_json, to_toml
from headrace.rules.made import Rules
from headrace.serving import recipes
from headrace.snapshot.picture import Picture
from tests.explaining.worlds import told
from tests.rules.shelves import ITEMS, QUERIES, RECIPES, SETS, described, fullest, groups, made, shop, shown
from tests.stages.worlds import ask
from tests.support.properties import examples

SHOP = shop()
CHANGES = count(1000)
HIDDEN = st.sets(st.sampled_from(ITEMS), max_size=6)
GIVEN = {"most": 12.0}
ALONE = """
[[sources]]
part = "co_visitation"
[selector]
part = "top"
"""
SHORT = [*(recipes.named(name) for name in ("default", "similar", "ratings")), recipes.read("alone", ALONE)]
"""Recipes that have a short way; the last fills nothing up and leaves nothing out."""

PINS = st.lists(
    st.tuples(
        st.sampled_from(["proposed", "not proposed", "seen", "excluded", "hidden"]), st.integers(0, 50), st.integers(1, 8)
    ),
    max_size=4,
)


def asked(query: Query, *rules: Rules) -> Query:
    """Return the query under rules, with a value for what they ask of requests."""
    return msgspec.structs.replace(query, rules=rules, given=GIVEN)


def caps(rules: RuleSet, *, mode: str) -> list[Cap]:
    """Return the caps of this mode."""
    return [cap for cap in rules.cap if (cap.mode or rules.mode) == mode]


class UnderAnyRules(unittest.TestCase):
    """One picture, whose catalogue changes from example to example."""

    def world(self, hidden: set[str]) -> Picture:
        """Return the shop with these items away, and all others there."""
        number = next(CHANGES)
        for item_id in ITEMS:
            item = SHOP.catalogue.item(item_id) or Item()
            if item.available == (item_id in hidden):
                changed = msgspec.structs.replace(self.described(item_id), available=item_id not in hidden)
                SHOP.catalogue.put([CatalogueState(item_id, number, changed)])
        return SHOP

    def described(self, item_id: str) -> Item:
        """Return what the catalogue said of an item at first."""
        return described(ITEMS.index(item_id))

    def answered(self, recipe: Recipe, picture: Picture, query: Query) -> tuple[Candidates, list[str]]:
        """Return an answer and its items, checked for what holds of every answer."""
        answer = pipeline.run(recipe, picture, query)
        items = shown(picture, answer)
        self.assertLessEqual(len(items), query.k)
        self.assertEqual(len(set(items)), len(items))
        return answer, items

    @examples(150)
    @given(SETS, QUERIES, st.sampled_from(RECIPES), HIDDEN)
    def test_what_is_hidden_or_left_out_never_appears(
        self, rules: RuleSet, query: Query, recipe: Recipe, hidden: set[str]
    ) -> None:
        """By no source, filler, pin or chance: not what the catalogue hides, not what a rule or the request leaves out."""
        picture = self.world(hidden)
        laid = Rules(rules, "shop@1")
        _, items = self.answered(recipe, picture, asked(query, laid))
        self.assertEqual(hidden & set(items), set())
        for part in laid.marks(picture).now.hides:
            numbers = np.array([picture.numbers[item] for item in items], np.int32)
            spoken_of = laid.true(part, picture, numbers, GIVEN)
            self.assertTrue((spoken_of == part.wanted).all(), (part, items))
        if "excluded" in {one.name for one in recipe.filters}:
            self.assertEqual(query.exclude & set(items), set())

    def test_however_many_boosts_meet_scores_stay_finite_and_what_is_buried_stays_behind(self) -> None:
        """A hundred boosts of a thousand, twenty more of the request's own, and a bury beside them."""
        picture = self.world(set())
        boost = [{"items": ["best05", "a1", "b2"], "times": 1000}]
        laid = made(boost=boost * 100, bury=[{"items": ["best05", "a1"]}])
        own = made("the request", boost=boost * 20, bury=[{"items": ["best06"]}])
        for recipe in RECIPES[:4]:
            for rules in ((own, laid), (laid, own)):
                answer, items = self.answered(recipe, picture, asked(ask("c1", "c3", k=40), *rules))
                self.assertTrue(np.isfinite(answer.scores).all(), answer.scores)
                buried = [place for place, item in enumerate(items) if item in ("best05", "best06", "a1")]
                self.assertEqual(buried, list(range(len(items) - len(buried), len(items))), (recipe.name, items))

    @examples(150)
    @given(SETS, QUERIES, st.sampled_from(RECIPES), HIDDEN)
    def test_no_two_variants_of_a_group_are_in_one_list(
        self, rules: RuleSet, query: Query, recipe: Recipe, hidden: set[str]
    ) -> None:
        """With rules and without any."""
        picture = self.world(hidden)
        for laid in ((), (Rules(rules, "shop@1"),)):
            _, items = self.answered(recipe, picture, asked(query, *laid))
            found = groups(picture, items)
            self.assertEqual(len(set(found)), len(found), items)

    @examples(200)
    @given(SETS, SETS, QUERIES, st.sampled_from(RECIPES), HIDDEN)
    def test_a_strict_cap_holds_in_every_window(
        self, one: RuleSet, other: RuleSet, query: Query, recipe: Recipe, hidden: set[str]
    ) -> None:
        """Whatever is pinned, tried out or filled up, and with another set laid over the same answer."""
        picture = self.world(hidden)
        _, items = self.answered(recipe, picture, asked(query, Rules(one, "shop@1"), Rules(other, "shop@2")))
        for cap in (*caps(one, mode="strict"), *caps(other, mode="strict")):
            self.assertLessEqual(fullest(picture, cap.by, cap.within, items), cap.most, (cap, items))

    @examples(150)
    @given(SETS, QUERIES, st.sampled_from(RECIPES[:5]), HIDDEN)
    def test_a_relaxed_cap_holds_unless_the_answer_says_where_it_gave_way(
        self, rules: RuleSet, query: Query, recipe: Recipe, hidden: set[str]
    ) -> None:
        """Pins stand before it, so it is held to lists without any."""
        picture = self.world(hidden)
        answer, items = self.answered(recipe, picture, asked(query, Rules(msgspec.structs.replace(rules, pin=[]), "shop@1")))
        assert answer.applied is not None
        if not answer.applied.relaxed:
            for cap in rules.cap:
                self.assertLessEqual(fullest(picture, cap.by, cap.within, items), cap.most, (cap, items))

    @examples(150)
    @given(SETS, QUERIES, st.sampled_from(RECIPES[:5]), HIDDEN)
    def test_relaxed_is_never_shorter_than_there_are_items_to_show(
        self, rules: RuleSet, query: Query, recipe: Recipe, hidden: set[str]
    ) -> None:
        """With relaxed caps a list is as long as without any, and that is k where k items of different groups may be shown."""
        picture = self.world(hidden)
        relaxed = [msgspec.structs.replace(cap, mode="relaxed") for cap in rules.cap]
        capped = Rules(msgspec.structs.replace(rules, cap=relaxed), "shop@1")
        bare = Rules(msgspec.structs.replace(rules, cap=[]), "shop@1")
        _, items = self.answered(recipe, picture, asked(query, capped))
        _, without = self.answered(recipe, picture, asked(query, bare))
        self.assertEqual(len(items), len(without))
        everything, few = (self.answered(recipe, picture, msgspec.structs.replace(asked(query, bare), k=k)) for k in (200, 10))
        self.assertEqual(len(few[1]), min(10, len(everything[1])))

    @examples(150)
    @given(SETS, QUERIES, st.sampled_from(RECIPES[:5]), HIDDEN, st.sampled_from(ITEMS), st.integers(1, 12))
    def test_a_pin_stands_where_it_was_put_if_it_may_be_shown(
        self, rules: RuleSet, query: Query, recipe: Recipe, hidden: set[str], item: str, position: int
    ) -> None:
        """The first pin of the first set: at its place, or at the end of a list that is too short, if it may be shown."""
        picture = self.world(hidden)
        pin = made("pins@1", pin=[{"position": position, "items": [item]}])
        under_rules = asked(query, pin, Rules(rules, "shop@1"))
        answer, items = self.answered(recipe, picture, under_rules)
        may = self.may_be_shown(recipe, picture, under_rules, item)
        if item in items:
            self.assertTrue(may)
        if may and position <= query.k and position <= len(items):
            if items[position - 1] != item:  # one that moved up behind it made a short list just long enough
                self.assertTrue(rules.pin, (items, answer.applied))
                self.assertLess(len(items), query.k)
                self.assertIn(item, items[: position - 1])
        elif may and position <= query.k and not rules.pin:
            if not caps(rules, mode="strict"):  # one of those may keep it away from the place that it moves up to
                self.assertIn(item, items)
            assert answer.applied is not None
            self.assertEqual(len(answer.applied.unpinned), 1)

    def may_be_shown(self, recipe: Recipe, picture: Picture, query: Query, item: str) -> bool:
        """Return whether nothing leaves an item out."""
        one = Candidates(np.array([picture.numbers[item]], np.int32), np.zeros(1), np.zeros(1, np.int8), ("x",))
        visible = picture.catalogue.visible(one.items)
        masks = [part.allow(picture, query, one) for part in recipe.filters]
        masks += [None if (mask := rules.hidden(picture, one.items, query.given)) is None else ~mask for rules in query.rules]
        return all(mask is None or bool(mask[0]) for mask in (visible, *masks))

    @examples(100)
    @given(SETS, QUERIES, st.sampled_from(RECIPES), HIDDEN)
    def test_an_answer_with_a_trace_is_the_very_answer_without_one(
        self, rules: RuleSet, query: Query, recipe: Recipe, hidden: set[str]
    ) -> None:
        """Items, scores and what is said of the rules; and on the main way each stage begins with what the last one left."""
        picture, under_rules = self.world(hidden), asked(query, Rules(rules, "shop@1"))
        trace = Trace()
        plain, traced = pipeline.run(recipe, picture, under_rules), pipeline.run(recipe, picture, under_rules, trace)
        np.testing.assert_array_equal(plain.items, traced.items)
        np.testing.assert_array_equal(plain.scores, traced.scores)
        self.assertEqual(plain.applied, traced.applied)
        main = [step for step in trace.steps if step.within is None and step.kind != "source"]
        for one, following in pairwise(main):
            np.testing.assert_array_equal(one.after.items, following.before.items)
        np.testing.assert_array_equal(main[-1].after.items, traced.items)

    @examples(200)
    @given(SETS, QUERIES, st.sampled_from(RECIPES[:4]), HIDDEN, st.integers(1, 12))
    def test_the_best_of_a_pool_alone_make_the_same_list_as_all_of_it(
        self, rules: RuleSet, query: Query, recipe: Recipe, hidden: set[str], reach: int
    ) -> None:
        """However few of the best are looked at first: items, scores and what is said of the rules."""
        picture, under_rules = self.world(hidden), asked(query, Rules(rules, "shop@1"))
        with mock.patch.object(arranging, "prefix", lambda size: reach):  # noqa: ARG005 -- as it is called
            shortly = pipeline.run(recipe, picture, under_rules)
        with mock.patch.object(arranging, "prefix", lambda size: 1000):  # noqa: ARG005 -- as it is called
            wholly = pipeline.run(recipe, picture, under_rules)
        self.assertEqual(shown(picture, shortly), shown(picture, wholly))
        np.testing.assert_array_equal(shortly.scores, wholly.scores)
        self.assertEqual(shortly.applied, wholly.applied)

    @examples(300)
    @given(SETS, QUERIES, st.just(1) | st.integers(1, 12), st.sampled_from(SHORT), HIDDEN, PINS, st.sampled_from([1, 4, 64]))
    def test_the_short_way_makes_the_very_answer_of_the_long_one(
        self,
        rules: RuleSet,
        query: Query,
        k: int,
        recipe: Recipe,
        hidden: set[str],
        pins: list[tuple[str, int, int]],
        reach: int,
    ) -> None:
        """Whoever is pinned, and however few of the best are looked at. Who asks why is answered by the long way."""
        picture = self.world(hidden)
        laid = Rules(
            msgspec.structs.replace(rules, pin=[*rules.pin, *self.pinned(recipe, picture, query, pins, hidden)]), "shop@1"
        )
        under_rules = msgspec.structs.replace(asked(query, laid), k=k)
        with mock.patch.object(arranging, "prefix", lambda size: reach):  # noqa: ARG005 -- as it is called
            shortly, again = pipeline.run(recipe, picture, under_rules), pipeline.run(recipe, picture, under_rules)
        traced = pipeline.run(recipe, picture, under_rules, Trace())
        self.assertSame(picture, shortly, traced)
        self.assertSame(picture, again, traced)  # where the best were not enough, all are looked at from the beginning

    def pinned(
        self, recipe: Recipe, picture: Picture, query: Query, pins: list[tuple[str, int, int]], hidden: set[str]
    ) -> list[Pin]:
        """Return pins for items of these kinds: the how-manieth item of its kind, and at which place."""
        met = {picture.ids[number] for number in recipe.sources[0].propose(picture, query)[0]}
        kinds: dict[str, set[str]] = {
            "proposed": met, "not proposed": set(ITEMS) - met, "seen": set(query.recent),
            "excluded": set(query.exclude), "hidden": hidden,
        }  # fmt: skip
        return [
            Pin(position=place, items=[sorted(kinds[kind])[number % len(kinds[kind])]])
            for kind, number, place in pins
            if kinds[kind]
        ]

    def assertSame(self, picture: Picture, one: Candidates, other: Candidates) -> None:  # noqa: N802 -- beside its like
        """Assert that two answers are the same to the last bit: items, scores, sources and what is said of the rules."""
        self.assertEqual(shown(picture, one), shown(picture, other))
        np.testing.assert_array_equal(one.scores, other.scores)
        owners = [[answer.sources[source] for source in answer.source] for answer in (one, other)]
        self.assertEqual(owners[0], owners[1])
        self.assertEqual(one.applied, other.applied)

    def test_a_list_with_pins_of_every_kind_is_made_the_short_way(self) -> None:
        """One that is proposed, one that is not, one that was seen and one that is hidden: no pool is made for them."""
        picture = self.world({"best03"})
        self.assertTrue(all(recipe.short for recipe in SHORT))
        for item, stands in (("c3", True), ("best05", True), ("a1", False), ("best03", False)):
            laid = made(pin=[{"position": 1, "items": [item]}], boost=[{"where": 'shelf == "red"', "times": 2}])
            under_rules = asked(ask("a1", k=3), laid)
            with mock.patch.object(ruled, "weighed", side_effect=AssertionError("a pool was made")):
                answer = pipeline.run(recipes.named("default"), picture, under_rules)
            self.assertEqual(shown(picture, answer)[0] == item, stands, item)
            self.assertSame(picture, answer, pipeline.run(recipes.named("default"), picture, under_rules, Trace()))

    def shortly(self, picture: Picture, query: Query, reach: int) -> Candidates:
        """Return the default answer, made without a pool from so many of the best, checked to be that of the long way."""
        with (
            mock.patch.object(arranging, "prefix", lambda size: reach),  # noqa: ARG005 -- as it is called
            mock.patch.object(ruled, "weighed", side_effect=AssertionError("a pool was made")),
        ):
            answer = pipeline.run(recipes.named("default"), picture, query)
        self.assertSame(picture, answer, pipeline.run(recipes.named("default"), picture, query, Trace()))
        return answer

    def test_what_fills_up_is_kept_ready_and_a_change_shows_in_the_very_next_answer(self) -> None:
        """An item is switched off, one becomes popular, one is described anew; one user has seen what another has not."""
        for reach in (16, 64):
            picture = shop()
            laid = made(
                only=[{"where": "price < 4 or price > 15"}],
                boost=[{"where": 'shelf == "red"', "times": 2}],
                pin=[{"position": 2, "items": ["best05"]}],
                cap=[{"by": "shelf", "most": 3}],
            )
            query = asked(ask("a1", k=8), laid)
            answer = self.shortly(picture, query, reach)
            self.assertEqual(answer.sources, ("co_visitation", "pinned", "popularity"))
            first, last = shown(picture, answer)[-2:]
            self.assertNotIn(last, shown(picture, self.shortly(picture, asked(ask("a1", last, k=8), laid), reach)))
            gone = msgspec.structs.replace(described(ITEMS.index(last)), available=False)
            picture.catalogue.put([CatalogueState(last, 2000, gone)])
            self.assertNotIn(last, shown(picture, self.shortly(picture, query, reach)))
            self.assertNotIn("best00", shown(picture, self.shortly(picture, query, reach)))
            picture.put_items([ItemState("best00", 9000, 9000, 9e9, 9e9)])
            self.assertIn("best00", shown(picture, self.shortly(picture, query, reach)))
            dear = msgspec.structs.replace(described(0), attributes={"price": 10.0})
            picture.catalogue.put([CatalogueState(first, 2001, dear)])
            self.assertNotIn(first, shown(picture, self.shortly(picture, query, reach)))
            picture.put_items([ItemState("unheard of", 8000, 8000, 8e9, 8e9)])
            self.shortly(picture, query, reach)

    def test_a_pin_finds_an_item_that_arrives_later(self) -> None:
        """In the very next answer, of two that it names too, and though nobody who asks is proposed the item."""
        for names, before in ((["new"], None), (["new", "best05"], "best05")):
            picture = shop()
            query = asked(ask("a1", k=5), made(pin=[{"position": 1, "items": names}]))
            first = shown(picture, pipeline.run(recipes.named("default"), picture, query))[0]
            self.assertTrue(first == before if before else first not in names, first)
            picture.put_items([ItemState("new", 1, 1, 1.0, 1.0)])
            answer = pipeline.run(recipes.named("default"), picture, query)
            self.assertEqual(shown(picture, answer)[0], "new")
            self.assertSame(picture, answer, pipeline.run(recipes.named("default"), picture, query, Trace()))

    def test_when_rules_need_more_than_the_best_all_are_looked_at_until_they_no_longer_do(self) -> None:
        """What the last answers needed decides how the next one is begun, and never what it is."""
        picture = shop()
        laid = made(cap=[{"by": "categories", "most": 1, "within": 2}])
        few, many = asked(ask("a1", k=2), laid), asked(ask("a1", k=5), laid)
        for query in (few, many, many, few, few, many):
            self.shortly(picture, query, 3)
            self.assertEqual(laid.marks(picture).wide, query is many)

    def test_a_pin_that_is_proposed_beyond_the_best_has_the_score_it_was_proposed_with(self) -> None:
        """The short way looks at one item alone, and at whoever is pinned."""
        picture = self.world(set())
        for item in ("b2", "c3", "d4"):
            under_rules = asked(ask("a1", "b4", k=1), made(pin=[{"position": 1, "items": [item]}]))
            with (
                mock.patch.object(arranging, "prefix", lambda size: 1),  # noqa: ARG005 -- as it is called
                mock.patch.object(ruled, "weighed", side_effect=AssertionError("a pool was made")),
            ):
                answer = pipeline.run(recipes.named("default"), picture, under_rules)
            self.assertEqual(shown(picture, answer), [item])
            self.assertGreater(answer.scores[0], 0)
            self.assertSame(picture, answer, pipeline.run(recipes.named("default"), picture, under_rules, Trace()))

    @examples(100)
    @given(SETS, QUERIES, st.sampled_from(RECIPES), HIDDEN)
    def test_the_reasons_of_an_answer_add_up_under_rules_too(
        self, rules: RuleSet, query: Query, recipe: Recipe, hidden: set[str]
    ) -> None:
        """Terms and factors lead from stage to stage to the score; every item of the shop has a verdict, in words."""
        picture = self.world(hidden)
        found = told(recipe, picture, asked(query, Rules(rules, "shop@1")))
        for one, score in zip(found.reasons, found.answer.scores, strict=True):
            now = 0.0
            for did in one.did:
                self.assertEqual(did.before, now)
                now = (now + sum(term.adds for term in did.terms)) * float(np.prod([factor.times for factor in did.factors]))
                np.testing.assert_allclose(now, did.after, rtol=1e-9, atol=1e-9)
                now = did.after or 0.0
            self.assertEqual(now, score)
        items = shown(picture, found.answer)
        for item in ITEMS:
            judged = found.why(item)
            self.assertEqual(judged.verdict == "shown", item in items)
            self.assertTrue(judged.words)

    @examples(50)
    @given(SETS)
    def test_a_set_is_the_same_after_it_was_written_and_read(self, rules: RuleSet) -> None:
        """As JSON and as TOML, and in a recipe, whose version it changes."""
        self.assertEqual(from_json(to_json(rules)), rules)
        self.assertEqual(from_toml(to_toml(rules)), rules)
        if any(True for _ in rules.each()):
            text = recipes.text_of("default") + "\n[rules]\n" + to_toml(rules).replace("\n[[", "\n[[rules.")
            if not to_toml(rules).startswith("[["):
                self.assertNotEqual(recipes.read("default", text).version, recipes.named("default").version)


if __name__ == "__main__":
    unittest.main()
