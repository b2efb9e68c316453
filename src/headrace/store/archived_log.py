"""The archive of a generation, read as the log it came from: what a replay goes through.

Records are encoded anew by the codec and come in the very order in which they were applied, so the same code decodes,
projects and applies them. Duplicates and dead letters are not in the archive, so offsets have gaps here that mean nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headrace.events import codec
from headrace.log.port import OUTWARD, TOPICS, StoredRecord, Topic
from headrace.store.archive import event_of
from headrace.store.generations import Generation
from headrace.store.pool import Connection, Database
from headrace.store.sql import Queries

STRETCH: Final = {
    Topic.INTERACTION: "archived_interactions",
    Topic.WATCH: "archived_watches",
    Topic.IMPRESSION: "archived_impressions",
}
NEXT: Final = {Topic.INTERACTION: "next_interactions", Topic.WATCH: "next_watches", Topic.IMPRESSION: "next_impressions"}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where positions stand in the source's applied order; and where the source stood, if it had applied no more than that."""

    positions: Mapping[Topic, int]
    applied: int
    behind: Mapping[Topic, int] | None


class ArchivedLog:
    """What the source of a generation has archived; see ``stream.ledger.Archive``."""

    def __init__(self, database: Database, generation: Generation, *, space: str, names: Mapping[Topic, str] = OUTWARD) -> None:
        self._database = database
        self._queries = Queries("headrace.store", space=space, generation=generation.number, source=generation.source)
        self._names = names
        self._places: dict[int, _Place] = {}

    def name(self, topic: Topic) -> str:
        """Return what a topic is called outwardly."""
        return self._names[topic]

    async def read(self, partition: int, positions: Mapping[Topic, int], *, limit: int) -> list[StoredRecord]:
        """Return at most ``limit`` archived records from these positions on, in the order they were applied."""
        async with self._database.connection() as connection:
            # What the source has committed by now changes no more, so the statements need no snapshot in common.
            source = await connection.fetchrow(self._queries["standing_of_source"], partition)
            if source is None:
                raise LookupError(f"the source has no partition {partition}")
            end: int = source["applied"]
            at = await self._applied(connection, partition, positions, end)
            records: list[StoredRecord] = []
            while not records and at < end:
                until = min(at + limit, end)
                records = await self._stretch(connection, partition, at, until)
                at = until
        reached = dict(positions)
        reached.update((record.topic, record.offset + 1) for record in records)
        behind = dict(zip(TOPICS, source["positions"], strict=False)) if at >= end else None
        self._places[partition] = _Place(reached, at, behind)
        return records

    def behind(self, partition: int, positions: Mapping[Topic, int]) -> Mapping[Topic, int] | None:
        """Return where the source stood when it had applied exactly what lies below these positions; see the protocol."""
        place = self._places.get(partition)
        return place.behind if place is not None and place.positions == positions else None

    async def _stretch(self, connection: Connection, partition: int, start: int, until: int) -> list[StoredRecord]:
        found: list[tuple[int, StoredRecord]] = []
        for topic, query in STRETCH.items():
            for row in await connection.fetch(self._queries[query], partition, start, until):
                event = event_of(topic, row)
                value = codec.encode(event)
                record = StoredRecord(topic, partition, row["offset"], event.user_id, value, event.server_received_ts_ms)
                found.append((row["applied"], record))
        return [record for _, record in sorted(found)]

    async def _applied(self, connection: Connection, partition: int, positions: Mapping[Topic, int], end: int) -> int:
        """Return the source's applied number of the first record at or behind these positions.

        Remembered from the last read; after a restart found by bisection, because offsets and applied numbers ascend together.
        """
        known = self._places.get(partition)
        if known is not None and known.positions == positions:
            return known.applied
        first = end
        for topic, query in NEXT.items():
            low, high = 0, first
            while low < high:
                middle = (low + high) // 2
                row = await connection.fetchrow(self._queries[query], partition, middle)
                if row is not None and row["applied"] < high and row["offset"] < positions[topic]:
                    low = row["applied"] + 1
                else:
                    high = middle
                    if row is not None and row["offset"] >= positions[topic]:
                        first = min(first, row["applied"])
        return first
