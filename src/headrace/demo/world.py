"""The simulated world: items that belong to hidden tastes, and people who have one or two of them.

Nothing here ever reaches the product: it sees ids and events, and has to find the tastes in them.
"""

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import Final

from headrace.demo.seeds import derived

_ITEMS_PER_TASTE: Final = 80
_ZIPF_EXPONENT: Final = 0.9
_TWO_TASTES: Final = 0.4
_SECOND_TASTE_WEIGHT: Final = 0.3


@dataclass(frozen=True, slots=True)
class Item:
    """A film, say: its hidden taste, how appealing it is within it (0..1) and its length in seconds."""

    item_id: str
    taste: int
    appeal: float
    length_s: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's hidden tastes: one, or two with unequal weights; the weights add up to 1."""

    tastes: tuple[tuple[int, float], ...]

    def affinity(self, item: Item) -> float:
        """Return how much an item is to this person's taste, 0..1."""
        return item.appeal * sum(weight for taste, weight in self.tastes if taste == item.taste)


@dataclass(frozen=True)
class World:
    """All items and people that a seed makes; the same seed makes the same ones."""

    seed: int
    item_count: int

    @property
    def prefix(self) -> str:
        """Return what every id of this world begins with."""
        return f"demo-{self.seed}-"

    @property
    def taste_count(self) -> int:
        """Return how many hidden tastes there are: one for about 80 items, at least two."""
        return max(2, self.item_count // _ITEMS_PER_TASTE)

    @cached_property
    def shelves(self) -> tuple[tuple[Item, ...], ...]:
        """Return the items of each taste, the most popular first."""
        shelves: list[list[Item]] = [[] for _ in range(self.taste_count)]
        for number in range(self.item_count):
            chance = derived(self.seed, "item", number)
            shelf = shelves[number % self.taste_count]
            # The known ones are also the better liked ones, but not by much.
            appeal = chance.uniform(0.7, 1.0) - 0.3 * len(shelf) * self.taste_count / self.item_count
            shelf.append(Item(f"{self.prefix}i{number:05d}", number % self.taste_count, appeal, chance.randint(60, 600)))
        return tuple(map(tuple, shelves))

    @cached_property
    def items(self) -> Mapping[str, Item]:
        """Return every item by its id."""
        return {item.item_id: item for shelf in self.shelves for item in shelf}

    def person(self, *whose: str | int) -> Person:
        """Return the person that goes by these words."""
        chance = derived(self.seed, "person", *whose)
        first = chance.randrange(self.taste_count)
        if chance.random() >= _TWO_TASTES:
            return Person(((first, 1.0),))
        second = (first + chance.randrange(1, self.taste_count)) % self.taste_count
        return Person(((first, 1 - _SECOND_TASTE_WEIGHT), (second, _SECOND_TASTE_WEIGHT)))

    def found_by(self, person: Person, chance: Random) -> Item:
        """Return an item that a person comes upon without help: of their taste, by its Zipf popularity there."""
        weights = [weight for _, weight in person.tastes]
        shelf = self.shelves[chance.choices(person.tastes, weights)[0][0]]
        heights = self._zipf_heights[: len(shelf)]
        place: int = bisect(heights, chance.random() * heights[-1])
        return shelf[place]

    @cached_property
    def _zipf_heights(self) -> tuple[float, ...]:
        longest = max(map(len, self.shelves))
        return tuple(accumulate((rank + 1) ** -_ZIPF_EXPONENT for rank in range(longest)))
