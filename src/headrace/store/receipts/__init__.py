"""The facts behind a receipt, as one generation's tables have them; see ``stream.receipts``."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from headrace.events import codec
from headrace.log.port import TOPICS, Topic
from headrace.store.flips import ALIVE_S
from headrace.store.generations import Generation
from headrace.store.pool import Database
from headrace.store.sql import Queries
from headrace.stream.letters import Position, State
from headrace.stream.receipts import About, AppliedIn, Died, Place, Seen, Visible

EPOCH: Final = datetime.fromtimestamp(0, UTC)
MS: Final = timedelta(milliseconds=1)


class Counted(NamedTuple):
    """An event that counts: what it says, when the door took it, where its record stood, its applied number."""

    about: About
    received_ms: int
    place: Place
    number: int


class Batch(NamedTuple):
    """With what an event was applied, and the change that must have been seen to have seen it."""

    applied: AppliedIn
    changes: int
    written_at: datetime | None


class PostgresReceipts:
    """Reads one generation, and what its space has once. Every method raises ``Unavailable``."""

    def __init__(self, database: Database, generation: Generation, *, space: str, names: Mapping[Topic, str]) -> None:
        self._database = database
        self._generation: Final = generation.number
        self._names = names
        self._queries = Queries("headrace.store.receipts", space=space, generation=generation.number)

    async def counted(self, event_id: str) -> Counted | None:
        """Return where an event was counted; None of one that was not, or whose id is no longer remembered."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(self._queries["counted"], codec.id_hash(event_id))
        if row is None:
            return None
        about = About(
            type=row["type"], user_id=row["user_id"], item_id=row["item_id"], items=row["items"],
            session_id=row["session_id"], request_id=row["request_id"], ts_ms=row["ts_ms"], served=row["served"],
        )  # fmt: skip
        place = self._place(row["topic"], row["partition"], row["offset"])
        return Counted(about, row["server_received_ts_ms"], place, row["applied"])

    async def taken_ms(self, event_id: str) -> int | None:
        """Return when the embedded log took an id; None where it did not, or no longer remembers it."""
        async with self._database.connection() as connection:
            taken: int | None = await connection.fetchval(self._queries["door"], codec.id_hash(event_id))
        return taken

    async def batch(self, counted: Counted) -> Batch:
        """Return the batch that an event was applied with, as far as it is kept."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(self._queries["batch"], counted.place.partition, counted.number)
        if row is None:
            raise LookupError(f"there is no partition {counted.place.partition}")
        if not row["own"]:
            return Batch(AppliedIn(generation=self._generation, number=counted.number), row["changes"], None)
        at_ms, records = _from(row["written_at"]), row["records"]
        applied = AppliedIn(generation=self._generation, number=counted.number, at_ms=at_ms, records=records)
        return Batch(applied, row["changes"], row["written_at"])

    async def repeats(self, event_id: str, partition: int) -> list[Place]:
        """Return where duplicates of an event stand that were passed lately."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["repeats"], partition, codec.id_hash(event_id))
        return [self._place(row["topic"], partition, row["offset"]) for row in rows]

    async def letters(self, event_id: str) -> list[Died]:
        """Return the dead letters of an event, the latest last."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["letters"], event_id, codec.id_hash(event_id))
        return [
            Died(
                position=str(Position(row["source_topic"], row["source_partition"], row["source_offset"])),
                generation=self._generation, error_type=row["error_type"], error_message=row["error_message"],
                state=State(row["state"]), logged_at_ms=row["source_timestamp_ms"], failed_at_ms=row["failed_at_ms"],
                settled_at_ms=row["settled_at_ms"],
            )
            for row in rows
        ]  # fmt: skip

    async def visible(self, partition: int, batch: Batch) -> Visible:
        """Return which API processes have come past a batch, and by when, at the latest, they had."""
        wanted = (self._generation, partition, batch.changes, batch.written_at)
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["replicas"], *wanted, ALIVE_S)
            first: datetime | None = await connection.fetchval(self._queries["first_sighting"], *wanted)
        seen = [
            Seen(
                replica_id=row["replica_id"], generation=row["generation"], visible=row["visible"], by_ms=_by(row["by"]),
                as_of_ms=row["as_of_ms"],
            )
            for row in rows
        ]  # fmt: skip
        times = [one.by_ms for one in seen if one.by_ms is not None]
        first_ms = min((one for one in (*times, _by(first)) if one is not None), default=None)
        return Visible(first_by_ms=first_ms, all_by_ms=max(times) if times and len(times) == len(seen) else None, replicas=seen)

    def _place(self, topic: int, partition: int, offset: int) -> Place:
        return Place(TOPICS[topic], self._names[TOPICS[topic]], partition, offset)


def _from(at: datetime | None) -> int | None:
    """Return the last millisecond that was over at a moment."""
    return None if at is None else (at - EPOCH) // MS


def _by(at: datetime | None) -> int | None:
    """Return the millisecond by which a moment was past."""
    return None if at is None else -((EPOCH - at) // MS)
