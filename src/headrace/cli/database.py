"""The database of a command that runs by itself: the one that is given, or the embedded one for as long as it is needed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace
from typing import TypeVar

from headrace import telemetry
from headrace.config import Settings
from headrace.embedded.postgres import EmbeddedPostgres

Part = TypeVar("Part")
T = TypeVar("T")


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """Yield the settings with ``database.url`` filled in.

    Without a ``DATABASE_URL`` this is the embedded Postgres of ``settings.home``: the running one is joined, otherwise it is
    started. Whoever leaves last stops it. Blocks for a second at most, longer after a crash. Raises ``EmbeddedPostgresError``.
    """
    if settings.database.url is not None:
        yield settings
        return
    with EmbeddedPostgres(settings.home) as url:
        yield replace(settings, database=replace(settings.database, url=url))


def over_database(
    settings: Settings,
    opened: Callable[[Settings], AbstractAsyncContextManager[Part]],
    work: Callable[[Part], Awaitable[T]],
) -> T:
    """Return what the work finds in a part of the product that is opened over the database, on a loop of its own."""
    telemetry.configure(settings.telemetry)

    async def run(connected: Settings) -> T:
        async with opened(connected) as part:
            return await work(part)

    with database(settings) as connected:
        return asyncio.run(run(connected))
