"""A small shop as a picture: forty items on shelves, in groups, some away; and rules drawn at random to lay over it."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from hypothesis import strategies as st

from headrace.events.items import Item
from headrace.features.changes import CatalogueState
from headrace.pipeline import Candidates, Query
from headrace.rules.declared import RuleSet, from_values
from headrace.rules.made import Rules
from headrace.serving import recipes
from headrace.snapshot.picture import Picture
from tests.stages.worlds import ask, checkerboard, picture_of, popular

SQUARES: Final = [f"{x}{y}" for x in "abcd" for y in range(1, 5)]
BESTSELLERS: Final = [f"best{number:02}" for number in range(24)]
ITEMS: Final = [*SQUARES, *BESTSELLERS]
SHELVES: Final = ("red", "green", "blue")

VARIED: Final = """
[[sources]]
part = "co_visitation"
[[filters]]
part = "seen"
[selector]
part = "varied"
variety = 0.6
by = "shelf, tags"
[[fillers]]
part = "trending"
[[fillers]]
part = "popularity"
"""
CURIOUS: Final = """
[[explored]]
part = "arrivals"
events = 1000
days = 1000.0
[explorer]
part = "exploring"
share = 0.7
place = 2
"""
RECIPES: Final = [
    recipes.named("default"),
    recipes.named("rules-v1"),
    recipes.named("revisits"),
    recipes.named("trending"),
    recipes.read("varied", VARIED),
    recipes.read("curious", recipes.text_of("default") + CURIOUS),
]


def described(number: int) -> Item:
    """Return what the catalogue says of the item of this number: shelf, tags, price, a group for every fifth and sixth."""
    return Item(
        categories=[f"c{number % 4}"] if number % 7 else [f"c{number % 4}", "all"],
        attributes={"shelf": SHELVES[number % 3], "price": float(number), "tags": [f"t{number % 2}", f"t{number % 5}"]},
        group=f"g{number // 6}" if number % 6 >= 4 else None,
    )


def shop() -> Picture:
    """Return the checkerboard, whose squares meet by colour, and bestsellers that meet nothing, all of them described."""
    events = checkerboard() + popular(**{name: 2 + number for number, name in enumerate(BESTSELLERS)})
    picture = picture_of(events)
    picture.catalogue.put([CatalogueState(item_id, number + 1, described(number)) for number, item_id in enumerate(ITEMS)])
    return picture


def made(name: str = "shop@1", **rules: object) -> Rules:
    """Return rules as a set of this name would have them."""
    return Rules(from_values(rules), name)


def under(query: Query, *rules: Rules) -> Query:
    """Return the query with rules laid over it."""
    return msgspec.structs.replace(query, rules=rules)


QUERIES: Final = st.builds(
    lambda items, k, exclude: ask(*items, k=k, exclude=exclude),
    st.lists(st.sampled_from(ITEMS), max_size=4),
    st.integers(1, 25),
    st.sets(st.sampled_from(ITEMS), max_size=3),
)
_WHERE: Final = st.sampled_from(
    ["price < 10", 'shelf == "red"', '"t1" in tags', 'not (shelf == "blue")', "price >= $most", "group is null", "odd > 1"]
)
_SOME: Final = st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3)
_SPOKEN: Final = st.fixed_dictionaries({"where": _WHERE}) | st.fixed_dictionaries({"items": _SOME})
_CAPS: Final = st.builds(
    lambda by, most, more, mode: {"by": by, "most": most} | ({"within": most + more} if more else {}) | mode,
    st.sampled_from(["shelf", "tags", "categories", "price"]),
    st.integers(1, 3),
    st.integers(0, 5),
    st.sampled_from([{}, {"mode": "strict"}, {"mode": "relaxed"}]),
)


def _with(spoken: st.SearchStrategy[dict[str, Any]], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda one, other: one | other, spoken, st.fixed_dictionaries(more))


SETS: Final[st.SearchStrategy[RuleSet]] = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["strict", "relaxed"]),
        "exclude": st.lists(_SPOKEN, max_size=2),
        "only": st.lists(st.fixed_dictionaries({"where": _WHERE}), max_size=1),
        "boost": st.lists(_with(_SPOKEN, times=st.sampled_from([1.5, 3.0])), max_size=2),
        "bury": st.lists(_SPOKEN | _with(_SPOKEN, times=st.just(0.5)), max_size=1),
        "pin": st.lists(_with(_SPOKEN, position=st.integers(1, 12)), max_size=3),
        "cap": st.lists(_CAPS, max_size=2),
    }
).map(from_values)


def shown(picture: Picture, answer: Candidates) -> list[str]:
    """Return an answer's items."""
    return [picture.ids[number] for number in answer.items]


def values(picture: Picture, by: str, item: str) -> set[object]:
    """Return what an item has under an attribute, one or several."""
    value = picture.catalogue.attributes.value(by, picture.numbers[item])
    if isinstance(value, list):
        return set(value)
    return set() if value is None else {value}


def fullest(picture: Picture, by: str, within: int | None, items: Sequence[str]) -> int:
    """Return how many of one value stand in the fullest window of a list."""
    width = len(items) if within is None else within
    most = 0
    for start in range(max(1, len(items) - width + 1)):
        counts: dict[object, int] = {}
        for item in items[start : start + width]:
            for one in values(picture, by, item):
                counts[one] = counts.get(one, 0) + 1
        most = max(most, *counts.values()) if counts else most
    return most


def groups(picture: Picture, items: Sequence[str]) -> list[int]:
    """Return the groups of these items, those of none left out."""
    found = picture.catalogue.group(np.array([picture.numbers[item] for item in items], np.int32))
    return [group for group in found.tolist() if group >= 0]
