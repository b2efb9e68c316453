"""What operators and pages ask of a generation, and the tidying that keeps everything that grows within its bound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from headrace.log.port import TOPICS, Topic
from headrace.store import departed
from headrace.store.generations import Generation
from headrace.store.pool import Database
from headrace.store.sql import Queries, generation_schema

CHANGELOG_S: Final = 300
"""Seconds for which the changelog is kept; a snapshot away for longer is built anew."""

HOUR_MS: Final = 3_600_000
IDS_AT_ONCE: Final = 20_000
BATCHES_AT_ONCE: Final = 1_000
"""Of each partition."""

MOST_STEPS: Final = 50
"""Ids are forgotten in small steps, a million at a time at most."""
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition as it stands; see the table ``partitions``."""

    partition: int
    epoch: int
    owner: str | None
    leased: bool
    positions: dict[Topic, int]
    started_from: dict[Topic, int]
    applied: int
    counted: dict[Topic, int]
    duplicates: dict[Topic, int]
    dead: int
    skipped: int
    last_applied_at_ms: int
    last_latency_ms: int
    halted: str | None
    from_archive: bool = False
    lease_left_ms: int = 0
    """How long the owner may go on without a sign of life."""


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """A worker's last sign of life: JSON text of the figures it told."""

    worker_id: str
    alive: bool
    figures: str


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A window's outcomes, see ``features.outcomes``; ``items`` are the distinct items known, ``items_shown`` those shown."""

    requests: int
    shown: int
    followed: int
    watches: int
    watch_seconds: float
    items_shown: int
    items: int


class Operations:
    """Reads and tidies one generation. Every method raises ``Unavailable``."""

    def __init__(self, database: Database, generation: Generation, *, space: str) -> None:
        self._database = database
        self._generation = generation
        self._space = space
        self._queries = Queries("headrace.store", space=space, generation=generation.number)

    async def partitions(self) -> list[Partition]:
        """Return all partitions."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["partitions"])
        return [_partition(row) for row in rows]

    async def workers(self, lease_ms: int) -> list[WorkerReport]:
        """Return the workers of this generation, those gone for less than a day included."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["living_workers"], self._generation.number, float(lease_ms))
        return [WorkerReport(row["worker_id"], row["alive"], row["figures"]) for row in rows]

    async def workers_of_group(self, lease_ms: int) -> list[WorkerReport]:
        """Return the workers on any generation of this group that tell figures, the latest heard of last."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["workers_of_group"], self._generation.group_id, float(lease_ms))
        return [WorkerReport(row["worker_id"], row["alive"], row["figures"]) for row in rows]

    async def alive(self, lease_ms: int) -> int:
        """Return how many workers are alive."""
        async with self._database.connection() as connection:
            return int(await connection.fetchval(self._queries["workers"], self._generation.number, float(lease_ms)))

    async def outcomes(self, days: int, now_ms: int) -> Outcomes:
        """Return the outcomes of the last ``days`` times 24 hours."""
        since_ms = now_ms - days * DAY_MS
        async with self._database.connection() as connection:
            sums = await connection.fetchrow(self._queries["outcomes_since"], since_ms // HOUR_MS)
            items = await connection.fetchrow(self._queries["items_shown_since"], since_ms // DAY_MS)
        if sums is None or items is None:
            raise LookupError("a sum without a GROUP BY has always one row")
        return Outcomes(
            sums["requests"],
            sums["shown"],
            sums["followed"],
            sums["watches"],
            sums["watch_seconds"],
            items["shown"],
            items["items"],
        )

    async def resume(self, partitions: Sequence[int] | None = None) -> list[int]:
        """Let halted partitions go on, all or these, and return them; it holds whether or not anybody owns them now."""
        async with self._database.connection() as connection:
            return [row["partition"] for row in await connection.fetch(self._queries["resume"], partitions)]

    async def ids_taken(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return id and payload of those ids that count already or were taken by the embedded log."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["ids_taken"], ids)
        return {row["id"]: row["payload_hash"] for row in rows}

    async def open_dead_letters(self) -> int:
        """Return how many dead letters are neither redriven nor dropped."""
        async with self._database.connection() as connection:
            return int(await connection.fetchval(self._queries["open_dead_letters"]))

    async def archive_bytes(self) -> dict[str, int]:
        """Return how many bytes of the disk each archive takes, by the name of its table; cheap, whatever they hold."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["archive_bytes"])
        return {row["name"]: row["bytes"] for row in rows}

    async def tidy(self, now_ms: int, remembered_ms: int, kept_hours: int) -> None:
        """Trim the changelog, forget ids that no live event can bring again, batches not kept, workers long gone."""
        async with self._database.connection() as connection:
            await connection.execute(self._queries["trim_changelog"], float(CHANGELOG_S))
            for _ in range(MOST_STEPS):
                done = await connection.execute(self._queries["forget_ids"], now_ms - remembered_ms, remembered_ms, IDS_AT_ONCE)
                if done != f"DELETE {IDS_AT_ONCE}":
                    break
            for _ in range(MOST_STEPS):
                if await connection.execute(self._queries["forget_batches"], kept_hours, BATCHES_AT_ONCE) == "DELETE 0":
                    break
        await departed.fold(self._database, self._queries)


async def sample_of_users(database: Database, generation: Generation, *, space: str, users: int, seed: int) -> list[str]:
    """Return at most so many users with a history, the same for the same seed. Raises ``Unavailable``."""
    query = Queries("headrace.store", space=space, generation=generation.number)["sample_of_users"]
    async with database.connection() as connection:
        return [row["user_id"] for row in await connection.fetch(query, f"/{seed}", users)]


@dataclass(frozen=True, slots=True)
class Acted:
    """A user and what they did last."""

    user_id: str
    item_id: str
    event_type: str
    received_ms: int


async def recent_users(database: Database, generation: Generation, *, space: str, acts: int, users: int) -> list[Acted]:
    """Return at most so many users among the latest ``acts`` records, who acted last first. Raises ``Unavailable``."""
    query = Queries("headrace.store", space=space, generation=generation.number)["recent_users"]
    async with database.connection() as connection:
        return [Acted(*row) for row in await connection.fetch(query, acts, users)]


async def users_like(database: Database, generation: Generation, *, space: str, beginning: str, users: int) -> list[str]:
    """Return at most so many users with a history whose names begin so. Raises ``Unavailable``."""
    query = Queries("headrace.store", space=space, generation=generation.number)["users_like"]
    async with database.connection() as connection:
        return [row["user_id"] for row in await connection.fetch(query, beginning, beginning + chr(0x10FFFF), users)]


async def lowest_positions(database: Database, space: str) -> Mapping[tuple[Topic, int], int]:
    """Return, per topic and partition, the next offset of the embedded log that the hindmost generation will apply.

    What is not named may still be needed. One that no worker was on for a day no longer holds the log, unless it is live;
    what is built from an archive turns to the log where its source stands, so the source holds for both.
    Raises ``Unavailable``.
    """
    lowest: dict[tuple[Topic, int], int] = {}
    # All of one moment: a partition may turn from the archive to the log meanwhile.
    async with database.transaction(isolation="repeatable_read", readonly=True) as connection:
        for holding in await connection.fetch(Queries("headrace.store", space=space)["holding_generations"]):
            number = holding["number"]
            if await connection.fetchval("SELECT to_regclass($1)", f"{generation_schema(space, number)}.partitions") is None:
                return {}  # it is just being made, and where it will start is not told yet
            for row in await connection.fetch(Queries("headrace.store", space=space, generation=number)["partitions"]):
                if row["from_archive"]:
                    continue
                for topic, position in zip(TOPICS, row["positions"], strict=False):
                    place = (topic, row["partition"])
                    lowest[place] = min(position, lowest.get(place, position))
    return lowest


class Shifts:
    """Remembers by how much each imported file was shifted in time."""

    def __init__(self, database: Database, *, space: str) -> None:
        self._database = database
        self._queries = Queries("headrace.store", space=space)

    async def get(self, digest: str) -> int | None:
        """Return the shift in milliseconds; None for a file not imported before."""
        async with self._database.connection() as connection:
            shift: int | None = await connection.fetchval(self._queries["shift_of_import"], digest)
        return shift

    async def put(self, digest: str, shift_ms: int) -> int:
        """Remember a file's shift and return it; what was remembered before stands and is returned."""
        async with self._database.connection() as connection:
            await connection.execute(self._queries["put_shift"], digest, shift_ms)
            kept: int = await connection.fetchval(self._queries["shift_of_import"], digest)
        return kept


def _partition(row: asyncpg.Record) -> Partition:
    return Partition(
        partition=row["partition"],
        epoch=row["epoch"],
        owner=row["owner"],
        leased=bool(row["leased"]),
        positions=dict(zip(TOPICS, row["positions"], strict=False)),
        started_from=dict(zip(TOPICS, row["started_from"], strict=False)),
        applied=row["applied"],
        counted=dict(zip(TOPICS, row["counted"], strict=False)),
        duplicates=dict(zip(TOPICS, row["duplicates"], strict=False)),
        dead=row["dead"],
        skipped=row["skipped"],
        last_applied_at_ms=row["last_applied_at_ms"],
        last_latency_ms=row["last_latency_ms"],
        halted=row["halted"],
        from_archive=row["from_archive"],
        lease_left_ms=row["lease_left_ms"],
    )
