"""Spaces as Postgres has them: each a schema, with one beside it for every generation."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from headrace.store.pool import Connection, Database
from headrace.store.sql import DEFAULT_SPACE, Queries

ALIVE_S: Final = 15.0
"""A process not heard of for so long is not at work any more."""

_GENERATION: Final = re.compile(r"(.+)_g([0-9]+)")


@dataclass(frozen=True, slots=True)
class Standing:
    """A space's schemas: its own, those of its generations, and the bytes of all."""

    schema: str
    generations: tuple[str, ...]
    size: int


async def standing(database: Database) -> dict[str, Standing]:
    """Return what stands in the database by the space's own schema, the default space's among them. Raises ``Unavailable``."""
    async with database.connection() as connection:
        rows = await connection.fetch(Queries("headrace.store")["schemas_of_spaces"], DEFAULT_SPACE)
    parts: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        name = row["name"]
        generation = _GENERATION.fullmatch(name)
        parts[generation[1] if generation else name][name] = int(row["size"])
    return {
        schema: Standing(schema, tuple(sorted(found.keys() - {schema})), sum(found.values())) for schema, found in parts.items()
    }


async def at_work(database: Database, schema: str) -> list[str]:
    """Return the processes heard of lately in this space, by the names they give themselves. Raises ``Unavailable``."""
    async with database.connection() as connection:
        return await _at_work(connection, schema)


async def drop(database: Database, space: Standing) -> list[str]:
    """Take a space's schemas away with all that is in them; return who is still at work there: then nothing is done.

    One that was broken off is finished by doing it again. Raises ``Unavailable``.
    """
    async with database.connection() as connection:
        if working := await _at_work(connection, space.schema):
            return working
    for schema in (*space.generations, space.schema):
        Queries("headrace.store", space=schema)  # raises where that is no plain identifier
        async with database.transaction() as connection:
            await connection.execute("SET LOCAL lock_timeout = '5s'; SET LOCAL client_min_messages = warning")
            await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    return []


async def _at_work(connection: Connection, schema: str) -> list[str]:
    for table in ("workers", "replicas"):
        if await connection.fetchval("SELECT to_regclass($1)", f"{schema}.{table}") is None:
            return []  # it never came to have the tables, or has lost them: nobody can work there
    return [row["name"] for row in await connection.fetch(Queries("headrace.store", space=schema)["at_work"], ALIVE_S)]
