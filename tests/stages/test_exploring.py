"""New items, and the share of answers that shows one: what is shown, and how likely it was."""

import unittest
from collections import Counter, defaultdict
from dataclasses import replace
from typing import ClassVar

from msgspec import structs

from headrace import pipeline
from headrace.pipeline import Candidates, Query, Recipe, Source, Trace
from headrace.ranking.exploring import Exploring
from headrace.retrieval.arrivals import Arrivals
from headrace.serving import recipes
from headrace.snapshot.picture import Picture
from tests.features.worlds import DAY, MINUTE, act
from tests.stages.promises import SourcePromises
from tests.stages.worlds import ask, names, picture_of, popular

DAY_MINUTES = DAY / MINUTE
WORLD = picture_of(
    [
        *(act(f"{item}-fan-{n}", item, -30 * DAY_MINUTES + n) for item in ("tent", "lamp", "rope") for n in range(20)),
        act("ada", "forgotten", -30 * DAY_MINUTES),
        *popular(tent=9, lamp=8, rope=7, stove=1, boots=2, hat=1),
    ]
)
"""Three old favourites, one old item that one person met, and three that arrived today."""

EXPLORING = """
[[sources]]
part = "popularity"
[[filters]]
part = "seen"
[selector]
part = "top"
[[explored]]
part = "arrivals"
[explorer]
part = "exploring"
"""


def recipe(share: float, place: int, seed: int = 0) -> Recipe:
    """Return a recipe that shows what is popular and explores what is new."""
    return recipes.read("curious", f"{EXPLORING}share = {share}\nplace = {place}\nseed = {seed}\n")


def asked(request: int, k: int = 3, *items: str) -> Query:
    """Return one of many requests of the same user."""
    return structs.replace(ask(*items, k=k), request_id=f"request-{request}")


def likely(shown: Candidates) -> list[float]:
    """Return the answer's propensities; an explorer never leaves them out."""
    if shown.propensities is None:
        raise AssertionError("no propensities")
    return [float(one) for one in shown.propensities]


class ArrivalsSource(SourcePromises, unittest.TestCase):
    """Items with few events, all recent."""

    source: ClassVar[Source] = Arrivals()

    def test_what_arrived_today_is_new_and_what_nobody_wanted_for_a_month_is_not(self) -> None:
        """Few events do not make an item new; neither do recent ones where there are many."""
        items, _ = self.proposals(WORLD, ask())
        self.assertEqual(set(names(WORLD, items)), {"stove", "boots", "hat"})

    def test_an_item_of_more_events_has_arrived(self) -> None:
        """With one event allowed, the boots of two are no arrival any more."""
        items, _ = Arrivals(events=1).propose(WORLD, ask())
        self.assertEqual(set(names(WORLD, items)), {"stove", "hat"})


class ExploringAnswers(unittest.TestCase):
    """A share of the answers shows something new."""

    def test_without_a_share_the_answer_is_what_it_was(self) -> None:
        """A share of 0 leaves all to the recipe and all propensities at 1."""
        plain = pipeline.run(replace(recipe(0, 1), explorer=None), WORLD, asked(1))
        self.assertIsNone(plain.propensities)
        curious = self.answer(recipe(0, 1), asked(1))
        self.assertEqual((curious.items.tolist(), likely(curious)), (plain.items.tolist(), [1.0] * 3))

    def test_the_new_item_stands_at_its_place_and_the_last_goes(self) -> None:
        """Explored for certain, at the second place: tent, something new, lamp; never longer than asked for."""
        for request in range(20):
            shown = self.answer(recipe(1, 2), asked(request))
            found = names(WORLD, shown.items)
            self.assertEqual([found[0], found[2]], ["tent", "lamp"])
            self.assertIn(found[1], {"stove", "boots", "hat"})
            self.assertEqual(likely(shown), [1.0, 1 / 3, 1.0])
            self.assertEqual(shown.sources[shown.source[1]], "arrivals")

    def test_a_propensity_is_how_often_that_item_stands_there(self) -> None:
        """Over ten thousand requests each item is at each position as often as every answer with it there said."""
        curious, asks = recipe(0.3, 2), 10_000
        often: Counter[tuple[int, int]] = Counter()
        told: defaultdict[tuple[int, int], set[float]] = defaultdict(set)
        for request in range(asks):
            shown = self.answer(curious, asked(request))
            for position, (item, chance) in enumerate(zip(shown.items, likely(shown), strict=True)):
                often[position, int(item)] += 1
                told[position, int(item)].add(chance)
        self.assertEqual(len(often), 1 + 4 + 2)
        for place, chances in told.items():
            self.assertEqual(len(chances), 1, place)
            self.assertAlmostEqual(often[place] / asks, chances.pop(), delta=0.015)

    def test_the_same_request_is_answered_the_same_way_and_another_seed_otherwise(self) -> None:
        """Chance is derived from seed, user and request, and from nothing else."""
        first, again = ([self.answer(recipe(0.5, 1), asked(n)).items.tolist() for n in range(50)] for _ in range(2))
        other = [self.answer(recipe(0.5, 1, seed=7), asked(n)).items.tolist() for n in range(50)]
        another = [self.answer(recipe(0.5, 1), structs.replace(asked(n), user_id="bob")).items.tolist() for n in range(50)]
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        self.assertNotEqual(first, another)

    def test_what_the_user_has_seen_is_not_explored(self) -> None:
        """The recipe's filters hold for new items too; with none left, nothing is left to chance."""
        for request in range(20):
            shown = self.answer(recipe(1, 1), asked(request, 3, "stove", "boots"))
            self.assertEqual(names(WORLD, shown.items)[0], "hat")
        none_left = self.answer(recipe(1, 1), asked(1, 3, "stove", "boots", "hat"))
        self.assertEqual(likely(none_left), [1.0] * 3)

    def test_what_stands_in_the_answer_anyway_is_not_explored(self) -> None:
        """Asked for all there is, every new item is shown already: none twice, none to chance."""
        shown = self.answer(recipe(1, 1), asked(1, 20))
        self.assertEqual(len(set(shown.items.tolist())), len(shown.items))
        self.assertEqual(set(likely(shown)), {1.0})

    def test_an_answer_shorter_than_the_place_gets_it_at_its_end(self) -> None:
        """Of two asked for, the fifth place is the second."""
        shown = self.answer(recipe(1, 5), asked(1, 2))
        self.assertEqual(names(WORLD, shown.items)[0], "tent")
        self.assertEqual(likely(shown), [1.0, 1 / 3])

    def test_an_empty_catalogue_explores_nothing(self) -> None:
        """No item, no answer, no chance."""
        self.assertEqual(len(self.answer(recipe(1, 1), asked(1), picture_of([]))), 0)

    def test_the_trace_tells_of_it(self) -> None:
        """The explorer stands last among the stages."""
        trace = Trace()
        pipeline.run(recipe(1, 1), WORLD, asked(1), trace)
        self.assertEqual(trace.stages[-1], ("exploring", 3, 3))

    def answer(self, curious: Recipe, query: Query, picture: Picture = WORLD) -> Candidates:
        """Return the answer, its propensities as long as itself."""
        shown = pipeline.run(curious, picture, query)
        self.assertEqual(len(likely(shown)), len(shown))
        self.assertLessEqual(len(shown), query.k)
        return shown


class ExploringRecipes(unittest.TestCase):
    """What a recipe must say to explore."""

    def test_a_share_is_a_probability(self) -> None:
        """Two is none, and there is no place before the first."""
        for share, place, words in ((2.0, 1, "probability"), (0.1, 0, "counts from 1")):
            with self.assertRaisesRegex(recipes.RecipeError, words):
                recipe(share, place)

    def test_an_explorer_needs_something_to_show(self) -> None:
        """And what may be shown needs somebody who shows it."""
        head, tail = EXPLORING.index("[[explored]]"), EXPLORING.index("[explorer]")
        for text in (EXPLORING[:head] + EXPLORING[tail:], EXPLORING[:tail]):
            with self.assertRaisesRegex(recipes.RecipeError, "takes both"):
                recipes.read("curious", text)

    def test_no_recipe_of_the_package_explores(self) -> None:
        """Chance is the operator's choice."""
        for name in recipes.available():
            self.assertIsNone(recipes.named(name).explorer, name)


class Plain(unittest.TestCase):
    """The policy itself."""

    def test_by_default_one_answer_in_twenty(self) -> None:
        """Of ten thousand requests about five hundred are explored."""
        explored = sum(Exploring()._draws(asked(n))[0] < Exploring().share for n in range(10_000))
        self.assertAlmostEqual(explored, 500, delta=80)


if __name__ == "__main__":
    unittest.main()
