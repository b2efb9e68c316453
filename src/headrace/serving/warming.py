"""Making ready: every compiled loop is called once on a small picture, so that no request waits for a compiler."""

from typing import Final

from headrace import pipeline
from headrace.events.items import Item
from headrace.features.changes import CatalogueState, Changes, ItemState, PairState
from headrace.features.projection import Rules
from headrace.features.settings import FeatureSettings
from headrace.pipeline import Query
from headrace.rules import made
from headrace.rules.declared import from_values
from headrace.serving import recipes
from headrace.snapshot.picture import Picture

_RULES: Final = {
    "boost": [{"where": "price < 5", "times": 2.0}],
    "pin": [{"position": 1, "items": ["d"]}],
    "cap": [{"by": "categories", "most": 1, "mode": "strict"}, {"by": "brand", "most": 1, "within": 2}],
}
_VARIED: Final = """
[[sources]]
part = "co_visitation"
[selector]
part = "varied"
by = "categories, price, new"
[[explored]]
part = "arrivals"
[explorer]
part = "exploring"
"""


def warm() -> None:
    """Compile what answers are made with, or read it from where it was kept. Takes seconds the first time, then a moment.

    Blocks, and may run on a thread of its own.
    """
    picture = Picture(0, Rules(FeatureSettings(), 0), most_neighbours=2)
    items = [ItemState(name, 1, 1, 1.0, 1.0) for name in "abcd"]
    pairs = [PairState("a", name, 1, 1.0, 1.0) for name in "bcd"]
    picture.apply(Changes([], 1, items, pairs, []))
    picture.links.tighten()
    # Two alike, of which one says something else and then nothing: every loop of the index is called.
    told = [Item(title="one and two"), Item(title="one"), None]
    picture.catalogue.put([CatalogueState("a", 0, told[0]), *(CatalogueState("e", at, item) for at, item in enumerate(told))])
    picture.catalogue.put([CatalogueState("e", 3, told[0])])
    for name in recipes.available():
        pipeline.run(recipes.named(name), picture, Query("u", None, "r", 3, ("a", "z"), frozenset("b")))
    described = Item(categories=["x"], attributes={"price": 1.0, "brand": "y", "new": True}, group="g")
    picture.catalogue.put([CatalogueState(name, 1, described) for name in "bc"])
    rules = made.Rules(from_values(_RULES), "warming@1")
    for recipe in (recipes.named("default"), recipes.read("varied", _VARIED)):
        for laid in ((), (rules,)):
            pipeline.run(recipe, picture, Query("u", None, "r", 2, ("a", "z"), rules=laid))
    # Of all that "a" leads to, one is pinned and two are variants of one thing: it takes what fills up.
    pipeline.run(recipes.named("default"), picture, Query("u", None, "r", 3, ("a",), rules=(rules,)))
