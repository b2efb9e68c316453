"""What the pages of items ask for, and what they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Item:
    """An item by its id, what the catalogue calls it where that is known, and how many events it has."""

    item_id: str
    title: str | None
    events: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How an item stands in the picture: counts, and weights as of the newest event that the stream has seen.

    ``rank`` is its place by weight among ``items`` that have any, from 1; 0 where it has none. ``shown`` is whether the
    catalogue lets it be shown now.
    """

    events: int
    weight: float
    visits: float
    rank: int
    items: int
    shown: bool


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An item that met another one so often, and the weight of each direction; None where memory does not keep that one."""

    item_id: str
    meetings: int
    after: float
    """How strongly it follows the item that was asked for."""

    before: float | None
    """How strongly that item follows it."""


@dataclass(frozen=True, slots=True)
class Acts:
    """The acts of one span of hours, which begins at a Unix millisecond."""

    at_ms: int
    views: int
    clicks: int
    purchases: int
    watches: int


@dataclass(frozen=True, slots=True)
class Course:
    """The acts of equal spans without a gap, oldest first, the last of which holds the newest event of the stream.

    ``counted`` is the share of the archive that is counted into them so far: 1 when it is all.
    """

    hours: int
    acts: Sequence[Acts]
    counted: float


class Items(Protocol):
    """What is known of items. What waits asks the database; the rest answers from memory. All raise ``Unavailable``."""

    def popular(self, most: int) -> list[Item]:
        """Return the items of the largest weight now, best first, without titles."""
        ...

    def standing(self, item_id: str) -> Standing | None:
        """Return how an item stands; None of one that neither an event nor the catalogue has named."""
        ...

    def neighbours(self, item_id: str, most: int) -> list[Neighbour]:
        """Return the items that follow this one the most strongly, strongest first."""
        ...

    async def find(self, beginning: str, most: int) -> list[Item]:
        """Return items whose id or title begins like this, by id."""
        ...

    async def titles(self, items: Sequence[str]) -> Mapping[str, str]:
        """Return the titles of those that have one."""
        ...

    async def course(self, item_id: str, spans: int, hours: int) -> Course:
        """Return the acts on an item over so many spans; counts what is not counted yet, most of it after answering."""
        ...
