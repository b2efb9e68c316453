"""The schema's history: numbered SQL files for a space and for a generation, applied in order, each once.

A migration runs in its own transaction under one advisory lock, with a lock timeout, so that it gives way to the running
service instead of holding it up. Files are never changed once released: a change is a new file.
"""

from importlib.resources import files
from typing import Final

from headrace.store.pool import Connection, Database
from headrace.store.sql import generation_schema, place

LOCK: Final = 0x68656164
"""The advisory lock ("head") that keeps two processes from migrating at once."""


async def migrate_space(database: Database, space: str) -> None:
    """Bring a space's schema up to date; does nothing where it is. Raises ``Unavailable``."""
    async with database.connection() as connection:
        await _migrate(connection, schema=space, scope="space", space=space, generation=None)


async def migrate_generation(connection: Connection, space: str, number: int) -> None:
    """Bring a generation's schema up to date; does nothing where it is. Raises what the driver raises."""
    await _migrate(connection, schema=generation_schema(space, number), scope="generation", space=space, generation=number)


async def is_migrated(connection: Connection, scope: str, schema: str) -> bool:
    """Return whether every migration of the scope was applied to this schema."""
    if await connection.fetchval("SELECT to_regclass($1)", f"{schema}.migrations") is None:
        return False
    return (await _done(connection, schema)).issuperset(name for name, _ in steps(scope))


def steps(scope: str) -> list[tuple[str, str]]:
    """Return (name, SQL) of every migration of ``space`` or ``generation``, in order."""
    folder = files(__package__).joinpath(scope)
    return sorted((file.name.removesuffix(".sql"), file.read_text()) for file in folder.iterdir() if file.name.endswith(".sql"))


async def _migrate(connection: Connection, *, schema: str, scope: str, space: str, generation: int | None) -> None:
    if await is_migrated(connection, scope, schema):
        return  # the common case takes no lock, so that no sleeping process can hold up another's start
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS {schema}.migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = await _done(connection, schema)
        for name, sql in steps(scope):
            if name not in done:
                await _apply(connection, schema, name, place(sql, space=space, generation=generation))
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)


async def _done(connection: Connection, schema: str) -> set[str]:
    return {row["name"] for row in await connection.fetch(f"SELECT name FROM {schema}.migrations")}


async def _apply(connection: Connection, schema: str, name: str, sql: str) -> None:
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '10s'; SET LOCAL client_min_messages = warning")
        await connection.execute(sql)
        await connection.execute(f"INSERT INTO {schema}.migrations (name) VALUES ($1)", name)
