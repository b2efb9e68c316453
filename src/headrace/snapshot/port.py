"""What a snapshot asks of whoever keeps the tables."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from headrace.features.changes import CatalogueState, Changes, HistoryState, ItemState
from headrace.features.projection import Rules


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the tables stand: per partition the number of the next change, and the newest event's own time (Unix ms)."""

    next_change: Mapping[int, int]
    newest_ts_ms: int


class Pairs(NamedTuple):
    """Pairs as parallel arrays; see ``PairState``. ``low`` and ``high`` are the items' numbers."""

    low: NDArray[np.int32]
    high: NDArray[np.int32]
    meetings: NDArray[np.int32]
    low_to_high: NDArray[np.float64]
    high_to_low: NDArray[np.float64]


class Reading(Protocol):
    """One consistent read of the item side."""

    @property
    def standing(self) -> Standing:
        """Return the numbers that this read stands for."""
        ...

    def items(self) -> AsyncIterator[list[ItemState]]:
        """Yield all items, some thousands at a time."""
        ...

    def catalogue(self) -> AsyncIterator[list[CatalogueState]]:
        """Yield the whole catalogue, deleted items too, some thousands at a time."""
        ...

    async def pairs(self, take: Callable[[Pairs], Awaitable[None]]) -> None:
        """Hand on all pairs, some thousands at a time; their items are named by their place in ``items``."""
        ...


class Tables(Protocol):
    """One generation's tables, as a reader sees them. Every method raises ``Unavailable``."""

    @property
    def generation(self) -> int:
        """Return the generation's number."""
        ...

    @property
    def rules(self) -> Rules:
        """Return how the generation counts."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Reading]:
        """Open a consistent read."""
        ...

    async def standing(self) -> Standing:
        """Return where the tables stand now; cheap."""
        ...

    async def changes(self, since: Mapping[int, int], *, limit: int) -> list[tuple[int, int, Changes]]:
        """Return (partition, number, changes) from these numbers on, ascending in each partition, at most ``limit`` each."""
        ...

    async def histories(self, users: Collection[str]) -> list[HistoryState]:
        """Return the stored histories of these users; one without is left out."""
        ...

    async def sessions(self, most: int) -> list[tuple[str, str]]:
        """Return (session, user) of the latest acts that name a session, the latest last, about ``most`` of them."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """What a replica holds: the generation it answers from, the one it holds ready, and how far its picture has come.

    ``moved_ago_s`` is how many seconds ago, or more, it had come there.
    """

    generation: int | None = None
    candidate: int | None = None
    as_of_ms: int = 0
    version: Mapping[int, int] = field(default_factory=dict)
    moved_ago_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a replica is to hold: the live generation's tables, none before there is one, and those to be held ready."""

    live: Tables | None
    candidate: Tables | None = None


class Generations(Protocol):
    """Tells which generation is to be read from, and hears what a replica holds. Every method raises ``Unavailable``."""

    async def look(self, held: Held) -> Wanted:
        """Report as a replica that lives and holds this; return what it is to hold."""
        ...

    async def leave(self) -> None:
        """Say goodbye: nobody need wait for this replica."""
        ...
