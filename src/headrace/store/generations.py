"""Generations: each a set of tables of its own, with its own positions and its own way of counting."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
import msgspec

from headrace.features.projection import Rules
from headrace.features.settings import FeatureSettings
from headrace.log.port import TOPICS, Topic
from headrace.store.migrations import is_migrated, migrate_generation
from headrace.store.pool import Connection, Database
from headrace.store.sql import Queries, generation_schema

LOCK = 0x67656E65
"""The advisory lock ("gene") under which a generation is made."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation of features: its number, the worker group it belongs to, and how it counts."""

    number: int
    group_id: str
    rules: Rules
    partitions: int


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
    """Return the group's generation; where it has none, make one that starts at ``start`` and counts by ``settings``.

    The first of a space becomes the one that answers are made from. Raises ``Unavailable``.
    """
    queries = Queries("headrace.store", space=space)
    async with database.connection() as connection:
        made = await connection.fetchrow(queries["generation_of_group"], group_id)
        if made is not None and await _complete(connection, space, made["number"], made["partitions"]):
            return _generation(made)  # the common case takes no lock, so that no sleeping process can hold up another's start
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        try:
            row = await connection.fetchrow(queries["generation_of_group"], group_id)
            if row is None:
                stored = msgspec.json.encode(settings).decode()
                row = await connection.fetchrow(queries["new_generation"], group_id, now_ms, stored, partitions)
            if row is None:
                raise LookupError(f"the generation of {group_id!r} vanished while it was made")
            generation = _generation(row)
            await migrate_generation(connection, space, generation.number)
            own = Queries("headrace.store", space=space, generation=generation.number)
            async with connection.transaction():
                # One that is there is not inserted again: that would wait for whatever batch is running on it.
                there = {row["partition"] for row in await connection.fetch(own["partition_numbers"])}
                for partition in sorted(set(range(generation.partitions)) - there):
                    positions = [start.get((topic, partition), 0) for topic in TOPICS]
                    await connection.execute(own["new_partition"], partition, positions)
                await connection.execute(queries["first_becomes_live"], generation.number)
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)
    return generation


async def _complete(connection: Connection, space: str, number: int, partitions: int) -> bool:
    if not await is_migrated(connection, "generation", generation_schema(space, number)):
        return False
    own = Queries("headrace.store", space=space, generation=number)
    return len(await connection.fetch(own["partition_numbers"])) == partitions


async def find(database: Database, space: str, group_id: str) -> Generation | None:
    """Return the group's generation; None where it has none. Raises ``Unavailable``."""
    async with database.connection() as connection:
        row = await connection.fetchrow(Queries("headrace.store", space=space)["generation_of_group"], group_id)
    return None if row is None else _generation(row)


async def live(database: Database, space: str) -> Generation | None:
    """Return the generation that answers are made from; None before the first is made. Raises ``Unavailable``."""
    async with database.connection() as connection:
        row = await connection.fetchrow(Queries("headrace.store", space=space)["live_generation"])
    return None if row is None else _generation(row)


def _generation(row: asyncpg.Record) -> Generation:
    settings = msgspec.json.decode(row["settings"], type=FeatureSettings)
    return Generation(row["number"], row["group_id"], Rules(settings, row["landmark_ms"]), row["partitions"])
