"""What the importer needs of the house: the judge, the door, the memory of shifts, and the drain."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from headrace.events.types import Event, Interaction, Watch
from headrace.log.port import Verdict


class Judge(Protocol):
    """Judges a row like any other event."""

    def row(self, fields: Mapping[str, object], *, history: bool) -> Interaction | Watch:
        """Return the event that these contract fields are; ``history`` lifts the age and future rules. Raises ``Rejected``."""
        ...


class Door(Protocol):
    """Takes events in."""

    async def accept(self, events: Sequence[Event], *, atomic: bool = True, history: bool = False) -> list[Verdict]:
        """Append durably, one verdict an event in order. Raises ``Unavailable``; the same events may then be sent again."""
        ...


class ShiftMemory(Protocol):
    """Remembers by how much the times of a file were moved, so that the same import again moves them equally."""

    async def get(self, digest: str) -> int | None:
        """Return the milliseconds kept under this digest, or None. Raises ``Unavailable``."""
        ...

    async def put(self, digest: str, shift_ms: int) -> int:
        """Keep this shift unless one is kept already; return the one that is kept, durably. Raises ``Unavailable``."""
        ...


Drain: TypeAlias = Callable[[Callable[[int], None]], Awaitable[None]]
"""Waits until the stream has applied everything, telling how many records are still to come."""
