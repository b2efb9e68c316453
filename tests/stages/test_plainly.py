"""The recipes against the same rules written plainly: loops over dicts, no array, nothing compiled."""

import unittest
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headrace import pipeline
from headrace.events.types import Event
from headrace.pipeline import Query, Recipe
from headrace.ranking.blend import Blend
from headrace.ranking.returning import Returning
from headrace.retrieval.covisitation import CoVisitation
from headrace.retrieval.filters import Latest, Seen
from headrace.retrieval.popularity import Popularity
from headrace.serving import recipes
from headrace.snapshot.picture import Picture
from tests.features.worlds import streams
from tests.stages.promises import QUERIES
from tests.stages.worlds import picture_of
from tests.support.properties import examples

ALIKE = 1e-9
"""Scores this close, relatively, may stand in either order: the last bits depend on the order of operations."""


def voices(part: CoVisitation, picture: Picture, recent: list[str]) -> dict[str, float]:
    """Return co-visitation's scores, word for word by its formula."""
    sums: dict[str, float] = {}
    for rank, item in enumerate(recent[: part.history], start=1):
        if item not in picture.numbers:
            continue
        number = picture.numbers[item]
        whole = float(picture.visits[number]) + part.smoothing * picture.now_factor
        beside = picture.neighbours(number)
        for other, strength, met in zip(beside.items, beside.strengths, beside.meetings, strict=True):
            name = picture.ids[other]
            voice = (float(strength) / whole * int(met) / (int(met) + part.doubt)) ** part.power
            sums[name] = sums.get(name, 0.0) + voice / rank**part.recency
    damped = {name: total * (int(picture.events[picture.numbers[name]]) + 1) ** -part.damping for name, total in sums.items()}
    best = max(damped.values(), default=0.0)
    return {name: score / best for name, score in damped.items()} if best > 0 else damped


def popularity(picture: Picture) -> dict[str, float]:
    """Return every item's share of the most popular one's decayed weight."""
    best = max(picture.decayed.tolist(), default=0.0)
    return {name: float(picture.decayed[number]) / best for name, number in picture.numbers.items()} if best > 0 else {}


def plainly(recipe: Recipe, picture: Picture, query: Query) -> list[dict[str, float]]:
    """Return the scores of all that may be shown, a dict for the personal part and one for what fills up behind it."""
    recent = list(query.recent)
    hidden = set(query.exclude)
    for one in recipe.filters:
        hidden |= set(recent) if isinstance(one, Seen) else set(recent[:1]) if isinstance(one, Latest) else set()
    scores = voices(recipe.sources[0], picture, recent)
    by: Any
    for by in recipe.scorers:
        if isinstance(by, Returning):
            for rank, item in enumerate(recent, start=1):
                if item in picture.numbers:
                    scores[item] = scores.get(item, 0.0) + (by.share + by.habit * query.returns) / rank
        elif isinstance(by, Blend):
            share = popularity(picture)
            scores = {**{n: s - 1 for n, s in share.items()}, **{n: s + by.popularity * share[n] for n, s in scores.items()}}
    personal = {name: score for name, score in scores.items() if name not in hidden}
    if not any(isinstance(one, Popularity) for one in recipe.fillers):  # likeness offers nothing where nothing is catalogued
        return [personal]
    return [personal, {n: s for n, s in popularity(picture).items() if n not in hidden and n not in personal}]


class Plainly(unittest.TestCase):
    """The recipes that come with the package."""

    @examples(150)
    @given(streams(users=4), QUERIES, st.sampled_from(["default", "revisits", "rules-v1", "similar"]), st.floats(0, 1))
    def test_an_answer_is_what_the_plain_rules_give(self, events: list[Event], query: Query, name: str, returns: float) -> None:
        """Item by item, in order; only where two scores are alike to nine digits may they change places."""
        recipe, picture = recipes.named(name), picture_of(events)
        asked = Query("ada", None, "r", query.k, query.recent, query.exclude if name != "similar" else frozenset(), returns)
        shown = [picture.ids[number] for number in pipeline.run(recipe, picture, asked).items]
        self.assertEqual(len(set(shown)), len(shown))
        place = 0
        for part in plainly(recipe, picture, asked):
            wanted = sorted(part.values(), reverse=True)[: asked.k - place]
            for score, item in zip(wanted, shown[place:], strict=False):
                self.assertIn(item, part)
                self.assertLessEqual(abs(part[item] - score), ALIKE * max(1e-9, abs(score)), (item, part))
            place += len(wanted)
        self.assertEqual(len(shown), place)


if __name__ == "__main__":
    unittest.main()
