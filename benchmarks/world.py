"""The generated world: items on shelves, people who come to a few of them, popularity by Zipf; a seed makes it again.

A session is 2 to 10 different items, so with the default window all of its pairs meet: the pairs a prefix of the sessions
makes are known before anything is applied, and the stores are cut exactly where they are to have so many pairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHELF: Final = 100
LEAST, MOST = 2, 10
SHELVES_ZIPF: Final = 0.7
ITEMS_ZIPF: Final = 0.9
USERS_ZIPF: Final = 0.6
WANDERING: Final = 0.1
"""The chance that an item of a session comes from anywhere, by its popularity in the whole catalogue."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is: its catalogue, its people, the pairs it is to have, and those of its first part."""

    items: int
    users: int
    pairs: int
    first_pairs: int
    seed: int = 4


FULL: Final = Size(items=100_000, users=100_000, pairs=2_000_000, first_pairs=200_000)
QUICK: Final = Size(items=2_000, users=2_000, pairs=25_000, first_pairs=2_500)


class Session(NamedTuple):
    """One session: whose, and the items in order."""

    user: int
    items: tuple[int, ...]


@dataclass(slots=True)
class World:
    """The sessions in order; ``first_sessions`` of them, of the first ``first_users`` people, make the smaller store."""

    size: Size
    sessions: list[Session] = field(default_factory=list)
    first_sessions: int = 0
    first_users: int = 0
    pairs: int = 0
    first_pairs: int = 0

    @property
    def events(self) -> int:
        """Return how many events all sessions have."""
        return sum(len(session.items) for session in self.sessions)


def user_id(number: int) -> str:
    """Return a person's id."""
    return f"user-{number:06d}"


def item_id(number: int) -> str:
    """Return an item's id."""
    return f"item-{number:06d}"


def generate(size: Size) -> World:
    """Return the world of this size and seed.

    Each person begins with a session that opens with an item of their own, so every item and every person occurs. Then the
    active ones (by Zipf) come again until there are the pairs that were asked for. People of the first part do not come
    again: their histories are the same in both stores.
    """
    world = World(size)
    chance = np.random.default_rng(size.seed)
    draws = _Draws(size, chance)
    own = chance.permutation(max(size.items, size.users)) % size.items
    pairs: set[tuple[int, int]] = set()
    user = 0
    while user < size.users or len(pairs) < size.pairs:
        if user < size.users:
            session = Session(user, draws.session(first=int(own[user])))
        else:
            session = Session(draws.active(world.first_users), draws.session())
        user += 1
        world.sessions.append(session)
        pairs.update(combinations(sorted(session.items), 2))
        if not world.first_sessions and len(pairs) >= size.first_pairs:
            world.first_sessions, world.first_users, world.first_pairs = user, user, len(pairs)
    world.pairs = len(pairs)
    return world


def endless(size: Size, seed: int) -> Iterator[Session]:
    """Yield new sessions of this world's people without end: load that the store has not seen."""
    draws = _Draws(size, np.random.default_rng(seed))
    while True:
        yield Session(draws.active(0), draws.session())


class _Draws:
    """Numbers drawn in blocks: one draw at a time would take minutes."""

    BLOCK: Final = 1 << 16

    def __init__(self, size: Size, chance: np.random.Generator) -> None:
        self._chance = chance
        self._users = size.users
        self._shelves = max(1, size.items // SHELF)
        self._shelf_heights = _heights(self._shelves, SHELVES_ZIPF)
        self._item_heights = _heights(SHELF, ITEMS_ZIPF)
        self._all_heights = _heights(size.items, ITEMS_ZIPF)
        self._user_heights = _heights(size.users, USERS_ZIPF)
        self._block = chance.random(self.BLOCK).tolist()
        self._at = 0

    def active(self, first: int) -> int:
        """Return a person from ``first`` on, the active ones more often."""
        return self._users - 1 - self._zipf(self._user_heights) % (self._users - first)

    def session(self, first: int | None = None) -> tuple[int, ...]:
        """Return the items of one session, none twice."""
        length = LEAST + int(self._next() * (MOST - LEAST + 1))
        shelf = self._zipf(self._shelf_heights)
        items: dict[int, None] = {} if first is None else {first: None}
        while len(items) < length:
            if self._next() < WANDERING:
                items[self._zipf(self._all_heights)] = None
            else:
                items[self._zipf(self._item_heights) * self._shelves + shelf] = None
        return tuple(items)

    def _zipf(self, heights: NDArray[np.float64]) -> int:
        return int(np.searchsorted(heights, self._next() * heights[-1], side="right"))

    def _next(self) -> float:
        if self._at == self.BLOCK:
            self._block = self._chance.random(self.BLOCK).tolist()
            self._at = 0
        self._at += 1
        return float(self._block[self._at - 1])


def _heights(count: int, exponent: float) -> NDArray[np.float64]:
    return np.cumsum(np.arange(1, count + 1, dtype=np.float64) ** -exponent)
