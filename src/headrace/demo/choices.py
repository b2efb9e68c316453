"""What a person does with a list: looks from the top down, with less and less patience, and watches what is to their taste.

A choice depends on the person, the list and the chance handed in, so the same answers get the same choices.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from random import Random
from typing import Final

from headrace.demo.world import Item, Person, World

SHOWN: Final = 20

_IMPATIENCE: Final = 0.12
_BY_ACCIDENT: Final = 0.004
_BY_TASTE: Final = 0.6
_AGAIN: Final = 0.1
_WATCHES: Final = 0.75
_FINDS_SOMETHING: Final = 0.35
_FINDS_SOMETHING_WHEN_SHOWN_NOTHING: Final = 0.9


@dataclass(frozen=True, slots=True)
class Watching:
    """An item of the list is watched for so long."""

    item_id: str
    seconds: float
    percent: float


@dataclass(frozen=True, slots=True)
class Clicking:
    """An item is clicked, or only looked at; ``found`` says that it was not on the list but come upon."""

    item_id: str
    event_type: str
    found: bool


Act = Watching | Clicking


def looked_at(position: int) -> float:
    """Return how likely the item at a position is looked at: 1 at the top, 0.3 at the twentieth."""
    return 1 / (1 + _IMPATIENCE * position)


def acts_on(items: Sequence[str], person: Person, world: World, watched: AbstractSet[str], chance: Random) -> list[Act]:
    """Return what a person does with the first 20 of these items, from the top down, each item at most once.

    ``watched`` are those they have watched before, which seldom interest them again. Ids of another world are passed over.
    """
    acts: list[Act] = []
    for position, item_id in enumerate(items[:SHOWN]):
        # Three draws an item whatever comes of them: a changed item at one place leaves the others' chances alone.
        looks, likes, how = chance.random(), chance.random(), chance.random()
        item = world.items.get(item_id)
        if item is None or looks >= looked_at(position):
            continue
        affinity = person.affinity(item)
        if likes < (_BY_ACCIDENT + _BY_TASTE * affinity) * (_AGAIN if item_id in watched else 1):
            acts.append(_act_on(item, affinity, how))
    return acts


def finds(person: Person, world: World, chance: Random, *, shown_something: bool) -> Clicking | None:
    """Return what a person comes upon without the list, now and then: nearly always if the list was empty."""
    if chance.random() >= (_FINDS_SOMETHING if shown_something else _FINDS_SOMETHING_WHEN_SHOWN_NOTHING):
        return None
    item = world.found_by(person, chance)
    return Clicking(item.item_id, "click" if chance.random() < 0.5 else "view", found=True)


def _act_on(item: Item, affinity: float, how: float) -> Act:
    if how >= _WATCHES:
        return Clicking(item.item_id, "click", found=False)
    # What is liked is watched nearly to its end, what was an accident is soon left.
    percent = round((85 if affinity > 0.2 else 5) + 15 * how / _WATCHES, 1)
    return Watching(item.item_id, round(item.length_s * percent / 100, 1), percent)
