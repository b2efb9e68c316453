"""The archive of a generation, read as the log it came from: what a replay goes through.

Records are encoded anew by the codec and come in the very order in which they were applied, so the same code decodes,
projects and applies them. Their offsets are the source's applied numbers: those of the log begin anew when a group moves to
another log, and these never do. Duplicates and dead letters are not in the archive; their numbers are passed over.
"""

from collections.abc import Mapping
from typing import Final

from headrace.events import codec
from headrace.events.types import key_of
from headrace.log.port import OUTWARD, TOPICS, StoredRecord, Topic
from headrace.store.archive import event_of
from headrace.store.generations import Generation
from headrace.store.pool import Connection, Database
from headrace.store.sql import Queries

STRETCH: Final = {
    Topic.INTERACTION: "archived_interactions",
    Topic.WATCH: "archived_watches",
    Topic.IMPRESSION: "archived_impressions",
    Topic.CATALOGUE: "archived_changes",
}


class ArchivedLog:
    """What the source of a generation has archived; see ``stream.ledger.Archive``."""

    def __init__(self, database: Database, generation: Generation, *, space: str, names: Mapping[Topic, str] = OUTWARD) -> None:
        self._database = database
        self._queries = Queries("headrace.store", space=space, generation=generation.number, source=generation.source)
        self._names = names
        self._ends: dict[int, tuple[Mapping[Topic, int], Mapping[Topic, int]]] = {}
        """By partition, where the last read ended that came to the end, and where the source stood then."""

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
            at = max(positions.values())
            records: list[StoredRecord] = []
            while not records and at < end:
                until = min(at + limit, end)
                records = await self._stretch(connection, partition, at, until)
                at = until
        self._ends.pop(partition, None)
        if at >= end:
            reached = {**positions, **{record.topic: record.offset + 1 for record in records}}
            self._ends[partition] = reached, dict(zip(TOPICS, source["positions"], strict=False))
        return records

    def behind(self, partition: int, positions: Mapping[Topic, int]) -> Mapping[Topic, int] | None:
        """Return where the source stood when it had applied exactly what lies below these positions; see the protocol."""
        reached, stood = self._ends.get(partition, (None, None))
        return stood if reached == positions else None

    async def _stretch(self, connection: Connection, partition: int, start: int, until: int) -> list[StoredRecord]:
        found = []
        for topic, query in STRETCH.items():
            for row in await connection.fetch(self._queries[query], partition, start, until):
                event = event_of(topic, row)
                found.append(
                    StoredRecord(
                        topic, partition, row["applied"], key_of(event), codec.encode(event), event.server_received_ts_ms,
                        logged_at=row["offset"],
                    )
                )  # fmt: skip
        return sorted(found, key=lambda record: record.offset)
