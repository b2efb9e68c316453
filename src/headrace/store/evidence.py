"""The tables as explanations read them: what memory does not keep of users and of pairs."""

from collections.abc import Collection

from headrace.features.changes import HistoryState, PairState
from headrace.store.pool import Database
from headrace.store.sql import Queries
from headrace.store.tables import standing_tables


class PostgresEvidence:
    """Reads the generations of one space. Every method raises ``Unavailable``, also where a generation was dropped."""

    def __init__(self, database: Database, *, space: str) -> None:
        self._database = database
        self._space = space
        self._read: tuple[int, Queries] | None = None

    async def histories(self, generation: int, users: Collection[str]) -> list[HistoryState]:
        """Return the stored histories of these users; one without is left out."""
        query = self._queries(generation)["histories"]
        with standing_tables():
            async with self._database.connection() as connection:
                rows = await connection.fetch(query, list(users))
        return [HistoryState(row["user_id"], row["applied"], row["entries"]) for row in rows]

    async def pairs(self, generation: int, item_id: str, others: Collection[str]) -> list[PairState]:
        """Return how an item stands to these others; one that it never met is left out."""
        query = self._queries(generation)["pairs_of_item"]
        with standing_tables():
            async with self._database.connection() as connection:
                rows = await connection.fetch(query, item_id, list(others))
        return [PairState(*row) for row in rows]

    def _queries(self, generation: int) -> Queries:
        if self._read is None or self._read[0] != generation:
            self._read = generation, Queries("headrace.store", space=self._space, generation=generation)
        return self._read[1]
