"""Making ready: every compiled loop is called once on a small picture, so that no request waits for a compiler."""

from headrace import pipeline
from headrace.features.changes import Changes, ItemState, PairState
from headrace.features.projection import Rules
from headrace.features.settings import FeatureSettings
from headrace.pipeline import Query
from headrace.serving import recipes
from headrace.snapshot.picture import Picture


def warm() -> None:
    """Compile what answers are made with, or read it from where it was kept. Takes seconds the first time, then a moment.

    Blocks, and may run on a thread of its own.
    """
    picture = Picture(0, Rules(FeatureSettings(), 0), most_neighbours=2)
    items = [ItemState(name, 1, 1, 1.0, 1.0) for name in "abcd"]
    pairs = [PairState("a", name, 1, 1.0, 1.0) for name in "bcd"]
    picture.apply(Changes([], 1, items, pairs, []))
    picture.links.tighten()
    for name in recipes.available():
        pipeline.run(recipes.named(name), picture, Query("u", None, "r", 3, ("a", "z"), frozenset("b")))
