"""The log on Kafka: see ``log.port`` for what it promises.

A user's partition is our own hash, handed to the client with each record. Ids are told from what this process has sent and
from what was applied: of two processes that take the same event at the same moment both may say ``OK``, and it counts once.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import Final

from headrace import telemetry
from headrace.errors import Poison, Unavailable
from headrace.log.apart import apart
from headrace.log.kafka import options
from headrace.log.kafka.outlet import KafkaOutlet
from headrace.log.kafka.reading import Reader
from headrace.log.kafka.sending import Letter, Sender
from headrace.log.kafka.topics import Place, Topics
from headrace.log.memory import Memory, judged
from headrace.log.port import LARGEST_READ_BYTES, TOPICS, Misplaced, NewRecord, StoredRecord, Topic, Verdict, partition_of
from headrace.log.settings import KafkaSettings, LogSettings

READ_S: Final = 15.0
"""How long a first look at a position may take before Kafka counts as away."""

MOST_READERS: Final = 3
"""Readers of one partition at different positions, as two generations are, each keep a consumer."""

IN_USE_S: Final = 5.0


class KafkaLog:
    """The log kept in three topics of a Kafka cluster."""

    def __init__(self, settings: LogSettings, kafka: KafkaSettings, memory: Memory, *, group_id: str) -> None:
        if settings.kafka_bootstrap is None:
            raise ValueError("no brokers are named: KAFKA_BOOTSTRAP is unset")
        self._settings = settings
        self._memory = memory
        self._replication = kafka.replication
        bootstrap = settings.kafka_bootstrap
        self._sender = Sender(
            options.producing(bootstrap, kafka),
            patience_s=kafka.append_ms / 1000,
            queue_records=settings.queue_records,
        )
        self._topics = Topics(options.common(bootstrap, kafka))
        self._reading = options.reading(bootstrap, kafka, group_id)
        self._readers: list[Reader] = []
        self._flying: dict[bytes, tuple[bytes, asyncio.Future[None]]] = {}
        self._identity: str | None = None

    async def open(self) -> None:
        """Find the topics or make them; until then every call raises ``Unavailable``. Idempotent.

        Raises ``PartitionsDiffer`` where a topic has another number of partitions than the settings say, and ``Unavailable``.
        """
        if self._identity is None:
            names = [self._settings.names[topic] for topic in TOPICS]
            identity = await self._topics.prepare(
                [*names, self._settings.topic_dlq],
                partitions=self._settings.partitions,
                same=names,
                replication=self._replication,
                retention_hours=self._settings.retention_hours,
            )
            self._sender.start()
            self._identity = identity

    @property
    def identity(self) -> str:
        """Return the cluster and the topics' own ids: a topic that was made anew is another log."""
        if self._identity is None:
            raise Unavailable("kafka", "it is not opened yet")
        return self._identity

    @property
    def partitions(self) -> int:
        """Return how many partitions every topic has."""
        return self._settings.partitions

    @property
    def outlet(self) -> KafkaOutlet:
        """Return the way of dead letters to their topic."""
        return KafkaOutlet(self._sender, self._settings.topic_dlq)

    def name(self, topic: Topic) -> str:
        """Return what a topic is called."""
        return self._settings.names[topic]

    async def append(self, records: Sequence[NewRecord], *, atomic: bool) -> list[Verdict]:
        """Send what is new and return when all replicas in sync have it; see ``log.port``."""
        self._check_open()
        if not records:
            return []
        applied = await self._memory.known(records)
        awaited: set[asyncio.Future[None]] = set()

        def payload_of(record: NewRecord) -> bytes | None:
            flying = self._flying.get(record.id_hash)
            if flying is not None:
                awaited.add(flying[1])
                return flying[0]
            return self._memory.lately(record.id_hash) or applied.get(record.id_hash)

        verdicts, fresh = judged(records, payload_of)
        if fresh and not (atomic and Verdict.CONFLICT in verdicts):
            awaited.add(self._send(fresh))
        for one in awaited:
            # What another call has sent must have arrived before ours may be called a duplicate of it.
            await asyncio.shield(one)
        return verdicts

    async def append_each(self, records: Sequence[NewRecord]) -> list[Verdict | Poison]:
        """Append records that have nothing to do with each other; see ``log.port``."""
        return await apart(partial(self.append, atomic=False), records)

    async def carry(self, records: Sequence[StoredRecord]) -> None:
        """Append records that another log took before, whatever is known of their ids; each at least once.

        Raises ``Unavailable``: some may have arrived, and all may be sent again.
        """
        self._check_open()
        if records:
            letters = [(self.name(one.topic), *self._addressed(one.key or ""), one.value) for one in records]
            await self._sender.send(letters).done

    async def read(self, partition: int, positions: Mapping[Topic, int], *, limit: int) -> list[StoredRecord]:
        """Return the next records of every given topic, topic by topic; see ``log.port``."""
        self._check_open()
        places = {(self.name(topic), partition): position for topic, position in positions.items()}
        reader = self._reader(places)
        with reader.using(places):
            cold = {
                place: position
                for place, position in places.items()
                if not reader.holds(place, position) or reader.doubtful(place, position)
            }
            if cold:
                try:
                    async with asyncio.timeout(READ_S):
                        await self._look(reader, cold, limit)
                except TimeoutError as error:
                    raise Unavailable("kafka", f"nothing was read within {READ_S:g} s") from error
            else:
                await asyncio.sleep(0)  # whoever reads from memory alone, again and again, must not keep the others waiting
            share = LARGEST_READ_BYTES // max(1, len(places))
            return [record for place, position in places.items() for record in reader.take(place, position, limit, share)]

    async def has_news(self, positions: Mapping[int, Mapping[Topic, int]]) -> set[int]:
        """Return the partitions with records in memory, and those that nobody reads from there yet."""
        self._check_open()
        news = set()
        for partition, at in positions.items():
            places = {(self.name(topic), partition): position for topic, position in at.items()}
            reader = self._holder(places)
            if reader is None or any(reader.has_news(place, position) for place, position in places.items()):
                news.add(partition)
        return news

    async def ends(self) -> dict[tuple[Topic, int], int]:
        """Return the position behind the last record of every topic and partition, without those of open transactions."""
        self._check_open()
        return self._by_topic(await self._topics.ends(self._places()))

    async def begins(self) -> dict[tuple[Topic, int], int]:
        """Return the oldest position still kept of every topic and partition."""
        self._check_open()
        return self._by_topic(await self._topics.begins(self._places()))

    async def close(self) -> None:
        """Wait for what was sent, within the patience of an append, and let go of the client."""
        await self._sender.close()
        readers, self._readers = self._readers, []
        await asyncio.gather(*(reader.close() for reader in readers))

    def _check_open(self) -> None:
        if self._identity is None:
            raise Unavailable("kafka", "it is not opened yet")

    def _send(self, records: Sequence[NewRecord]) -> "asyncio.Future[None]":
        letters: list[Letter] = [(self.name(one.topic), *self._addressed(one.key), one.value) for one in records]
        began = perf_counter()
        done = self._sender.send(letters).done
        for record in records:
            self._flying[record.id_hash] = (record.payload_hash, done)

        def landed(done: "asyncio.Future[None]") -> None:
            for record in records:
                self._flying.pop(record.id_hash, None)
            if not done.cancelled() and done.exception() is None:
                telemetry.LOG_APPEND_MS.observe((perf_counter() - began) * 1000)
                self._memory.note(records)

        done.add_done_callback(landed)
        return done

    def _addressed(self, key: str) -> tuple[int, bytes]:
        try:
            return partition_of(key, self.partitions), key.encode()
        except UnicodeEncodeError as error:
            raise Poison("refused_by_store", f"the key is no text: {error}") from error

    def _holder(self, places: Mapping[Place, int]) -> Reader | None:
        for reader in self._readers:
            reader.check()
            if all(reader.holds(place, position) for place, position in places.items()):
                return reader
        return None

    def _reader(self, places: Mapping[Place, int]) -> Reader:
        """Return a reader that goes on from these positions, or one whose places here nobody else is using."""
        if (holder := self._holder(places)) is not None:
            return holder
        now = time.monotonic()

        def used(reader: Reader) -> float:
            return max((reader.asked(place) or 0.0 for place in places), default=0.0)

        least = min(self._readers, key=used, default=None)
        if least is not None and (now - used(least) > IN_USE_S or len(self._readers) >= MOST_READERS):
            return least
        names = {name: topic for topic, name in self._settings.names.items()}
        reader = Reader(self._reading, names, reports=not self._readers)
        self._readers.append(reader)
        return reader

    async def _look(self, reader: Reader, cold: Mapping[Place, int], limit: int) -> None:
        """Read places anew from the broker until each has its limit or all that there is."""
        ends, begins = await asyncio.gather(self._topics.ends(cold), self._topics.begins(cold))
        for place, position in cold.items():
            if position > ends[place]:
                raise Misplaced(
                    f"{place[0]}[{place[1]}] ends at {ends[place]} and the stream stands at {position}: the topic was made anew"
                    " or lost its tail; `headrace stream switch` begins with it from its start"
                )
        for place, position in cold.items():
            reader.seek(place, position, max(position, begins[place]))
        for place, position in cold.items():
            while not reader.filled(place, position, limit, ends[place]):
                await reader.wait()
            if (broken := reader.broken(place)) is not None:
                raise Unavailable("kafka", f"{place[0]}[{place[1]}]: {broken}")

    def _places(self) -> list[Place]:
        return [(self.name(topic), partition) for topic in TOPICS for partition in range(self.partitions)]

    def _by_topic(self, found: Mapping[Place, int]) -> dict[tuple[Topic, int], int]:
        topics = {name: topic for topic, name in self._settings.names.items()}
        return {(topics[name], partition): offset for (name, partition), offset in found.items()}


async def delete_topics(settings: LogSettings, kafka: KafkaSettings) -> list[str]:
    """Delete the topics of these settings with all their records, for good; return those that were there.

    Raises ``Unavailable``; what was deleted by then stays deleted, and doing it again finishes.
    """
    if settings.kafka_bootstrap is None:
        return []
    topics = Topics(options.common(settings.kafka_bootstrap, kafka))
    return await topics.delete([*settings.names.values(), settings.topic_dlq])
