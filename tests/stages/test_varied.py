"""The selector for variety: what it chooses, worked out by hand and against maximal marginal relevance written plainly."""

import unittest

from hypothesis import given
from hypothesis import strategies as st

from headrace import pipeline
from headrace.pipeline import Candidates, Query, Trace
from headrace.ranking.top import Top
from headrace.ranking.varied import Varied
from headrace.serving import recipes
from headrace.serving.recipes import RecipeError
from headrace.snapshot.picture import Picture
from tests.rules.shelves import ITEMS, shop, values
from tests.stages.promises import QUERIES, lists_of, nothing
from tests.stages.worlds import ask, candidates, names
from tests.support.properties import examples

SHOP = shop()


def plainly(part: Varied, picture: Picture, scores: dict[str, float], k: int) -> list[str]:
    """Return what the formula chooses, word for word; of equals the first."""
    best = max(scores.values())
    wanted = {name: score / best if best > 0 else score for name, score in scores.items()}

    def alike(name: str, other: str) -> float:
        mine = {(by, value) for by in part.by.split(",") for value in values(picture, by, name)}
        theirs = {(by, value) for by in part.by.split(",") for value in values(picture, by, other)}
        shared = part.attributes * len(mine & theirs) / len(mine | theirs) if mine | theirs else 0.0
        beside = picture.neighbours(picture.numbers[other])
        linked = beside.strengths[beside.items == picture.numbers[name]]
        return max(shared, part.neighbours * float(linked[0] / beside.strengths.max()) if len(linked) else 0.0)

    chosen: list[str] = []
    while len(chosen) < min(k, len(scores)):
        marginal = {
            name: (1 - part.variety) * wanted[name] - part.variety * max([alike(name, other) for other in chosen], default=0.0)
            for name in scores
            if name not in chosen
        }
        chosen.append(max(marginal, key=lambda name: marginal[name]))
    return chosen


class VariedSelector(unittest.TestCase):
    """Carbonell and Goldstein's maximal marginal relevance."""

    def chosen(self, part: Varied, scores: dict[str, float], k: int) -> list[str]:
        """Return what is chosen of these, by name."""
        given_list = candidates(SHOP, scores)
        return names(SHOP, given_list.items[part.select(SHOP, ask(k=k), given_list)])

    def test_who_resembles_what_is_chosen_has_to_wait(self) -> None:
        """Of two equally red ones the second comes behind a green one that is wanted less."""
        reds = [item for item in ITEMS if values(SHOP, "shelf", item) == {"red"}]
        green = next(item for item in ITEMS if values(SHOP, "shelf", item) == {"green"} and item.startswith("best"))
        scores = {reds[0]: 1.0, reds[1]: 0.9, green: 0.5}
        part = Varied(variety=0.5, by="shelf", neighbours=0.0)
        self.assertEqual(self.chosen(part, scores, 3), [reds[0], green, reds[1]])
        self.assertEqual(self.chosen(Varied(variety=0.0), scores, 3), [reds[0], reds[1], green])

    def test_what_is_always_seen_together_is_alike(self) -> None:
        """On the checkerboard black squares meet black ones alone: without attributes, a white one comes in between."""
        beside = SHOP.neighbours(SHOP.numbers["a1"])
        nearest = SHOP.ids[int(beside.items[beside.strengths.argmax()])]
        scores = {"a1": 1.0, nearest: 0.95, "a2": 0.6}
        self.assertEqual(self.chosen(Varied(variety=0.5, by="", neighbours=1.0), scores, 2), ["a1", "a2"])

    @examples(150)
    @given(
        st.dictionaries(st.sampled_from(ITEMS), st.floats(0.01, 1.0), min_size=1, max_size=12),
        st.integers(1, 8),
        st.sampled_from([0.0, 0.2, 0.5, 0.9]),
        st.sampled_from(["shelf,tags", "tags", "price"]),
    )
    def test_it_chooses_what_the_formula_chooses(self, scores: dict[str, float], k: int, variety: float, by: str) -> None:
        """Item by item, by attributes and by links; where scores differ, which they do here almost surely."""
        scores = {name: round(score, 3) + 1e-6 * SHOP.numbers[name] for name, score in scores.items()}
        ordered = dict(sorted(scores.items(), key=lambda one: -one[1]))
        part = Varied(variety=variety, by=by)
        self.assertEqual(self.chosen(part, scores, k), plainly(part, SHOP, ordered, k))

    @examples(60)
    @given(QUERIES, st.data())
    def test_at_most_k_are_chosen_none_twice(self, query: Query, data: st.DataObject) -> None:
        """As many as there are but at most k; without variety, those that the best scores choose."""
        given_list = data.draw(lists_of(SHOP))
        chosen = Varied(variety=0.5).select(SHOP, query, given_list).tolist()
        self.assertEqual(len(chosen), min(query.k, len(given_list)))
        self.assertEqual(len(set(chosen)), len(chosen))
        alone = Varied(variety=0.0).select(SHOP, query, given_list).tolist()
        self.assertEqual(alone, Top().select(SHOP, query, given_list).tolist())

    def test_of_no_candidates_none_is_chosen(self) -> None:
        """An empty list stays empty."""
        self.assertEqual(len(Varied().select(SHOP, ask("a1"), nothing())), 0)

    def test_its_reasons_name_what_an_item_resembles(self) -> None:
        """For one that had to wait and for one that is not shown."""
        recipe = recipes.read("v", recipes.text_of("default").replace('"top"', '"varied"\nvariety = 0.7\nby = "shelf"'))
        trace = Trace()
        answer: Candidates = pipeline.run(recipe, SHOP, ask("a1", k=4), trace)
        (step,) = [one for one in trace.steps if one.kind == "selector"]
        said = [recipe.selector.explain(SHOP, ask("a1", k=4), step, item).words for item in step.before.items]  # type: ignore[attr-defined]
        self.assertTrue(any("It resembles '" in one for one in said), said)
        self.assertEqual(len(answer), 4)

    def test_a_share_of_more_than_one_is_refused(self) -> None:
        """When the recipe is made."""
        with self.assertRaisesRegex(RecipeError, "variety is a share"):
            recipes.read("v", recipes.text_of("default").replace('"top"', '"varied"\nvariety = 1.5'))


if __name__ == "__main__":
    unittest.main()
