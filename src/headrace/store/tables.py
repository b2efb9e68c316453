"""A generation's tables as the snapshot reads them: the adapter behind ``snapshot.port``."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from itertools import starmap
from typing import Final

import asyncpg

from headrace.features import changes
from headrace.features.changes import Changes, HistoryState, ItemState, PairState
from headrace.features.projection import Rules
from headrace.snapshot.port import Reading, Standing, Tables
from headrace.store import generations
from headrace.store.generations import Generation
from headrace.store.pool import Connection, Database
from headrace.store.sql import Queries

ROWS_AT_ONCE: Final = 20_000


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
        async for rows in self._rows("snapshot_items"):
            yield list(starmap(ItemState, rows))

    async def pairs(self) -> AsyncIterator[list[PairState]]:
        """Yield all pairs, some thousands at a time."""
        async for rows in self._rows("snapshot_pairs"):
            yield list(starmap(PairState, rows))

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
        async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
            rows = await connection.fetch(self._queries["partitions"])
            yield PostgresReading(connection, self._queries, _standing(rows))

    async def standing(self) -> Standing:
        """Return where the tables stand now."""
        async with self._database.connection() as connection:
            return _standing(await connection.fetch(self._queries["partitions"]))

    async def changes(self, since: Mapping[int, int], *, limit: int) -> list[tuple[int, int, Changes]]:
        """Return the changelog from these numbers on."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["changes"], list(since), list(since.values()), limit)
        return [(row["partition"], row["number"], changes.decode(row["payload"])) for row in rows]

    async def histories(self, users: Collection[str]) -> list[HistoryState]:
        """Return the stored histories of these users."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["histories"], list(users))
        return [HistoryState(row["user_id"], row["applied"], row["entries"]) for row in rows]


class PostgresGenerations:
    """Tells the live generation of a space."""

    def __init__(self, database: Database, *, space: str) -> None:
        self._database = database
        self._space = space

    async def live(self) -> Tables | None:
        """Return the live generation's tables; None before there is one."""
        generation = await generations.live(self._database, self._space)
        return None if generation is None else PostgresTables(self._database, generation, space=self._space)


def _standing(rows: list[asyncpg.Record]) -> Standing:
    return Standing({row["partition"]: row["changes"] for row in rows}, max((row["newest_ts_ms"] for row in rows), default=0))
