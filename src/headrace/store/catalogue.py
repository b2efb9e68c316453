"""The catalogue as a page of it is read: from the tables of the live generation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from headrace.errors import Unavailable
from headrace.events import codec
from headrace.events.items import Item
from headrace.store import generations
from headrace.store.pool import Database
from headrace.store.sql import Queries

PAGE: Final = 1000


class PostgresCatalogue:
    """Reads the catalogue of one space. Every method raises ``Unavailable``."""

    def __init__(self, database: Database, *, space: str) -> None:
        self._database = database
        self._space = space

    async def item(self, item_id: str) -> Item | None:
        """Return an item; None of one that is not there."""
        queries = await self._queries()
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries["catalogue_items"], [item_id])
        return codec.decode_item(rows[0]["item"]) if rows and rows[0]["item"] is not None else None

    async def page(self, after: str, limit: int) -> list[tuple[str, Item]]:
        """Return at most ``limit`` items behind this id, in the order of their ids' bytes."""
        queries = await self._queries()
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries["listed_catalogue"], after, limit)
        return [(row["item_id"], codec.decode_item(row["item"])) for row in rows]

    @asynccontextmanager
    async def whole(self) -> AsyncIterator[tuple[int, AsyncIterator[list[tuple[str, Item]]]]]:
        """Open the catalogue of one moment: how many items there are, and all of them in the order of their ids' bytes."""
        queries = await self._queries()
        async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
            size = await connection.fetchval(queries["size_of_catalogue"])

            async def pages() -> AsyncIterator[list[tuple[str, Item]]]:
                after = ""
                while rows := await connection.fetch(queries["listed_catalogue"], after, PAGE):
                    yield [(row["item_id"], codec.decode_item(row["item"])) for row in rows]
                    after = rows[-1]["item_id"]

            yield size, pages()

    async def _queries(self) -> Queries:
        live = await generations.live(self._database, self._space)
        if live is None:
            raise Unavailable("catalogue", "no generation of features yet: no worker has started")
        return Queries("headrace.store", space=self._space, generation=live.number)
