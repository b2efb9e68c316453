"""What the stream asks of whoever keeps positions, features and archives: one transaction for offset and effect.

The methods of ``Page`` are called in the order they stand in, which is also the one order in which rows are locked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from headrace.events.items import Item
from headrace.events.types import Event
from headrace.features.history import History
from headrace.features.outcomes import OutcomeMemory, Request
from headrace.features.projection import Rules
from headrace.features.writes import FollowUp, Writes
from headrace.log.port import Reader, StoredRecord, Topic
from headrace.stream.dead_letters import DeadLetter


class Fenced(Exception):
    """The partition is someone else's now, or its positions moved: nothing was written; look again before going on."""


@dataclass(slots=True)
class Owned:
    """A partition this worker owns: its epoch, and where it stands. Moved on only after a commit.

    ``from_archive`` says that it is fed from the archive of its generation's source, and not from the log yet.
    """

    partition: int
    epoch: int
    positions: dict[Topic, int]
    applied: int
    halted: str | None = None
    from_archive: bool = False
    released: bool = False
    """Someone has let it go on: the brake lets the bad stretch pass."""


class Applied(NamedTuple):
    """An event of the batch that counts, with its place: offset in its topic, number in the partition's applied order."""

    event: Event
    topic: Topic
    offset: int
    applied: int


class Repeat(NamedTuple):
    """A record whose event was counted before: the event's id (hash) and the record's place."""

    id_hash: bytes
    topic: Topic
    offset: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What one batch did, for its partition's row and its own; counts of events stand by topic."""

    records: int
    counted: dict[Topic, int]
    repeats: Sequence[Repeat]
    dead: int
    newest_ts_ms: int
    applied_at_ms: int
    latency_ms: int
    rearmed: bool
    """The bad stretch is behind this batch, and the brake holds again."""


class NewId(NamedTuple):
    """An event's id and payload (hashes of 16 bytes), to be remembered with its place."""

    id_hash: bytes
    payload_hash: bytes
    applied: int
    ts_ms: int
    kept: bool


@dataclass(slots=True)
class Status:
    """What a worker tells of itself with every sign of life; figures are JSON."""

    figures: dict[str, object] = field(default_factory=dict)


class Page(Protocol):
    """One transaction on one partition."""

    async def fence(self, owned: Owned, positions: Mapping[Topic, int], records: int) -> None:
        """Move the partition to ``positions`` and its applied counter by ``records``; raises ``Fenced``."""
        ...

    async def remember(self, owned: Owned, ids: Sequence[NewId]) -> dict[bytes, bytes]:
        """Remember new ids; return id and payload of those already known. No id stands in ``ids`` twice."""
        ...

    async def histories(self, users: Collection[str]) -> dict[str, History]:
        """Return the histories of these users; one without is left out."""
        ...

    async def outcomes(self, requests: Collection[Request]) -> OutcomeMemory:
        """Return what these requests have shown and which follow-ups are known."""
        ...

    async def catalogue(self, items: Collection[str]) -> dict[str, Item | None]:
        """Return what the catalogue says of these items; None of a deleted one, one that never was is left out."""
        ...

    async def archive(self, owned: Owned, events: Sequence[Applied]) -> None:
        """Store the whole events."""
        ...

    async def apply(self, owned: Owned, writes: Writes, follow_ups: Sequence[FollowUp], received_ms: Sequence[int]) -> None:
        """Add the writes to the feature tables and append the resulting absolute values to the changelog."""
        ...

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Store dead letters."""
        ...

    async def pass_gap(self, owned: Owned, topic: Topic, first_missing: int, next_present: int) -> None:
        """Record that the log no longer has these offsets."""
        ...

    async def tally(self, owned: Owned, tally: Tally) -> None:
        """Sum up the batch in the partition's row, and write down that it was: the last statement before the commit."""
        ...


class Archive(Reader, Protocol):
    """What another generation has applied, read as the log it came from.

    An offset here is the number in that generation's applied order, ascending over all topics together; numbers of what was not
    counted are missing, which means nothing. Whoever has read to the end goes on from the log where the source stood then.
    """

    def behind(self, partition: int, positions: Mapping[Topic, int]) -> Mapping[Topic, int] | None:
        """Return where in the log the source stood when it had applied exactly what was read up to these positions.

        None where the last read of this partition did not end there, or not at the archive's end.
        """
        ...


class Ledger(Protocol):
    """Positions, features and archives of one generation."""

    @property
    def rules(self) -> Rules:
        """Return how this generation counts."""
        ...

    def page(self) -> AbstractAsyncContextManager[Page]:
        """Open a transaction; it commits when the block ends and rolls back when it raises.

        Raises ``Unavailable`` for the infrastructure's failures, ``Poison`` for a value that can never be stored.
        """
        ...

    async def sign_of_life(self, worker_id: str, lease_ms: int, status: Status) -> list[int]:
        """Report, renew this worker's leases, and return the partitions it still owns."""
        ...

    async def claim(self, worker_id: str, lease_ms: int, most: int) -> list[Owned]:
        """Take at most ``most`` free or abandoned partitions, each with a new epoch."""
        ...

    async def reload(self, worker_id: str, partition: int) -> Owned | None:
        """Return the partition as the ledger has it; None where this worker no longer owns it."""
        ...

    async def leave_archive(self, owned: Owned, behind: Mapping[Topic, int]) -> None:
        """Have the partition go on from the log at these positions. Raises ``Fenced``."""
        ...

    async def release(self, worker_id: str, partitions: Iterable[int]) -> None:
        """Give partitions back, so that another worker need not wait for the lease to run out."""
        ...

    async def workers(self, lease_ms: int) -> int:
        """Return how many workers are alive."""
        ...

    async def leave(self, worker_id: str) -> None:
        """Give everything back and say goodbye."""
        ...

    async def halt(self, owned: Owned, reason: str) -> None:
        """Stop the partition until someone lets it go on."""
        ...


def next_positions(owned: Owned, records: Sequence[StoredRecord]) -> dict[Topic, int]:
    """Return the positions behind these records."""
    positions = dict(owned.positions)
    for record in records:
        positions[record.topic] = record.offset + 1
    return positions
