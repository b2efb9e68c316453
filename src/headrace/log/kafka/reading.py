"""Reads partitions from where it is told: one consumer, one thread that fetches ahead into bounded buffers.

The consumer joins no group and keeps no positions: those are the ledger's. What is read stays in its buffer until a later
position is asked for, so that a batch that failed is read again without the broker.
"""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from headrace.log.kafka.options import Options
from headrace.log.kafka.topics import Place
from headrace.log.port import StoredRecord, Topic

POLL_S: Final = 0.02
AT_ONCE: Final = 2_000
MOST_RECORDS: Final = 5_000
ENOUGH_RECORDS: Final = 1_000
MOST_BYTES: Final = 8 * 1024 * 1024
"""What one topic and partition may have waiting in memory; fetching pauses above, and goes on below ``ENOUGH_RECORDS``."""

FORGOTTEN_S: Final = 15.0
"""A partition that nobody has asked for in so long, and nobody waits for, is let go."""

REPORT_S: Final = 5.0


class Buffer:
    """What is known of one topic and partition between ``begin`` and ``next``: its records, and that there are no others."""

    __slots__ = ("asked", "begin", "broken", "hole_told", "next", "paused", "records", "size", "stale")

    def __init__(self, begin: int, start: int) -> None:
        self.begin = begin
        self.next = start
        self.records: deque[StoredRecord] = deque()
        self.size = 0
        self.asked = time.monotonic()
        self.stale = True
        self.paused = False
        self.broken: str | None = None
        self.hole_told: int | None = None


class Reader:
    """A consumer and its buffers. Its methods belong to the event loop; the thread takes a lock for each of its rounds."""

    def __init__(self, options: Options, names: dict[str, Topic], *, reports: bool) -> None:
        self._options = options
        self._names = names
        self._reports = reports
        self._buffers: dict[Place, Buffer] = {}
        self._used: Counter[Place] = Counter()
        self._assigned: set[Place] = set()
        self._lock = threading.Lock()
        self._closing = False
        self._failed: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-reader", daemon=True)
        self._thread.start()

    def asked(self, place: Place) -> float | None:
        """Return when a place was asked for last; None where it is not held."""
        buffer = self._buffers.get(place)
        return None if buffer is None else buffer.asked

    def holds(self, place: Place, position: int) -> bool:
        """Return whether the buffer goes on from this position: what it has from there on is all there is so far."""
        with self._lock:
            buffer = self._buffers.get(place)
            return buffer is not None and buffer.broken is None and buffer.begin <= position <= buffer.next

    @contextmanager
    def using(self, places: Collection[Place]) -> Iterator[None]:
        """Let go of none of these within the block, however long what is waited for takes to come."""
        once = tuple(places)
        with self._lock:
            self._used.update(once)
        try:
            yield
        finally:
            with self._lock:
                self._used.subtract(once)

    def seek(self, place: Place, position: int, start: int) -> None:
        """Read anew from ``start`` on; between ``position`` and there the log has nothing."""
        with self._lock:
            self._buffers[place] = Buffer(position, start)

    def filled(self, place: Place, position: int, enough: int, end: int) -> bool:
        """Return whether ``enough`` records from this position are here, or all before ``end``, or reading broke.

        Of a place in use, as ``take`` is.
        """
        with self._lock:
            buffer = self._buffers[place]
            if buffer.broken is not None or buffer.next >= end or _is_full(buffer):
                return True
            return len(buffer.records) >= enough and buffer.records[-1].offset >= position

    def broken(self, place: Place) -> str | None:
        """Return why a place cannot be read on."""
        with self._lock:
            buffer = self._buffers.get(place)
            return "nobody reads it" if buffer is None else buffer.broken

    def take(self, place: Place, position: int, limit: int, most_bytes: int) -> list[StoredRecord]:
        """Return the next records from a held position, at least one where there is one; those before it are let go of."""
        with self._lock:
            buffer = self._buffers[place]
            buffer.asked = time.monotonic()
            records = buffer.records
            while records and records[0].offset < position:
                buffer.size -= len(records.popleft().value)
            buffer.begin = position
            taken: list[StoredRecord] = []
            size = 0
            for record in islice(records, limit):
                size += len(record.value)
                if size > most_bytes and taken:
                    break
                taken.append(record)
            whole = not taken or taken[-1].offset - position + 1 == len(taken)
            buffer.hole_told = None if whole else position
            return taken

    def doubtful(self, place: Place, position: int) -> bool:
        """Return whether a hole was told from this position before: then the broker must say whether it is one."""
        with self._lock:
            buffer = self._buffers.get(place)
            return buffer is not None and buffer.hole_told == position

    def has_news(self, place: Place, position: int) -> bool:
        """Return whether a record at or behind a position waits, or may: where the place was let go of meanwhile."""
        with self._lock:
            buffer = self._buffers.get(place)
            if buffer is None:
                return True
            buffer.asked = time.monotonic()
            return bool(buffer.records) and buffer.records[-1].offset >= position

    async def wait(self) -> None:
        """Wait until something new was read."""
        self.check()
        self._news.clear()
        await self._news.wait()
        self.check()

    def check(self) -> None:
        """Raise what broke the thread: a bug of ours."""
        if self._failed is not None:
            raise self._failed

    async def close(self) -> None:
        """End the thread and let go of the consumer."""
        self._closing = True
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            consumer = Consumer(self._options)
            try:
                self._fetch(consumer)
            finally:
                consumer.close()
        except BaseException as error:  # noqa: BLE001 - a thread's error is raised by whoever reads next
            self._failed = error
            self._tell()

    def _fetch(self, consumer: Consumer) -> None:
        report_at = time.monotonic() + REPORT_S
        while not self._closing:
            self._obey(consumer)
            first = consumer.poll(POLL_S)
            if first is not None:
                self._keep([first, *consumer.consume(AT_ONCE, 0)])
                self._tell()
            if self._reports and time.monotonic() > report_at:
                self._report(consumer)
                report_at = time.monotonic() + REPORT_S

    def _tell(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)

    def _obey(self, consumer: Consumer) -> None:
        """Assign what is new, let go of what nobody asks for, and keep the buffers within their bounds."""
        now = time.monotonic()
        with self._lock:
            forgotten = [place for place, one in self._buffers.items() if now - one.asked > FORGOTTEN_S]
            for place in forgotten:
                if not self._used[place]:
                    del self._buffers[place]
            gone = self._assigned - self._buffers.keys()
            anew = {place: one.next for place, one in self._buffers.items() if one.stale}
            for place in anew:
                self._buffers[place].stale = False
            full = [place for place, one in self._buffers.items() if not one.paused and _is_full(one)]
            hungry = [place for place, one in self._buffers.items() if one.paused and len(one.records) < ENOUGH_RECORDS]
            for place in (*full, *hungry):
                self._buffers[place].paused = not self._buffers[place].paused
        if leaving := gone | (self._assigned & anew.keys()):
            consumer.incremental_unassign(_partitions(leaving))
        if anew:
            consumer.incremental_assign([TopicPartition(topic, number, at) for (topic, number), at in anew.items()])
            consumer.resume(_partitions(anew))  # a pause would outlive it
        self._assigned = (self._assigned - gone) | anew.keys()
        if pausing := set(full) - anew.keys():
            consumer.pause(_partitions(pausing))
        if going_on := set(hungry) & self._assigned:
            consumer.resume(_partitions(going_on))

    def _keep(self, messages: Iterable[Message]) -> None:
        with self._lock:
            for message in messages:
                name, partition, offset = message.topic(), message.partition(), message.offset()
                error = message.error()
                if name is None or partition is None or offset is None:
                    continue
                buffer = self._buffers.get((name, partition))
                if buffer is None or buffer.stale:
                    continue
                if error is not None:
                    _note(buffer, error, offset)
                elif offset >= buffer.next:
                    value = message.value() or b""
                    key = message.key()
                    text = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
                    buffer.records.append(
                        StoredRecord(self._names[name], partition, offset, text, value, max(0, message.timestamp()[1]))
                    )
                    buffer.size += len(value)
                    buffer.next = offset + 1

    def _report(self, consumer: Consumer) -> None:
        """Tell Kafka how far we are, for those who watch its lag; nothing of ours ever reads it."""
        with self._lock:
            places = [TopicPartition(topic, number, one.begin) for (topic, number), one in self._buffers.items()]
        if places:
            with suppress(KafkaException):
                consumer.commit(offsets=places, asynchronous=True)


def _note(buffer: Buffer, error: KafkaError, offset: int) -> None:
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names its codes so
        buffer.next = max(buffer.next, offset)
    else:
        buffer.broken = error.str()


def _is_full(buffer: Buffer) -> bool:
    return len(buffer.records) >= MOST_RECORDS or buffer.size >= MOST_BYTES


def _partitions(places: Iterable[Place]) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for topic, partition in places]
