"""The embedded log's adapter: see ``log.port`` for what it promises.

Offsets come from one counter row per topic and partition, locked in the inserting transaction: a record becomes readable only
after every lower one (a bigserial gives no such order). Ids are remembered in the same statement, so the door itself can tell
a duplicate or a conflict before it acknowledges.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import Final

import asyncpg
import msgspec

from headrace import telemetry
from headrace.errors import Poison, Unavailable
from headrace.events import codec
from headrace.log.apart import apart
from headrace.log.port import (
    LARGEST_READ_BYTES,
    OUTWARD,
    TOPIC_NUMBER,
    TOPICS,
    NewRecord,
    PartitionsDiffer,
    StoredRecord,
    Topic,
    Verdict,
    partition_of,
)
from headrace.log.postgres import retention
from headrace.log.postgres.grouping import Call, Grouping
from headrace.store.pool import Connection, Database
from headrace.store.sql import Queries

DOOR_TIMEOUT_S: Final = 8.0
"""How long a database that hangs may hold up those who send events before they are told to come back."""

LONGEST_LOOK_S: Final = 20.0

IDENTITY: Final = "postgres"
"""The log stands in the same database as the positions in it, and moves with them."""

LANES: Final = 2
"""Groups that are written at the same time: the processors have something to do while a commit goes to disk."""

TRIES: Final = 6
"""How often an append is tried where ids of it were taken before: once unseen, then with a look each time."""

LOCK: Final = 0x6C6F6700
"""The advisory lock ("log") under which the counter rows are made."""


class PostgresLog:
    """The log kept in Postgres tables of one space."""

    def __init__(
        self,
        database: Database,
        *,
        space: str,
        partitions: int,
        queue_records: int,
        names: Mapping[Topic, str] = OUTWARD,
        adopt: bool = False,
    ) -> None:
        self._database = database
        self._space = space
        self._queries = Queries("headrace.log.postgres", space=space)
        self._partitions = partitions
        self._names = names
        self._grouping = Grouping(self._write, queue_records=queue_records, lanes=LANES, lane_of=self._lane_of)
        self._adopt = adopt
        self._open = False
        self._look_first = False
        """Whether known ids came lately; if not, all of a group are taken for new, and the insert tells where they are not."""

    async def open(self) -> None:
        """Make the counter rows; until then every call raises ``Unavailable``.

        Raises ``PartitionsDiffer`` where the log was made with another number of partitions, and ``Unavailable``.
        """
        async with self._database.connection() as connection:
            if not await self._made(connection):
                async with connection.transaction():
                    # Two processes that ask for different numbers must not both find that there is no log yet.
                    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                    await self._made(connection)
                    await connection.execute(self._queries["make_heads"], len(TOPICS), self._partitions)
        # Before the first record: moving what has reached the table of the rest holds up the writers.
        await retention.make_days(self._database, space=self._space)
        self._open = True

    async def _made(self, connection: Connection) -> bool:
        made = await connection.fetchval(self._queries["partitions"])
        if made is not None and self._adopt:
            self._partitions = made  # it stands in for another log, whose partitions are not its own
        elif made is not None and made != self._partitions:
            raise PartitionsDiffer(
                f"the log has {made} partitions and HEADRACE_LOG_PARTITIONS asks for {self._partitions}; the number is fixed"
                f" once the log exists: set HEADRACE_LOG_PARTITIONS={made}"
            )
        return len(await connection.fetch(self._queries["ends"])) == len(TOPICS) * self._partitions

    @property
    def identity(self) -> str:
        """Return that this is the log of the database that the positions are kept in."""
        return IDENTITY

    @property
    def partitions(self) -> int:
        """Return how many partitions every topic has."""
        return self._partitions

    def name(self, topic: Topic) -> str:
        """Return what a topic is called outwardly."""
        return self._names[topic]

    async def append(self, records: Sequence[NewRecord], *, atomic: bool) -> list[Verdict]:
        """Append durably, grouped with whatever else is waiting; see ``log.port``."""
        if not records:
            return []
        self._check_open()
        return await self._grouping.append(records, atomic=atomic)

    async def append_each(self, records: Sequence[NewRecord]) -> list[Verdict | Poison]:
        """Append each in the group of its own lane, so that they go to disk at the same time; see ``log.port``.

        Of two with one id the first is first: such records stay together.
        """
        self._check_open()
        lanes: dict[int, list[int]] = {}
        alike = len({record.id_hash for record in records}) < len(records)
        for number, record in enumerate(records):
            lanes.setdefault(0 if alike else self._lane_of((record,)), []).append(number)
        parts = [[records[number] for number in numbers] for numbers in lanes.values()]
        begun = self._grouping.join(parts, atomic=False)
        append = partial(self._grouping.append, atomic=False)
        waits = (apart(append, part, begun=one) for part, one in zip(parts, begun, strict=True))
        found: dict[int, Verdict | Poison] = {}
        for numbers, outcomes in zip(lanes.values(), await asyncio.gather(*waits, return_exceptions=True), strict=True):
            if isinstance(outcomes, BaseException):
                raise outcomes
            found.update(zip(numbers, outcomes, strict=True))
        return [found[number] for number in range(len(records))]

    async def read(self, partition: int, positions: Mapping[Topic, int], *, limit: int) -> list[StoredRecord]:
        """Return the next records of every given topic, topic by topic; see ``log.port``."""
        self._check_open()
        topics = [TOPIC_NUMBER[topic] for topic in positions]
        share = LARGEST_READ_BYTES // max(1, len(positions))
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["read"], partition, topics, list(positions.values()), limit, share)
        return [
            StoredRecord(TOPICS[topic], partition, offset, key, value, timestamp_ms)
            for topic, offset, key, value, timestamp_ms in rows
        ]

    async def find(self, event_id: str, since: Mapping[tuple[Topic, int], int], *, at_ms: int | None) -> StoredRecord | None:
        """Return an event's record at or behind these positions, appended at ``at_ms`` where that is known.

        Looks through all that stands there: seconds for a million records. Raises ``Unavailable``.
        """
        self._check_open()
        topics = [TOPIC_NUMBER[topic] for topic, _ in since]
        partitions = [partition for _, partition in since]
        # As we write an id, and as those do who keep JSON to ASCII.
        written = (msgspec.json.encode(event_id), json.dumps(event_id).encode())
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                self._queries["find"], topics, partitions, list(since.values()), at_ms, *written, timeout=LONGEST_LOOK_S
            )
        for topic, partition, offset, key, value, timestamp_ms in rows:
            if codec.event_id_of(value) == event_id:
                return StoredRecord(TOPICS[topic], partition, offset, key, value, timestamp_ms)
        return None

    async def has_news(self, positions: Mapping[int, Mapping[Topic, int]]) -> set[int]:
        """Return the partitions whose log has grown beyond these positions."""
        if not positions:
            return set()
        ends = await self.ends()
        return {
            partition
            for partition, at in positions.items()
            if any(ends.get((topic, partition), 0) > position for topic, position in at.items())
        }

    async def ends(self) -> dict[tuple[Topic, int], int]:
        """Return the position behind the last record of every topic and partition."""
        self._check_open()
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["ends"])
        return {(TOPICS[row["topic"]], row["partition"]): row["next_offset"] for row in rows}

    async def begins(self) -> dict[tuple[Topic, int], int]:
        """Return the oldest position still kept of every topic and partition."""
        self._check_open()
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["begins"])
        return {(TOPICS[row["topic"]], row["partition"]): row["first"] for row in rows}

    async def close(self) -> None:
        """Write what waits."""
        await self._grouping.close()

    def _lane_of(self, records: Sequence[NewRecord]) -> int:
        """Return the lane of a call's first record: two lanes' small calls take their offsets from different counter rows."""
        return partition_of(records[0].key, self._partitions) % LANES

    def _check_open(self) -> None:
        if not self._open:
            raise Unavailable("log", "it is not opened yet")

    async def _write(self, calls: Sequence[Call]) -> None:
        started = perf_counter()
        for _ in range(TRIES):
            async with self._database.connection() as connection:
                known = await self._known(connection, calls) if self._look_first else {}
                self._look_first = bool(known)
                verdicts, fresh = _judge(calls, known)
                try:
                    if fresh:
                        await connection.execute(
                            self._queries["append"], *_columns(fresh, self._partitions), timeout=DOOR_TIMEOUT_S
                        )
                except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.CheckViolationError):
                    # An id was taken before, or another process made a day's table while our records were on their way to
                    # the table of the rest. Nothing of the group is stored: look, and try again.
                    self._look_first = True
                    await asyncio.sleep(0)
                    continue
                except asyncpg.DataError as error:
                    raise Poison("refused_by_store", str(error)) from error
            telemetry.LOG_APPEND_MS.observe((perf_counter() - started) * 1000)
            for call, verdict in zip(calls, verdicts, strict=True):
                if not call.done.done():
                    call.done.set_result(verdict)
            return
        raise Unavailable("log", "the same events are being written by several processes at once")

    async def _known(self, connection: Connection, calls: Sequence[Call]) -> dict[bytes, bytes]:
        """Return those ids of the group that were taken before, with what they were taken with."""
        ids = list({record.id_hash for call in calls for record in call.records})
        rows = await connection.fetch(self._queries["known_ids"], ids, timeout=DOOR_TIMEOUT_S)
        return {row["id"]: row["payload_hash"] for row in rows}


def _judge(calls: Sequence[Call], known: dict[bytes, bytes]) -> tuple[list[list[Verdict]], list[NewRecord]]:
    """Return each call's verdicts and the records to store; the first of two equal ids in a group wins."""
    verdicts: list[list[Verdict]] = []
    fresh: list[NewRecord] = []
    for call in calls:
        own: dict[bytes, bytes] = {}
        judged: list[Verdict] = []
        taken: list[NewRecord] = []
        for record in call.records:
            payload = known.get(record.id_hash) or own.get(record.id_hash)
            if payload is None:
                own[record.id_hash] = record.payload_hash
                taken.append(record)
                judged.append(Verdict.OK)
            else:
                judged.append(Verdict.DUPLICATE if payload == record.payload_hash else Verdict.CONFLICT)
        verdicts.append(judged)
        if not (call.atomic and Verdict.CONFLICT in judged):
            known.update(own)
            fresh.extend(taken)
    return verdicts, fresh


def _columns(records: Sequence[NewRecord], partitions: int) -> tuple[list[object], ...]:
    """Return the parameters of ``append``: the counters wanted, sorted, then the records column by column."""
    topics = [TOPIC_NUMBER[record.topic] for record in records]
    places = [partition_of(record.key, partitions) for record in records]
    counts: Counter[tuple[int, int]] = Counter()
    ranks: list[object] = []
    for key in zip(topics, places, strict=True):
        ranks.append(counts[key])
        counts[key] += 1
    wanted = sorted(counts.items())
    return (
        [topic for (topic, _), _ in wanted],
        [place for (_, place), _ in wanted],
        [count for _, count in wanted],
        list(topics),
        list(places),
        ranks,
        [record.key for record in records],
        [record.value for record in records],
        [record.timestamp_ms for record in records],
        [record.id_hash for record in records],
        [record.payload_hash for record in records],
        [record.kept for record in records],
    )
