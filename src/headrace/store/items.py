"""Items as somebody looks at them: found by id or title, and their acts hour by hour.

Hours are counted from the archives when somebody looks, a stretch at a time: whoever does not look pays nothing for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from headrace.store.pool import Database
from headrace.store.sql import Queries

LOCK: Final = 0x686F7572
"""The advisory lock ("hour") under which archives are counted, one process at a time."""

Found = tuple[str, str | None, int]
"""An item, what the catalogue calls it, how many events it has."""


@dataclass(frozen=True, slots=True)
class Span:
    """The acts of one span of hours, ``number`` spans after 1970."""

    number: int
    views: int
    clicks: int
    purchases: int
    watches: int


class PostgresItems:
    """Reads a generation of one space. Every method raises ``Unavailable``."""

    def __init__(self, database: Database, *, space: str, generation: int) -> None:
        self._database = database
        self._queries = Queries("headrace.store", space=space, generation=generation)
        self.generation = generation

    async def find(self, beginning: str, limit: int) -> list[Found]:
        """Return at most so many items whose id, or whose title in any case, begins like this, in the order of their ids."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["find_items"], beginning, beginning.lower(), limit)
        return [(row["item_id"], row["title"], row["events"]) for row in rows]

    async def titles(self, items: Sequence[str]) -> dict[str, str]:
        """Return what the catalogue calls those of these items that it has a title for."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["titles"], list(items))
        return {row["item_id"]: row["title"] for row in rows if row["title"] is not None}

    async def spans(self, item_id: str, first_hour: int, behind_hour: int, hours: int) -> list[Span]:
        """Return the acts as far as they are counted, in spans of so many hours; those without any are left out."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["item_hours"], item_id, first_hour, behind_hour, hours)
        return [Span(row["span"], row["views"], row["clicks"], row["purchases"], row["watches"]) for row in rows]

    async def left(self) -> tuple[int, int]:
        """Return how many records are not counted yet, and how many there are."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(self._queries["hours_left"])
        return (0, 0) if row is None else (row["remaining"], row["whole"])

    async def count(self, most: int) -> int:
        """Count at most so many records more; return how many, fewer where all are counted, 0 where somebody else counts.

        Count and positions commit together, so each record counts once whoever is interrupted.
        """
        left = most
        async with self._database.transaction() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
                return 0
            while left and (row := await connection.fetchrow(self._queries["hours_next"], left)) is not None:
                await connection.execute(self._queries["count_hours"], row["partition"], row["first"], row["behind"])
                await connection.execute(self._queries["hours_counted"], row["partition"], row["behind"])
                left -= row["behind"] - row["first"]
        return most - left
