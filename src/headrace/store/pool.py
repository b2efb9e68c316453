"""Connections to Postgres: one pool a process, lent out for the length of one statement or transaction."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal

import asyncpg

from headrace.store.errors import told_apart
from headrace.store.settings import DatabaseSettings

STATEMENT_TIMEOUT_S: Final = 60
CONNECT_TIMEOUT_S: Final = 5

Connection = asyncpg.pool.PoolConnectionProxy


def _in_one_line(record: logging.LogRecord) -> bool:
    """Leave the traceback out of what the driver's pool says while Postgres is away: whoever asks it is told in our words."""
    record.exc_info = record.exc_text = None
    return True


DRIVERS_POOL: Final = logging.getLogger("asyncpg.pool")
DRIVERS_POOL.addFilter(_in_one_line)


class Database:
    """A pool that connects when first used, so that a process may start before its Postgres does."""

    def __init__(self, settings: DatabaseSettings) -> None:
        if settings.url is None:
            raise ValueError("no database is named: DATABASE_URL is unset and no embedded Postgres was started")
        self._url = settings.url
        self._largest = max(1, settings.pool_max)
        self._fewest = min(settings.pool_min, self._largest)
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    @property
    def url(self) -> str:
        """Return the address this pool connects to."""
        return self._url

    def share(self) -> "Database":
        """Return what one of several spaces gets of this pool: no more than half of it at a time."""
        return Share(self, max(1, self._largest // 2))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; every driver error inside becomes ``Unavailable``, ``Poison`` or stays a bug."""
        with told_apart():
            async with (await self._opened()).acquire(timeout=STATEMENT_TIMEOUT_S) as connection:
                try:
                    yield connection
                except (asyncpg.InternalClientError, asyncpg.InterfaceError, asyncio.CancelledError, TimeoutError):
                    # The driver has lost count of what this connection is doing, or the server may hang: tidying up
                    # would wait for it.
                    _let_go(connection)
                    raise

    @asynccontextmanager
    async def transaction(
        self, *, isolation: Literal["read_committed", "repeatable_read"] = "read_committed", readonly: bool = False
    ) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction that commits when the block ends, and rolls back when it raises."""
        async with self.connection() as connection:
            running = connection.transaction(isolation=isolation, readonly=readonly)
            await running.start()
            try:
                yield connection
            except (asyncio.CancelledError, TimeoutError):
                _let_go(connection)  # rolls back without asking a server that may hang
                raise
            except BaseException:
                await running.rollback()
                raise
            await running.commit()

    async def close(self) -> None:
        """Close all connections within a few seconds. Idempotent."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with told_apart():
                pool.terminate()

    async def _opened(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=self._fewest,
                    max_size=self._largest,
                    timeout=CONNECT_TIMEOUT_S,
                    command_timeout=STATEMENT_TIMEOUT_S,
                    reset=_as_it_is,
                    server_settings={"application_name": "headrace", "idle_in_transaction_session_timeout": "60000"},
                )
        return self._pool


class Share(Database):
    """A pool's connections as one space sees them: at most so many at a time, so that one which hangs leaves some to others."""

    def __init__(self, whole: Database, most: int) -> None:
        self._whole = whole
        self._turns = asyncio.Semaphore(most)

    @property
    def url(self) -> str:
        """Return the address the pool connects to."""
        return self._whole.url

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection of the pool."""
        with told_apart():
            async with asyncio.timeout(STATEMENT_TIMEOUT_S):
                await self._turns.acquire()
        try:
            async with self._whole.connection() as connection:
                yield connection
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Do nothing: the pool is closed by whoever opened it."""


async def _as_it_is(_connection: object) -> None:
    """Give a connection back without a word to the server: no session state outlives a loan, and asking is a round trip."""


def _let_go(connection: Connection) -> None:
    with suppress(asyncpg.InterfaceError):  # it has let go of it already
        connection.terminate()
