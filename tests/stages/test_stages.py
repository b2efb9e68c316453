"""Every stage: the promises of its kind, and its own meaning in a small world."""

import dataclasses
import unittest
from typing import ClassVar

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace import pipeline
from headrace.events.items import Item
from headrace.events.types import Event
from headrace.features.changes import CatalogueState
from headrace.pipeline import Candidates, Filter, Query, Scorer, Selector, Source, Trace
from headrace.ranking.blend import Blend
from headrace.ranking.top import Top
from headrace.retrieval.covisitation import CoVisitation
from headrace.retrieval.filters import Excluded, Seen
from headrace.retrieval.popularity import Popularity
from headrace.serving import recipes
from headrace.snapshot.picture import Picture
from tests.features.worlds import ITEMS, act, streams
from tests.stages.promises import (
    BOARD,
    PICTURES,
    QUERIES,
    FilterPromises,
    ScorerPromises,
    SelectorPromises,
    SourcePromises,
)
from tests.stages.worlds import ask, candidates, checkerboard, colour_of_board, names, picture_of, popular
from tests.support.properties import examples

RULES = recipes.named("rules-v1")


class CoVisitationSource(SourcePromises, unittest.TestCase):
    """Items that met the user's recent items."""

    source: ClassVar[Source] = CoVisitation()

    def proposed(self, picture: Picture, query: Query) -> dict[str, float]:
        """Return the proposals by name."""
        items, scores = self.proposals(picture, query)
        return dict(zip(names(picture, items), scores, strict=True))

    def test_who_walks_on_black_is_proposed_black(self) -> None:
        """On the checkerboard a black square leads to black squares alone, and to every one it was ever near."""
        self.assertEqual(set(self.proposed(BOARD, ask("a1"))) | {"a1"}, set(colour_of_board(0)))
        self.assertLessEqual(set(self.proposed(BOARD, ask("a2"))), set(colour_of_board(1)))

    def test_without_a_history_nothing_is_proposed(self) -> None:
        """A stranger has nothing that anything could have met."""
        self.assertEqual(self.proposed(BOARD, ask()), {})

    def test_the_best_proposal_scores_one(self) -> None:
        """Scores lie in 0..1, so that other sources' are comparable."""
        self.assertEqual(max(self.proposed(BOARD, ask("a1", "b2")).values()), 1.0)

    def test_what_met_the_newest_item_comes_before_what_met_an_older_one(self) -> None:
        """Tent led to stove as often as book to lamp; who looked at the tent last is shown the stove first."""
        world = [act("u1", "tent", 0), act("u1", "stove", 1), act("u2", "book", 0), act("u2", "lamp", 1)]
        picture = picture_of(world)
        self.assertEqual(list(self.proposed(picture, ask("tent", "book"))), ["stove", "lamp"])
        scores = self.proposed(picture, ask("tent", "book"))
        self.assertGreater(scores["stove"], scores["lamp"])
        turned = self.proposed(picture, ask("book", "tent"))
        self.assertGreater(turned["lamp"], turned["stove"])

    def test_what_was_met_by_two_recent_items_beats_what_was_met_by_one(self) -> None:
        """The stove met tent and boots, the lamp only the tent."""
        world = [
            act("u1", "tent", 0), act("u1", "stove", 1), act("u2", "boots", 0), act("u2", "stove", 1),
            act("u3", "tent", 0), act("u3", "lamp", 1),
        ]  # fmt: skip
        scores = self.proposed(picture_of(world), ask("tent", "boots"))
        self.assertGreater(scores["stove"], scores["lamp"])

    def test_only_the_first_recent_items_speak(self) -> None:
        """With a history of one, what the second item met is not proposed."""
        world = picture_of([act("u1", "tent", 0), act("u1", "stove", 1), act("u2", "book", 0), act("u2", "lamp", 1)])
        items, _ = CoVisitation(history=1).propose(world, ask("tent", "book"))
        self.assertEqual(names(world, items), ["stove"])

    def test_damping_holds_an_items_popularity_against_it(self) -> None:
        """Equally met, the item that everybody sees anyway scores less; without damping they are equal."""
        world = [act("u1", "tent", 0), act("u1", "stove", 1), act("u2", "tent", 0), act("u2", "lamp", 1), *popular(lamp=50)]
        picture = picture_of(world)
        scores = self.proposed(picture, ask("tent"))
        self.assertGreater(scores["stove"], scores["lamp"])
        items, flat = CoVisitation(damping=0).propose(picture, ask("tent"))
        self.assertEqual(len(items), 2)
        self.assertAlmostEqual(flat[0], flat[1])

    def test_by_hand_the_formula_holds(self) -> None:
        """One meeting of tent and stove: (1 + 1)^-0.1 x 1 / (1 visit + 10), the only candidate, so 1 after scaling."""
        world = [act("u1", "tent", 0), act("u1", "stove", 0), act("u2", "tent", 0), act("u2", "lamp", 0, action="click")]
        scores = self.proposed(picture_of(world), ask("tent"))
        self.assertAlmostEqual(scores["stove"] / scores["lamp"], 1 / 3)


class PopularitySource(SourcePromises, unittest.TestCase):
    """What everybody likes lately."""

    source: ClassVar[Source] = Popularity()

    def test_the_most_popular_comes_first_and_scores_one(self) -> None:
        """Three views of the lamp, two of the tent, one of the rope."""
        picture = picture_of(popular(tent=2, lamp=3, rope=1))
        items, scores = self.proposals(picture, ask(k=3))
        self.assertEqual(names(picture, items), ["lamp", "tent", "rope"])
        self.assertEqual(scores[0], 1.0)
        self.assertAlmostEqual(scores[2], 1 / 3, places=2)

    def test_it_proposes_enough_though_all_recent_items_be_left_out(self) -> None:
        """With k = 2 and the three best all seen or excluded, two others are still among the proposals."""
        picture = picture_of(popular(a=9, b=8, c=7, d=6, e=5, f=4))
        items, _ = self.proposals(picture, ask("a", "b", k=2, exclude={"c"}))
        self.assertEqual(names(picture, items), ["a", "b", "c", "d", "e"])

    def test_what_was_liked_long_ago_falls_behind(self) -> None:
        """Three views a hundred days ago weigh less than one today."""
        old = [act(f"u{n}", "old", -100 * 24 * 60) for n in range(3)]
        picture = picture_of([*old, act("bob", "new", 0)])
        self.assertEqual(names(picture, self.proposals(picture, ask(k=2))[0]), ["new", "old"])


class SeenFilter(FilterPromises, unittest.TestCase):
    """Leaves out what the user consumed lately."""

    filter: ClassVar[Filter] = Seen()

    def test_what_is_in_the_history_goes_and_all_else_stays(self) -> None:
        """Of a1, b2 and c3 the seen b2 goes; what nobody knows makes no difference."""
        three = candidates(BOARD, {"a1": 1, "b2": 1, "c3": 1})
        self.assertEqual(self.allowed(BOARD, ask("b2", "nowhere"), three).tolist(), [True, False, True])
        self.assertEqual(self.allowed(BOARD, ask(exclude={"a1"}), three).tolist(), [True, True, True])


class ExcludedFilter(FilterPromises, unittest.TestCase):
    """Leaves out what the request asks to leave out."""

    filter: ClassVar[Filter] = Excluded()

    def test_what_is_excluded_goes_and_all_else_stays(self) -> None:
        """Of a1, b2 and c3 the excluded c3 goes; a seen item is not its business."""
        three = candidates(BOARD, {"a1": 1, "b2": 1, "c3": 1})
        self.assertEqual(self.allowed(BOARD, ask("b2", exclude={"c3", "nowhere"}), three).tolist(), [True, True, False])


class BlendScorer(ScorerPromises, unittest.TestCase):
    """Personal signal first, a little popularity beside it, popular items behind."""

    scorer: ClassVar[Scorer] = Blend()

    def test_a_filler_never_passes_a_personal_candidate(self) -> None:
        """The most popular item as a filler stays behind the weakest personal candidate."""
        picture = picture_of(popular(hit=100, gem=1))
        both = Candidates(
            np.array([picture.numbers["hit"], picture.numbers["gem"]], np.int32),
            np.array([1.0, 0.0]),
            np.array([1, 0], np.int8),
            ("co_visitation", "popularity"),
        )
        hit, gem = self.scorer.score(picture, ask(), both)
        self.assertLess(hit, gem)
        self.assertLessEqual(hit, 0)

    def test_fillers_keep_the_order_of_popularity(self) -> None:
        """Among fillers the more popular scores more."""
        picture = picture_of(popular(a=3, b=2, c=1))
        fillers = candidates(picture, {"c": 0.1, "a": 0.1, "b": 0.1}, source="popularity")
        c, a, b = self.scorer.score(picture, ask(), fillers)
        self.assertTrue(a > b > c)

    def test_popularity_decides_between_equals_and_never_beats_a_clear_lead(self) -> None:
        """Of equal personal scores the popular item's is larger by its share, 0.02 at most."""
        picture = picture_of(popular(hit=100, gem=1))
        hit, gem = self.scorer.score(picture, ask(), candidates(picture, {"hit": 0.5, "gem": 0.5}))
        self.assertTrue(gem < hit <= 0.52)
        hit, gem = self.scorer.score(picture, ask(), candidates(picture, {"hit": 0.5, "gem": 0.53}))
        self.assertLess(hit, gem)


class TopSelector(SelectorPromises, unittest.TestCase):
    """The best k."""

    selector: ClassVar[Selector] = Top()

    def test_the_best_come_first_and_equals_by_number(self) -> None:
        """Scores 1, 3, 3, 2: the two threes in the order of their numbers, then two."""
        four = candidates(BOARD, dict(zip(["a1", "c3", "b2", "d4"], [1.0, 3.0, 3.0, 2.0], strict=True)))
        chosen = self.selector.select(BOARD, ask(k=3), four)
        equals = sorted(["c3", "b2"], key=BOARD.numbers.__getitem__)
        self.assertEqual(names(BOARD, four.items[chosen]), [*equals, "d4"])


class WholePipeline(unittest.TestCase):
    """The stages together, by the recipe that answers."""

    def answer(self, picture: Picture, query: Query) -> list[str]:
        """Return the answer's items."""
        return names(picture, pipeline.run(RULES, picture, query).items)

    @examples(150)
    @given(PICTURES, QUERIES)
    def test_nothing_valid_is_lost_and_nothing_else_is_shown(self, picture: Picture, query: Query) -> None:
        """An answer has exactly min(k, items neither seen nor excluded) items, none twice."""
        shown = self.answer(picture, query)
        hidden = set(query.recent) | query.exclude
        valid = set(picture.ids) - hidden
        self.assertEqual(len(shown), min(query.k, len(valid)))
        self.assertEqual(len(set(shown)), len(shown))
        self.assertLessEqual(set(shown), valid)

    @examples(150)
    @given(streams(users=3), QUERIES, st.sampled_from(["default", "similar", "ratings"]), st.sets(st.sampled_from(ITEMS)))
    def test_the_short_way_gives_the_very_answer_of_all_stages(
        self, events: list[Event], query: Query, name: str, hidden: set[str]
    ) -> None:
        """Items, scores and sources, whatever the catalogue hides; a recipe that is not short goes the long way."""
        recipe, picture = recipes.named(name), picture_of(events)
        picture.catalogue.put(CatalogueState(item_id, 1, Item(available=False)) for item_id in sorted(hidden))
        self.assertTrue(recipe.short)
        long = dataclasses.replace(recipe)
        object.__setattr__(long, "short", False)
        shortly, staged = pipeline.run(recipe, picture, query), pipeline.run(long, picture, query)
        np.testing.assert_allclose(shortly.scores, staged.scores, rtol=1e-12)
        self.assertEqual(shortly.sources, staged.sources)
        self.assertTrue(hidden.isdisjoint(names(picture, shortly.items)))
        for one, other, score in zip(shortly.items, staged.items, staged.scores, strict=True):
            # Where two scores are alike to the last bits, dividing them by the largest may make them equal.
            self.assertTrue(one == other or np.isclose(staged.scores, score, rtol=1e-12).sum() > 1)

    def test_only_a_recipe_that_has_a_short_way_goes_it(self) -> None:
        """Scorers, several sources and choices of another kind need all candidates."""
        default = recipes.named("default")
        self.assertFalse(recipes.named("revisits").short)
        self.assertFalse(RULES.short)
        self.assertFalse(dataclasses.replace(default, scorers=(Blend(),)).short)
        self.assertTrue(dataclasses.replace(default, filters=()).short)

    @examples(60)
    @given(streams(users=3), QUERIES)
    def test_a_smaller_k_is_the_beginning_of_a_larger_one(self, events: list[Event], query: Query) -> None:
        """Asking for fewer gives the same best."""
        picture = picture_of(events)
        whole = self.answer(picture, replace(query, k=30))
        self.assertEqual(self.answer(picture, query), whole[: query.k])

    def test_on_the_checkerboard_black_comes_before_white(self) -> None:
        """Who was on two black squares is shown the six others, then white ones to fill up."""
        shown = self.answer(BOARD, ask("a1", "b2", k=10))
        self.assertEqual(set(shown[:6]), set(colour_of_board(0)) - {"a1", "b2"})
        self.assertLessEqual(set(shown[6:]), set(colour_of_board(1)))

    def test_each_item_keeps_the_source_that_named_it_first(self) -> None:
        """An item that both sources propose belongs to the first; the fillers to the second."""
        chosen = pipeline.run(RULES, BOARD, ask("a1", k=20))
        owner = {BOARD.ids[item]: chosen.sources[source] for item, source in zip(chosen.items, chosen.source, strict=True)}
        for square, source in owner.items():
            self.assertEqual(source, "co_visitation" if square in colour_of_board(0) else "popularity")
        self.assertEqual(pipeline.contributors(chosen), ["co_visitation", "popularity"])

    def test_the_trace_tells_what_went_into_and_out_of_each_stage(self) -> None:
        """One square met the first and is popular too; the first itself is seen: of three, two are chosen."""
        trace = Trace()
        pipeline.run(RULES, picture_of(checkerboard(side=2)), ask("a1", k=2), trace)
        self.assertEqual(
            trace.stages,
            [
                ("co_visitation", 0, 1),
                ("popularity", 0, 3),
                ("seen", 3, 2),
                ("excluded", 2, 2),
                ("blend", 2, 2),
                ("top", 2, 2),
            ],
        )


if __name__ == "__main__":
    unittest.main()
