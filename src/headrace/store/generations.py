"""Generations: each a set of tables of its own, with its own positions and its own way of counting.

A group has one to begin with. More are built beside it by a replay; its *main* one is the live one if that is the group's,
else the latest that is not being built.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import asyncpg
import msgspec

from headrace.features.projection import Rules
from headrace.features.settings import FeatureSettings
from headrace.log.port import TOPICS, Topic
from headrace.store.migrations import is_migrated, migrate_generation
from headrace.store.pool import Connection, Database
from headrace.store.sql import Queries, generation_schema

LOCK: Final = 0x67656E65
"""The advisory lock ("gene") under which a generation is made."""

State = Literal["building", "followed", "dropping", "dropped"]
Beginning = Literal["log", "archive"]


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation of features: its number, the worker group it belongs to, and how it counts.

    ``source`` is the generation it was made from or beside; it is being built until it has caught up.
    """

    number: int
    group_id: str
    rules: Rules
    partitions: int
    state: State = "followed"
    began_with: Beginning = "log"
    source: int | None = None


async def of_group(
    database: Database,
    space: str,
    group_id: str,
    settings: FeatureSettings,
    *,
    now_ms: int,
    partitions: int,
    start: Mapping[tuple[Topic, int], int],
) -> Generation:
    """Return the group's main generation; where it has none, make one that starts at ``start`` and counts by ``settings``.

    The first of a space becomes the one that answers are made from. Brings the tables of all generations up to date.
    Raises ``Unavailable``.
    """
    queries = Queries("headrace.store", space=space)
    async with database.connection() as connection:
        made = await connection.fetchrow(queries["generation_of_group"], group_id)
        if made is not None and await _complete(connection, space, made["number"], made["partitions"]):
            await _migrate_all(connection, space, queries)
            return of_row(made)  # the common case takes no lock, so that no sleeping process can hold up another's start
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        try:
            row = await connection.fetchrow(queries["generation_of_group"], group_id)
            if row is None:
                row = await _list(connection, queries, group_id, settings, now_ms, partitions)
            generation = of_row(row)
            await migrate_generation(connection, space, generation.number)
            own = Queries("headrace.store", space=space, generation=generation.number)
            async with connection.transaction():
                # One that is there is not inserted again: that would wait for whatever batch is running on it.
                there = {row["partition"] for row in await connection.fetch(own["partition_numbers"])}
                for partition in sorted(set(range(generation.partitions)) - there):
                    await connection.execute(own["new_partition"], partition, _starting(start, partition))
                await connection.execute(queries["first_becomes_live"], generation.number)
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)
    return generation


async def build(
    database: Database,
    space: str,
    source: Generation,
    settings: FeatureSettings,
    *,
    now_ms: int,
    start: Mapping[tuple[Topic, int], int] | None,
) -> Generation | None:
    """Make a generation beside ``source`` that counts by ``settings``; None where the group has one being built already.

    It starts in the log at ``start``, or where that is None from the archive of ``source``. It is there whole or not at all.
    Raises ``Unavailable``.
    """
    queries = Queries("headrace.store", space=space)
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        rows = await connection.fetch(queries["generations"])
        if any(row["group_id"] == source.group_id and row["state"] == "building" for row in rows):
            return None
        beginning: Beginning = "archive" if start is None else "log"
        row = await _list(
            connection, queries, source.group_id, settings, now_ms, source.partitions, "building", beginning, source.number
        )
        generation = of_row(row)
        await migrate_generation(connection, space, generation.number)
        own = Queries("headrace.store", space=space, generation=generation.number, source=source.number)
        if start is None:
            await connection.execute(own["partitions_from_archive"])
        else:
            for partition in range(generation.partitions):
                await connection.execute(own["new_partition"], partition, _starting(start, partition))
    return generation


async def bring_up_to_date(database: Database, space: str) -> None:
    """Bring the tables of all generations up to date; makes none. Raises ``Unavailable``."""
    async with database.connection() as connection:
        await _migrate_all(connection, space, Queries("headrace.store", space=space))


async def find(database: Database, space: str, group_id: str) -> Generation | None:
    """Return the group's main generation; None where it has none. Raises ``Unavailable``."""
    async with database.connection() as connection:
        row = await connection.fetchrow(Queries("headrace.store", space=space)["generation_of_group"], group_id)
    return None if row is None else of_row(row)


async def numbered(database: Database, space: str, number: int) -> Generation | None:
    """Return a generation by its number, dropped ones included; None where there never was one. Raises ``Unavailable``."""
    async with database.connection() as connection:
        row = await connection.fetchrow(Queries("headrace.store", space=space)["generation"], number)
    return None if row is None else of_row(row)


async def standing(database: Database, space: str) -> list[Generation]:
    """Return all generations that have tables or are losing them, in the order they were made. Raises ``Unavailable``."""
    async with database.connection() as connection:
        rows = await connection.fetch(Queries("headrace.store", space=space)["generations"])
    return [of_row(row) for row in rows]


async def live(database: Database, space: str) -> Generation | None:
    """Return the generation that answers are made from; None before the first is made. Raises ``Unavailable``."""
    async with database.connection() as connection:
        row = await connection.fetchrow(Queries("headrace.store", space=space)["live_generation"])
    return None if row is None else of_row(row)


async def caught_up(database: Database, space: str, number: int) -> None:
    """Note that a generation is no longer being built. Idempotent. Raises ``Unavailable``."""
    async with database.connection() as connection:
        await connection.execute(Queries("headrace.store", space=space)["caught_up"], number)


def of_row(row: asyncpg.Record) -> Generation:
    """Return the generation that a row of the table ``generations`` tells of."""
    settings = msgspec.json.decode(row["settings"], type=FeatureSettings)
    rules = Rules(settings, row["landmark_ms"])
    return Generation(row["number"], row["group_id"], rules, row["partitions"], row["state"], row["began_with"], row["source"])


async def _list(
    connection: Connection,
    queries: Queries,
    group_id: str,
    settings: FeatureSettings,
    now_ms: int,
    partitions: int,
    state: State = "followed",
    beginning: Beginning = "log",
    source: int | None = None,
) -> asyncpg.Record:
    stored = msgspec.json.encode(settings).decode()
    row = await connection.fetchrow(queries["new_generation"], group_id, now_ms, stored, partitions, state, beginning, source)
    if row is None:
        raise LookupError(f"the generation of {group_id!r} vanished while it was made")
    return row


async def _complete(connection: Connection, space: str, number: int, partitions: int) -> bool:
    if not await is_migrated(connection, "generation", generation_schema(space, number)):
        return False
    own = Queries("headrace.store", space=space, generation=number)
    return len(await connection.fetch(own["partition_numbers"])) == partitions


async def _migrate_all(connection: Connection, space: str, queries: Queries) -> None:
    for row in await connection.fetch(queries["generations"]):
        if row["state"] != "dropping":
            await migrate_generation(connection, space, row["number"])


def _starting(start: Mapping[tuple[Topic, int], int], partition: int) -> list[int]:
    return [start.get((topic, partition), 0) for topic in TOPICS]
