"""Sends records and tells when the brokers have them: one producer, one thread that polls it, one wake-up a round."""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from contextvars import copy_context
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from headrace import telemetry
from headrace.errors import Poison, Unavailable
from headrace.log.kafka.options import LARGEST_RECORD, Options
from headrace.log.kafka.saying import on_error

POLL_S: Final = 0.05
SWEEP_S: Final = 0.1
OVERHEAD: Final = 100
"""Bytes of a batch beside a record's own."""

Letter = tuple[str, int, bytes | None, bytes]
"""Topic, partition (-1: by a hash of the key), key and value."""


class Delivery:
    """Records on their way: ``done`` is settled when all are delivered or one is not."""

    __slots__ = ("done", "error", "left", "records", "since")

    def __init__(self, records: int, since: float, done: "asyncio.Future[None]") -> None:
        self.records = records
        self.left = records
        self.since = since
        self.done = done
        self.error: KafkaError | None = None


class Sender:
    """A producer whose deliveries are told to one event loop."""

    def __init__(self, options: Options, *, patience_s: float, queue_records: int) -> None:
        self._options = options
        self._patience_s = patience_s
        self._bound = queue_records
        self._records = 0
        self._flying: deque[Delivery] = deque()
        self._ended: list[Delivery] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._producer: Producer | None = None
        self._broken = False
        self._closing = False

    def start(self) -> None:
        """Start the producer and its thread on the running loop. Idempotent."""
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._producer = self._new_producer()
            # In our context, so that what it tells the loop is counted where we count.
            inside = copy_context().run
            self._thread = threading.Thread(target=inside, args=(self._poll,), name="kafka-sender", daemon=True)
            self._thread.start()
            self._loop.call_later(SWEEP_S, self._sweep)

    def send(self, letters: Sequence[Letter]) -> Delivery:
        """Hand letters over and return at once; the delivery's ``done`` raises ``Unavailable`` where one did not arrive.

        Raises ``Unavailable`` where as many wait as may, and ``Poison`` for a letter that no broker takes; then none is sent.
        """
        producer, loop = self._producer, self._loop
        if producer is None or loop is None or self._closing:
            raise Unavailable("kafka", "it is not opened")
        if self._records + len(letters) > self._bound and self._records:
            raise Unavailable("kafka", f"{self._records} events wait to be written, which is as many as may")
        for _, _, key, value in letters:
            if len(value) + len(key or b"") + OVERHEAD > LARGEST_RECORD:
                raise Poison("refused_by_store", f"a record of {len(value)} bytes is larger than a broker takes")
        delivery = Delivery(len(letters), loop.time(), loop.create_future())

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                delivery.error = error
            delivery.left -= 1
            if not delivery.left:
                self._ended.append(delivery)

        self._records += len(letters)
        telemetry.INTAKE_QUEUE.set(self._records)
        self._flying.append(delivery)
        sent = 0
        try:
            for topic, partition, key, value in letters:
                producer.produce(topic, value, key, partition, delivered)
                sent += 1
        except (BufferError, KafkaException) as error:
            # Those that were taken may arrive: the caller knows nothing of the outcome.
            self._settle_rest(delivery, len(letters) - sent)
            delivery.error = KafkaError(KafkaError._FAIL, str(error))  # noqa: SLF001 - the client names its codes so
        return delivery

    async def close(self) -> None:
        """Wait for what is on its way, then let go. Idempotent."""
        waiting = [delivery.done for delivery in self._flying if not delivery.done.done()]
        self._closing = True
        if waiting:
            await asyncio.wait(waiting, timeout=self._patience_s)
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.join)

    def _settle_rest(self, delivery: Delivery, unsent: int) -> None:
        delivery.left -= unsent
        if not delivery.left:
            self._ended.append(delivery)

    def _new_producer(self) -> Producer:
        return Producer({**self._options, "error_cb": self._on_error})

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._broken = True
        on_error(error)

    def _poll(self) -> None:
        """Serve the producer's reports, and wake the loop once for all that ended meanwhile."""
        while not (self._closing and self._thread is None):
            producer = self._producer
            if producer is None:
                return
            producer.poll(POLL_S)
            if self._broken:
                # The client will not send again what it has, in order; a new one starts afresh, and who waited is told.
                self._broken = False
                self._producer = self._new_producer()
                producer.purge()
                producer.flush(1)
            if self._ended:
                ended, self._ended = self._ended, []
                self._wake(ended)
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(1)
            self._producer = None

    def _wake(self, ended: list[Delivery]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, ended)

    def _settle(self, ended: list[Delivery]) -> None:
        for delivery in ended:
            self._records -= delivery.records
            if delivery.done.done():
                continue
            if delivery.error is None:
                delivery.done.set_result(None)
            else:
                delivery.done.set_exception(Unavailable("kafka", delivery.error.str()))
        telemetry.INTAKE_QUEUE.set(self._records)

    def _sweep(self) -> None:
        """Answer those who have waited for as long as we let anybody wait; their records may still arrive."""
        if self._loop is None or self._thread is None:
            return
        now = self._loop.time()
        while self._flying and (self._flying[0].done.done() or now - self._flying[0].since > self._patience_s):
            delivery = self._flying.popleft()
            if not delivery.done.done():
                delivery.done.set_exception(Unavailable("kafka", f"no acknowledgement within {self._patience_s:g} s"))
        self._loop.call_later(SWEEP_S, self._sweep)
