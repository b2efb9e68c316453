"""A generation's tables as the snapshot reads them: the adapter behind ``snapshot.port``."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from itertools import starmap
from typing import Final
from uuid import uuid4

import asyncpg
import msgspec

from headrace.errors import Unavailable
from headrace.events import codec
from headrace.features import changes
from headrace.features.changes import CatalogueState, Changes, HistoryState, ItemState
from headrace.features.projection import Rules
from headrace.snapshot.port import Held, Pairs, Reading, Standing, Wanted
from headrace.store import generations
from headrace.store.columns import Blocks
from headrace.store.generations import Generation
from headrace.store.pool import Connection, Database
from headrace.store.sql import Queries

LONGEST_COPY_S: Final = 3600.0

ROWS_AT_ONCE: Final = 5_000
"""Rows taken in between two answers while a picture is loaded beside the one that answers."""


@contextmanager
def standing_tables() -> Iterator[None]:
    """Say of tables that were dropped under a reader that they are away: it will be told which ones to read."""
    try:
        yield
    except asyncpg.UndefinedTableError as error:
        raise Unavailable("generation", f"its tables were dropped ({error})") from error


class PostgresReading:
    """A REPEATABLE READ transaction: items, pairs and positions of one moment."""

    def __init__(self, connection: Connection, queries: Queries, standing: Standing) -> None:
        self._connection = connection
        self._queries = queries
        self._standing = standing

    @property
    def standing(self) -> Standing:
        """Return the numbers this read stands for."""
        return self._standing

    async def items(self) -> AsyncIterator[list[ItemState]]:
        """Yield all items, some thousands at a time."""
        async for rows in self._rows("loaded_items"):
            yield list(starmap(ItemState, rows))

    async def catalogue(self) -> AsyncIterator[list[CatalogueState]]:
        """Yield the whole catalogue, some thousands at a time."""
        async for rows in self._rows("loaded_catalogue"):
            yield [
                CatalogueState(row["item_id"], row["applied"], None if row["item"] is None else codec.decode_item(row["item"]))
                for row in rows
            ]

    async def pairs(self, take: Callable[[Pairs], Awaitable[None]]) -> None:
        """Hand on all pairs, some thousands at a time."""
        blocks = Blocks(take)
        query = self._queries["loaded_pairs"]
        await self._connection.copy_from_query(query, output=blocks, format="binary", timeout=LONGEST_COPY_S)
        await blocks.finish()

    async def _rows(self, name: str) -> AsyncIterator[list[asyncpg.Record]]:
        cursor = await self._connection.cursor(self._queries[name])
        while rows := await cursor.fetch(ROWS_AT_ONCE):
            yield rows


class PostgresTables:
    """One generation's tables."""

    def __init__(self, database: Database, generation: Generation, *, space: str) -> None:
        self._database = database
        self._generation = generation
        self._queries = Queries("headrace.store", space=space, generation=generation.number)

    @property
    def generation(self) -> int:
        """Return the generation's number."""
        return self._generation.number

    @property
    def rules(self) -> Rules:
        """Return how the generation counts."""
        return self._generation.rules

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        """Open a consistent read."""
        with standing_tables():
            async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
                rows = await connection.fetch(self._queries["partitions"])
                yield PostgresReading(connection, self._queries, _standing(rows))

    async def standing(self) -> Standing:
        """Return where the tables stand now."""
        with standing_tables():
            async with self._database.connection() as connection:
                return _standing(await connection.fetch(self._queries["partitions"]))

    async def changes(self, since: Mapping[int, int], *, limit: int) -> list[tuple[int, int, Changes]]:
        """Return the changelog from these numbers on."""
        with standing_tables():
            async with self._database.connection() as connection:
                rows = await connection.fetch(self._queries["changes"], list(since), list(since.values()), limit)
        return [(row["partition"], row["number"], changes.decode(row["payload"])) for row in rows]

    async def histories(self, users: Collection[str]) -> list[HistoryState]:
        """Return the stored histories of these users."""
        with standing_tables():
            async with self._database.connection() as connection:
                rows = await connection.fetch(self._queries["histories"], list(users))
        return [HistoryState(row["user_id"], row["applied"], row["entries"]) for row in rows]

    async def sessions(self, most: int) -> list[tuple[str, str]]:
        """Return whose acts named which session lately, an equal number of acts of each partition."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["recent_sessions"], most)
        return [(row["session_id"], row["user_id"]) for row in rows]


class PostgresGenerations:
    """Tells a replica which generations of a space to hold, and everybody else what the replica holds."""

    def __init__(self, database: Database, *, space: str, replica_id: str | None = None) -> None:
        self._database = database
        self._space = space
        self._queries = Queries("headrace.store", space=space)
        self._replica_id = replica_id or uuid4().hex
        self._told: tuple[int | None, dict[int, int]] = (None, {})

    async def look(self, held: Held) -> Wanted:
        """Report what is held, return what is to be held: one statement."""
        version = msgspec.json.encode({str(partition): number for partition, number in held.version.items()}).decode()
        told = (held.generation, dict(held.version))
        moved_ago_s = None if told == self._told or held.generation is None else held.moved_ago_s
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                self._queries["report_replica"], self._replica_id, held.generation, held.candidate, held.as_of_ms, version,
                moved_ago_s, [held.version.get(partition, 0) for partition in range(max(held.version, default=-1) + 1)],
            )  # fmt: skip
        self._told = told
        tables = {row["live"]: PostgresTables(self._database, generations.of_row(row), space=self._space) for row in rows}
        return Wanted(tables.get(True), tables.get(False))

    async def leave(self) -> None:
        """Say goodbye."""
        async with self._database.connection() as connection:
            await connection.execute(self._queries["replica_leaves"], self._replica_id)


def _standing(rows: list[asyncpg.Record]) -> Standing:
    return Standing({row["partition"]: row["changes"] for row in rows}, max((row["newest_ts_ms"] for row in rows), default=0))
