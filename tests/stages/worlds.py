"""Small worlds as pictures, made by the real features, and queries about them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from headrace.events.items import Item
from headrace.events.types import Event, Interaction
from headrace.features.changes import CatalogueState, Changes, ItemState, PairState
from headrace.pipeline import Candidates, Query
from headrace.snapshot.picture import Picture
from tests.features.worlds import DAY, MINUTE, Book, act

CURIOUS = """
[[explored]]
part = "arrivals"
[explorer]
part = "exploring"
share = 0.7
place = 2
"""
"""What makes a recipe one that explores, behind its text."""


def picture_of(events: Iterable[Event], *, neighbours: int = 200) -> Picture:
    """Return the picture of what the features make of these events."""
    book = Book().take(events)
    picture = Picture(1, book.rules, most_neighbours=neighbours)
    newest = max((kept[-1].ts_ms for kept in book.sums.histories.values()), default=0)
    items = [ItemState(key, one.events, one.weight, one.decayed, one.visits) for key, one in book.sums.items.items()]
    pairs = [PairState(*key, one.meetings, one.low_to_high, one.high_to_low) for key, one in book.sums.pairs.items()]
    picture.apply(Changes([], newest, items, pairs, []))
    return picture


def ask(*items: str, k: int = 10, exclude: Iterable[str] = (), user: str = "ada") -> Query:
    """Return a query of a user with these recent items, newest first."""
    return Query(user, "s1", "r1", k, tuple(dict.fromkeys(items)), frozenset(exclude))


def candidates(picture: Picture, scores: dict[str, float], *, source: str = "co_visitation") -> Candidates:
    """Return candidates with these scores, all of one source."""
    numbers = np.array([picture.numbers[item] for item in scores], np.int32)
    return Candidates(numbers, np.array(list(scores.values())), np.zeros(len(scores), np.int8), (source,))


def names(picture: Picture, numbers: Iterable[int]) -> list[str]:
    """Return the items of these numbers."""
    return [picture.ids[number] for number in numbers]


def checkerboard(side: int = 4, visits: int = 3) -> list[Interaction]:
    """Return the checkerboard: squares ``a1`` .. ``d4``; each user stays on one colour and steps through all of it.

    A user of black squares is best shown black squares: the right answer needs no arithmetic.
    """
    events = []
    for colour in (0, 1):
        squares = colour_of_board(colour, side)
        for user in range(visits):
            for step in range(len(squares)):
                square = squares[(step * (1 + 2 * user) + user) % len(squares)]
                events.append(act(f"walker-{colour}-{user}", square, step + user * 120))
    return events


def colour_of_board(colour: int, side: int = 4) -> list[str]:
    """Return the squares of one colour: 0 is black."""
    return [f"{'abcdefgh'[x]}{y + 1}" for x in range(side) for y in range(side) if (x + y) % 2 == colour]


def described(picture: Picture, items: Mapping[str, Item]) -> Picture:
    """Return the picture with what a catalogue says of these items."""
    picture.catalogue.put(CatalogueState(item_id, 1, item) for item_id, item in items.items())
    return picture


def colours(side: int = 4) -> dict[str, Item]:
    """Return what a catalogue says of the squares: their colour, and one black square that nobody has walked on."""
    said = {
        square: Item(categories=[("black", "white")[colour]]) for colour in (0, 1) for square in colour_of_board(colour, side)
    }
    return {**said, "e5": Item(title="A new square", categories=["black"])}


def popular(**counts: int) -> list[Interaction]:
    """Return so many views of each item, each by a user of its own and in a session of its own."""
    return [
        act(f"{item}-fan-{number}", item, number * DAY / MINUTE / 1000)
        for item, count in counts.items()
        for number in range(count)
    ]


def one_of_each(items: Sequence[str]) -> list[Interaction]:
    """Return one view of each item by strangers."""
    return popular(**dict.fromkeys(items, 1))
