"""What is noted of an answer that somebody wants explained: the same answer, and every stage's arrays."""

import unittest
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace import pipeline
from headrace.events.items import Item
from headrace.events.types import Event
from headrace.features.changes import CatalogueState
from headrace.pipeline import Query, Trace
from headrace.reasons import Factor, Reason, Term
from headrace.serving import recipes
from tests.features.worlds import ITEMS, act, streams
from tests.stages.promises import QUERIES
from tests.stages.worlds import CURIOUS, ask, names, picture_of
from tests.support.properties import examples

RECIPES = [recipes.named(name) for name in recipes.available()]
RECIPES.append(recipes.read("curious", recipes.text_of("default") + CURIOUS))


class Traced(unittest.TestCase):
    """An answer with a trace."""

    @examples(200)
    @given(streams(users=4), QUERIES, st.sampled_from(RECIPES), st.sets(st.sampled_from(ITEMS), max_size=2), st.floats(0, 1))
    def test_an_answer_with_a_trace_is_the_very_answer_without_one(
        self, events: list[Event], query: Query, recipe: pipeline.Recipe, hidden: set[str], returns: float
    ) -> None:
        """Items, scores, sources and propensities to the last bit, for every recipe and one that explores."""
        picture = picture_of(events)
        picture.catalogue.put(CatalogueState(item_id, 1, Item(available=False)) for item_id in sorted(hidden))
        asked = Query("ada", None, query.request_id, query.k, query.recent, query.exclude, returns)
        plain, traced = pipeline.run(recipe, picture, asked), pipeline.run(recipe, picture, asked, Trace())
        for one, other in ((plain.items, traced.items), (plain.scores, traced.scores), (plain.source, traced.source)):
            np.testing.assert_array_equal(one, other)
        self.assertEqual(plain.sources, traced.sources)
        self.assertEqual(plain.propensities is None, traced.propensities is None)
        if plain.propensities is not None and traced.propensities is not None:
            np.testing.assert_array_equal(plain.propensities, traced.propensities)

    @examples(100)
    @given(streams(users=4), QUERIES, st.sampled_from(RECIPES))
    def test_each_stage_begins_with_what_the_one_before_left(
        self, events: list[Event], query: Query, recipe: pipeline.Recipe
    ) -> None:
        """Behind the sources, what goes into a stage of the main way came out of another; the last leaves the answer."""
        picture, trace = picture_of(events), Trace()
        answer = pipeline.run(recipe, picture, query, trace)
        main = [step for step in trace.steps if step.within is None and step.kind != "source"]
        for one, next_one in pairwise(main):
            np.testing.assert_array_equal(one.after.items, next_one.before.items)
        np.testing.assert_array_equal(main[-1].after.items, answer.items)

    def test_a_fillers_own_stages_are_told_apart_from_the_main_way(self) -> None:
        """Ada has seen the tent: what popularity offers to fill up with is noted and filtered too, in ``popularity``."""
        picture, trace = picture_of([act("bob", "tent", 0), act("bob", "stove", 1), act("cyd", "lamp", 9)]), Trace()
        answer = pipeline.run(recipes.named("default"), picture, ask("tent"), trace)
        self.assertEqual(names(picture, answer.items), ["stove", "lamp"])
        self.assertEqual(
            [(step.within, step.kind, step.name, len(step.before), len(step.after)) for step in trace.steps],
            [
                (None, "source", "co_visitation", 0, 1),
                (None, "filter", "seen", 1, 1),
                (None, "filter", "excluded", 1, 1),
                (None, "selector", "top", 1, 1),
                ("popularity", "source", "popularity", 0, 3),
                ("popularity", "filter", "seen", 2, 1),
                ("popularity", "filter", "excluded", 1, 1),
                (None, "filler", "popularity", 1, 2),
            ],
        )


class Reasons(unittest.TestCase):
    """What a stage says of an item."""

    def test_terms_are_added_and_then_all_is_multiplied(self) -> None:
        """(1 + 2 - 0.5) x 2 x 0.5: the one rule by which every part's numbers lead from score to score."""
        reason = Reason(
            "Raised.",
            [Term(name="one", adds=2.0), Term(name="other", adds=-0.5)],
            [Factor(name="boost", times=2.0), Factor(name="damping", times=0.5)],
        )
        self.assertEqual(reason.changed(1.0), 2.5)

    def test_a_stage_of_any_kind_may_say_something_of_single_items(self) -> None:
        """A rule that is not of the four kinds notes what it did to one item, in words and numbers."""
        picture, trace = picture_of([act("bob", "tent", 0), act("bob", "stove", 1)]), Trace()
        answer = pipeline.run(recipes.named("default"), picture, ask("tent"), trace)
        step = trace.step("boost", "spring sale", None, answer, answer)
        step.note(int(answer.items[0]), Reason("Doubled by the rule 'spring sale'.", factors=[Factor(name="boost", times=2.0)]))
        self.assertEqual(trace.steps[-1].notes[picture.numbers["stove"]].changed(0.5), 1.0)


if __name__ == "__main__":
    unittest.main()
