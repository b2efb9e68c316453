"""Answers with their traces, over small worlds: recipes of every kind, and the reasons of what they show."""

from dataclasses import dataclass

from hypothesis import strategies as st

from headrace import pipeline
from headrace.pipeline import Candidates, Query, Recipe, Trace
from headrace.serving import recipes
from headrace.serving.explaining import telling
from headrace.serving.explaining.following import Following
from headrace.serving.explaining.told import Did, ItemReasons, PastEvent
from headrace.serving.explaining.why import Judge, Judged
from headrace.snapshot.picture import Picture
from tests.features.worlds import ITEMS, streams
from tests.stages.worlds import CURIOUS, ask

SHIPPED = [recipes.named(name) for name in recipes.available()]
ODD = """
[[sources]]
part = "co_visitation"
history = 3
recency = 1.7
smoothing = 0.5
damping = 0.4
power = 0.6
doubt = 2.0
[[sources]]
part = "revisits"
[[sources]]
part = "trending"
half_life_days = 0.01
[[filters]]
part = "latest"
[[scorers]]
part = "returning"
share = 0.3
habit = 0.9
[[scorers]]
part = "blend"
popularity = 0.3
filler = "trending"
[selector]
part = "top"
[[fillers]]
part = "arrivals"
[[fillers]]
part = "popularity"
"""
RECIPES = [
    *SHIPPED,
    recipes.read("curious", recipes.text_of("default") + CURIOUS),
    recipes.read("odd", ODD),
]
"""Every recipe of the package, one that explores, and one of all parts with weights of which no two are alike."""

SMALL_QUERIES = st.builds(
    lambda items, k, exclude: ask(*items, k=k, exclude=exclude),
    st.lists(st.sampled_from(ITEMS), max_size=4),
    st.integers(1, 5),
    st.sets(st.sampled_from(ITEMS), max_size=1),
)
"""Questions about a world of five items: short answers, so that much is left out."""

CROWDED = streams(users=3, most=40, named=True)
"""Streams in which most items meet."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, its trace, and what is told of it."""

    picture: Picture
    recipe: Recipe
    answer: Candidates
    following: Following
    events: dict[str, list[PastEvent]]
    now_ms: int

    @property
    def reasons(self) -> list[ItemReasons]:
        """Return why each item is shown."""
        places = range(len(self.answer))
        return [telling.reasons(self.following, self.answer, place, self.events, self.now_ms) for place in places]

    def why(self, item_id: str) -> Judged:
        """Return the verdict on an item of the picture."""
        judge = Judge(self.following, self.recipe, self.answer, self.events, self.now_ms)
        return judge.of(self.picture.numbers[item_id])


def told(
    recipe: Recipe, picture: Picture, query: Query, events: dict[str, list[PastEvent]] | None = None, now_ms: int = 0
) -> Told:
    """Answer a query and return what is told of it."""
    trace = Trace()
    answer = pipeline.run(recipe, picture, query, trace)
    return Told(picture, recipe, answer, Following(picture, query, trace), events or {}, now_ms)


def added_up(did: list[Did]) -> float:
    """Return the score that an item's stages make of nothing, by their terms and factors alone."""
    score = 0.0
    for one in did:
        score += sum(term.adds for term in one.terms)
        for factor in one.factors:
            score *= factor.times
    return score
