"""Dead letters as they are kept: where each was, why it died, what became of it; and what their keeper promises."""

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, Self

_WRITTEN: Final = re.compile(r"([^\x00-\x1f\x7f-\x9f\ud800-\udfff]+):([0-9]{1,9}):([0-9]{1,18})")


class State(StrEnum):
    """What became of a letter: nothing yet, sent through the log again, or given up."""

    OPEN = "open"
    REDRIVEN = "redriven"
    DROPPED = "dropped"


class Position(NamedTuple):
    """Where a record was: the topic as it is called outwardly, its partition and offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """Return the position as it is written: ``reco_watch:3:17``."""
        return f"{self.topic}:{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the position that is written so; raises ``ValueError``."""
        written = _WRITTEN.fullmatch(text)
        if written is None:
            raise ValueError(text)
        return cls(written[1], int(written[2]), int(written[3]))


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it is kept; see the table ``dead_letters``."""

    position: Position
    timestamp_ms: int
    key: str | None
    error_type: str
    error_message: str
    payload: bytes
    payload_bytes: int
    payload_sha256: bytes
    failed_at_ms: int
    cause: str
    state: State
    settled_at_ms: int | None
    redriven_id: bytes | None
    copied_at_ms: int | None
    redriving: bytes | None = None
    """The record that it is being redriven with, as long as it is open."""

    @property
    def whole(self) -> bool:
        """Return whether all bytes of the payload are kept."""
        return len(self.payload) == self.payload_bytes


@dataclass(frozen=True, slots=True)
class Cause:
    """Letters that died of the same: how many, from when to when, in which topics, and one of them."""

    handle: str
    """A short name to call the cause by."""
    cause: str
    error_type: str
    count: int
    first_ms: int
    last_ms: int
    topics: Sequence[str]
    example: Position


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant: these positions, those of a cause (its handle, ``error_type`` or whole text), or all."""

    positions: Sequence[Position] | None = None
    cause: str | None = None
    state: State | None = None


class Letters(Protocol):
    """The dead letters of one generation. Every method raises ``Unavailable``."""

    async def causes(self, choice: Choice) -> list[Cause]:
        """Return the causes of the chosen letters, the most frequent first."""
        ...

    async def page(self, choice: Choice, *, after: Position | None, limit: int) -> list[Letter]:
        """Return the chosen letters behind a position, in order of position."""
        ...

    async def begin_redriving(self, records: Mapping[Position, bytes]) -> dict[Position, bytes]:
        """Note what open letters are redriven with, and return what holds for each that is open: the first that was noted."""
        ...

    async def give_up_redriving(self, position: Position, record: bytes) -> None:
        """Let a letter be redriven with another record than this one, which cannot be appended."""
        ...

    async def settle(
        self, positions: Sequence[Position], state: State, now_ms: int, ids: Sequence[bytes] | None = None
    ) -> set[Position]:
        """Note what became of open letters and return those that it holds for; ``ids`` are the event ids of redriven ones.

        A letter is redriven only after its redriving has begun, and dropped only where it has not.
        """
        ...

    async def known(self, ids: Collection[bytes]) -> dict[bytes, bytes]:
        """Return id and payload (hashes) of those events that count already."""
        ...

    async def counted(self, ids: Collection[bytes]) -> Mapping[bytes, Position]:
        """Return where the events with these ids were counted; one that is not counted yet is left out."""
        ...

    def uncopied(self, limit: int) -> AbstractAsyncContextManager[Sequence[Letter]]:
        """Lend letters whose copy has not gone out, to one taker at a time, and mark them when the block ends well."""
        ...
