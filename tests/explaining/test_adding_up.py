"""The numbers of every explanation, recomputed: what a part says that it did is what it did."""

import unittest

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.events.items import Item
from headrace.events.types import Event
from headrace.expressions import read
from headrace.features.changes import CatalogueState
from headrace.pipeline import Query, Recipe
from headrace.serving import recipes
from headrace.serving.explaining.told import Cut
from headrace.snapshot.picture import Picture
from tests.explaining.worlds import CROWDED, RECIPES, SMALL_QUERIES, added_up, told
from tests.features.worlds import ITEMS, act
from tests.stages.worlds import CURIOUS, ask, names, one_of_each, picture_of
from tests.support.properties import examples

ALIKE = 1e-9


def world(events: list[Event], hidden: set[str]) -> Picture:
    """Return the picture of these events, some of whose items the catalogue does not show."""
    picture = picture_of(events)
    picture.catalogue.put(CatalogueState(item_id, 1, Item(available=False)) for item_id in sorted(hidden))
    return picture


class AddingUp(unittest.TestCase):
    """Scores recomputed from what is told."""

    @examples(300)
    @given(CROWDED, SMALL_QUERIES, st.sampled_from(RECIPES), st.sets(st.sampled_from(ITEMS), max_size=2), st.floats(0, 1))
    def test_the_parts_of_every_score_add_up_to_it(
        self, events: list[Event], query: Query, recipe: Recipe, hidden: set[str], returns: float
    ) -> None:
        """For every item of every answer of every recipe: terms and factors, stage by stage, lead from nothing to its score."""
        asked = Query("ada", None, query.request_id, query.k, query.recent, query.exclude, returns)
        found = told(recipe, world(events, hidden), asked)
        self.assertEqual([one.item_id for one in found.reasons], [found.picture.ids[item] for item in found.answer.items])
        for one, score in zip(found.reasons, found.answer.scores, strict=True):
            self.assertEqual(one.score, score)
            np.testing.assert_allclose(added_up(one.did), score, rtol=ALIKE, atol=ALIKE)
            self.assertEqual(one.did[-1].after, score)
            self.assertTrue(one.words)

    @examples(150)
    @given(CROWDED, SMALL_QUERIES, st.sampled_from(RECIPES), st.floats(0, 1))
    def test_each_stage_begins_where_the_one_before_ended(
        self, events: list[Event], query: Query, recipe: Recipe, returns: float
    ) -> None:
        """Also one by one: (before + terms) x factors is what the trace has behind the stage."""
        asked = Query("ada", None, query.request_id, query.k, query.recent, query.exclude, returns)
        for one in told(recipe, world(events, set()), asked).reasons:
            before = 0.0
            for did in one.did:
                self.assertEqual(did.before, before)
                factor = float(np.prod([factor.times for factor in did.factors]))
                behind = (before + sum(term.adds for term in did.terms)) * factor
                self.assertIsNotNone(did.after)
                np.testing.assert_allclose(behind, did.after, rtol=ALIKE, atol=ALIKE)
                before = did.after or 0.0

    @examples(150)
    @given(CROWDED, SMALL_QUERIES, st.sampled_from(RECIPES))
    def test_what_speaks_for_an_item_is_of_the_user_and_has_met_it(
        self, events: list[Event], query: Query, recipe: Recipe
    ) -> None:
        """Every item that is said to have brought another in is one of the query's, with the counts of the picture."""
        found = told(recipe, world(events, set()), query)
        for one in found.reasons:
            for cause in one.because:
                self.assertIn(cause.item_id, query.recent)
                if cause.meetings is not None:
                    beside = found.picture.neighbours(found.picture.numbers[cause.item_id])
                    place = beside.items.tolist().index(found.picture.numbers[one.item_id])
                    self.assertEqual(cause.meetings, beside.meetings[place])


class Verdicts(unittest.TestCase):
    """Why not, for every item of a world."""

    @examples(200)
    @given(CROWDED, SMALL_QUERIES, st.sampled_from(RECIPES), st.sets(st.sampled_from(ITEMS), max_size=2))
    def test_every_item_has_one_verdict_and_it_is_true(
        self, events: list[Event], query: Query, recipe: Recipe, hidden: set[str]
    ) -> None:
        """Shown where it stands; else left out by who hides it, outranked by who stands there, or proposed by nobody."""
        picture = world(events, hidden)
        found = told(recipe, picture, query)
        shown = [picture.ids[item] for item in found.answer.items]
        for item_id in picture.ids:
            judged = found.why(item_id)
            self.assertTrue(all(judged.words), judged)
            if item_id in shown:
                self.assertEqual((judged.verdict, judged.place), ("shown", shown.index(item_id) + 1))
                continue
            self.assertNotEqual(judged.verdict, "shown")
            if item_id in hidden:
                self.assertEqual((judged.verdict, judged.by), ("filtered", "available"))
            if judged.verdict == "outranked":
                self.assertEqual(judged.cut.item_id if judged.cut else None, shown[-1])
                if judged.cut is not None and recipe.explorer is None:
                    self.assertGreater(judged.place or 0, len(shown))
                    self.assertLessEqual(judged.score or 0.0, judged.cut.score + ALIKE)
            if judged.verdict == "never_proposed":
                offered = [step for step in found.following.trace.steps if step.kind == "source"]
                self.assertTrue(all(step.after.place(picture.numbers[item_id]) is None for step in offered))

    def test_what_the_request_wishes_leaves_out_is_told_by_whom(self) -> None:
        """Too dear by the request's filter, with the price; excluded by name; the catalogue's own word goes before both."""
        picture = picture_of([act("bob", "tent", 0), act("bob", "stove", 1), act("bob", "lamp", 2)])
        picture.catalogue.put([CatalogueState("stove", 1, Item(attributes={"price": 35.0})), CatalogueState("lamp", 1, None)])
        wish = {"only": read("price <= $most"), "given": {"most": 20.0}}
        for query, by, words in (
            (msgspec.structs.replace(ask("tent"), **wish), "filter", "wants price <= $most, and price is 35."),
            (ask("tent", exclude={"stove"}), "excluded", "the request excludes it."),
            (ask("tent"), None, "place 1"),
        ):
            judged = told(recipes.named("default"), picture, query).why("stove")
            self.assertEqual((judged.verdict, judged.by), ("filtered" if by else "shown", by))
            self.assertIn(words, judged.words[0])
            self.assertEqual(told(recipes.named("default"), picture, query).why("lamp").by, "available")

    def test_what_could_have_been_tried_out_and_was_not_drawn_is_told_so_with_the_last_item_that_is_shown(self) -> None:
        """One place and two new items: the drawn one is the cut, for the other one and for the best, which had to make room."""
        picture = picture_of([act("bob", "tent", 0), act("bob", "stove", 1), *one_of_each(["lamp", "rope"])])
        drawing = recipes.read("drawing", recipes.text_of("default") + CURIOUS.replace("0.7", "1.0"))
        found = told(drawing, picture, ask("tent", k=1))
        ((drawn,), new) = (names(picture, found.answer.items), {"lamp", "rope"})
        self.assertIn(drawn, new)
        (other,) = new - {drawn}
        for item_id, words in ((other, "was not drawn"), ("stove", "had to make room")):
            judged = found.why(item_id)
            self.assertEqual((judged.verdict, judged.by), ("outranked", "exploring"))
            self.assertEqual(judged.cut, Cut(drawn, 1, float(found.answer.scores[0])))
            self.assertIn(words, " ".join(judged.words))
        left = recipes.read("left alone", recipes.text_of("default") + CURIOUS.replace("0.7", "0.0"))
        for item_id in new:
            judged = told(left, picture, ask("tent", k=1)).why(item_id)
            self.assertEqual((judged.verdict, judged.by), ("outranked", "exploring"))
            self.assertEqual(judged.cut and judged.cut.item_id, "stove")


if __name__ == "__main__":
    unittest.main()
