"""How far the records of the embedded log were carried over to another one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from headrace.log.port import TOPICS, StoredRecord, Topic
from headrace.store.pool import Database
from headrace.store.sql import Queries


class PostgresFerry:
    """Loads what waits, a partition at a time; several processes never load the same one at once."""

    def __init__(self, database: Database, *, space: str) -> None:
        self._database = database
        self._queries = Queries("headrace.log.postgres", space=space)

    async def open(self) -> None:
        """Have a row for every topic and partition. Raises ``Unavailable``."""
        async with self._database.connection() as connection:
            await connection.execute(self._queries["make_relay_positions"])

    @asynccontextmanager
    async def load(self, limit: int) -> AsyncIterator[Sequence[StoredRecord]]:
        """Hold the next records of a partition under its row's lock; move its position when the block ends well."""
        async with self._database.transaction() as connection:
            place = await connection.fetchrow(self._queries["next_to_relay"])
            if place is None:
                yield []
                return
            topic, partition = place["topic"], place["partition"]
            rows = await connection.fetch(self._queries["records_to_relay"], topic, partition, place["position"], limit)
            records = [
                StoredRecord(TOPICS[topic], partition, row["offset"], row["key"], row["value"], row["timestamp_ms"])
                for row in rows
            ]
            yield records
            # Where nothing is left of what the counter has numbered, retention has taken it.
            position = records[-1].offset + 1 if records else place["next_offset"]
            await connection.execute(self._queries["move_relay"], topic, partition, position)

    async def waiting(self) -> int:
        """Return how many records are still to be carried. Raises ``Unavailable``."""
        async with self._database.connection() as connection:
            return int(await connection.fetchval(self._queries["waiting_for_relay"]))

    async def carried(self) -> dict[tuple[Topic, int], int]:
        """Return the position below which everything was carried. Raises ``Unavailable``."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["relayed"])
        return {(TOPICS[row["topic"]], row["partition"]): row["position"] for row in rows}
