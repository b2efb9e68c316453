"""A real log and ledger on a database of its own, and the few words that the stream's tests are told in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from itertools import count
from typing import Any, ClassVar, Literal

import asyncpg

from headrace import config
from headrace.clock import Clock, SystemClock
from headrace.errors import Unavailable
from headrace.events import codec
from headrace.events.items import Item, ItemChange
from headrace.events.types import (
    Event,
    EventId,
    Impression,
    Interaction,
    ItemId,
    RequestId,
    SessionId,
    ShownItem,
    UserId,
    Watch,
    key_of,
)
from headrace.intake import TOPIC_OF
from headrace.log.port import Log, NewRecord, Topic, Verdict, partition_of
from headrace.store.ledger import PostgresLedger
from headrace.store.sql import DEFAULT_SPACE, generation_schema
from headrace.store.verification import Verification, Verifier
from headrace.stream.dead_letters import Brake
from headrace.stream.ledger import Ledger, Owned, Status
from headrace.stream.manner import Manner
from headrace.stream.processor import Processor
from headrace.wiring.ground import grounded, prepare
from tests.support.postgres import PostgresTestCase

WAIT_S = 60.0
LEASE_MS = 60_000
T0 = 1_760_000_000_000
_numbers = count()


async def wait_until(condition: Callable[[], Awaitable[object]], what: str, *, seconds: float = WAIT_S) -> None:
    """Wait until a condition holds; fail with these words when it does not within a while."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - the condition is the database's
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s: {what}") from None


def user_of(partition: int, number: int = 0) -> str:
    """Return a user whose events go to this of four partitions."""
    found = (name for name in (f"user {n}" for n in count()) if partition_of(name, 4) == partition)
    for _ in range(number):
        next(found)
    return next(found)


def view(
    item: str = "jam",
    *,
    user: str = "anna",
    event_id: str | None = None,
    ts_ms: int = T0,
    action: Literal["view", "click", "purchase"] = "view",
    request: str | None = None,
) -> Interaction:
    """Return an interaction; without an id it is one of a kind."""
    return Interaction(
        event_id=EventId(event_id or f"event {next(_numbers)}"),
        user_id=UserId(user),
        item_id=ItemId(item),
        event_type=action,
        ts_ms=ts_ms,
        request_id=None if request is None else RequestId(request),
        server_received_ts_ms=ts_ms + 5,
    )


def watch(
    item: str = "film",
    *,
    user: str = "anna",
    event_id: str | None = None,
    ts_ms: int = T0,
    request: str = "r",
    seconds: float = 50,
) -> Watch:
    """Return a watch."""
    return Watch(
        event_id=EventId(event_id or f"event {next(_numbers)}"),
        user_id=UserId(user),
        session_id=SessionId("s"),
        request_id=RequestId(request),
        item_id=ItemId(item),
        ts_ms=ts_ms,
        watch_time_sec=seconds,
        server_received_ts_ms=ts_ms + 5,
    )


def shown(
    items: Sequence[str], *, user: str = "anna", event_id: str | None = None, ts_ms: int = T0, request: str = "r"
) -> Impression:
    """Return an impression of these items from the first place on."""
    return Impression(
        event_id=EventId(event_id or f"event {next(_numbers)}"),
        user_id=UserId(user),
        session_id=SessionId("s"),
        request_id=RequestId(request),
        ts_ms=ts_ms,
        items=[ShownItem(ItemId(item), place) for place, item in enumerate(items)],
        server_received_ts_ms=ts_ms + 5,
    )


def change(item: str, *, event_id: str | None = None, title: str = "new") -> ItemChange:
    """Return a change of the catalogue: this item is put whole."""
    return ItemChange(
        event_id=event_id or f"event {next(_numbers)}", item_id=item, put=Item(title=title), server_received_ts_ms=T0
    )


def raw(value: bytes, *, user: str = "anna", topic: Topic = Topic.INTERACTION) -> NewRecord:
    """Return a record that passes the log as another producer's would: its id is its own, whatever it holds."""
    identity = blake2b(f"raw {next(_numbers)}".encode(), digest_size=16).digest()
    return NewRecord(topic, user, value, T0, identity, identity)


def record(event: Event) -> NewRecord:
    """Return an event as another producer's record, so that the door does not notice an id it knows."""
    return raw(codec.encode(event), user=key_of(event), topic=TOPIC_OF[type(event)])


class StreamTestCase(PostgresTestCase):
    """A generation on a real Postgres; ``self.sql`` looks behind everybody's back."""

    environment: ClassVar[dict[str, str]] = {}
    clock: Clock = SystemClock()

    async def asyncSetUp(self) -> None:
        """Join the parts."""
        await super().asyncSetUp()
        self.settings = config.read({"DATABASE_URL": self.url, **self.environment})
        self.ground = await self.enterAsyncContext(grounded(self.settings, self.clock))
        self.generation = await prepare(self.ground)
        self.gen = generation_schema(DEFAULT_SPACE, self.generation.number)
        self.log = self.ground.log
        self.ledger = PostgresLedger(self.ground.database, self.generation, space=DEFAULT_SPACE)
        self.operations = self.ground.operations(self.generation)
        self.sql: asyncpg.Connection = await asyncpg.connect(self.url)
        self.addAsyncCleanup(self.sql.close)
        self._all: dict[int, tuple[Processor, Owned]] = {}

    async def send(self, *events: Event | NewRecord) -> None:
        """Append events and records to the log as they are, again where the log is away."""
        records = [event if isinstance(event, NewRecord) else record(event) for event in events]
        while True:
            try:
                verdicts = await self.log.append(records, atomic=True)
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                assert verdicts in ([Verdict.OK] * len(records), [Verdict.DUPLICATE] * len(records))
                return

    def processor(
        self,
        *,
        log: Log | None = None,
        ledger: Ledger | None = None,
        brake: Brake | None = None,
        limit: int = 500,
        manner: Manner | None = None,
    ) -> Processor:
        """Return a processor on the real parts, or on those given."""
        brake = brake or Brake(run=100, ratio=0.5)
        return Processor(log or self.log, ledger or self.ledger, self.clock, brake, limit=limit, manner=manner)

    async def claim(self, worker_id: str = "tester", most: int = 4, *, lease_ms: int = LEASE_MS) -> dict[int, Owned]:
        """Take free partitions in a worker's name."""
        await self.ledger.sign_of_life(worker_id, lease_ms, Status())
        return {owned.partition: owned for owned in await self.ledger.claim(worker_id, lease_ms, most)}

    async def drain(self, *, limit: int = 500, anew: bool = False) -> None:
        """Apply everything; ``anew`` as a worker that was just started does, with nothing in memory."""
        if anew and self._all:
            await self.ledger.leave("tester")
            self._all.clear()
        if not self._all:
            owned = await self.claim()
            assert len(owned) == 4, "somebody else has partitions"
            self._all = {partition: (self.processor(limit=limit), one) for partition, one in owned.items()}
        for processor, owned_one in self._all.values():
            while await processor.step(owned_one):
                pass

    async def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Return rows of a query in which ``@gen`` names the generation's schema."""
        return [tuple(row) for row in await self.sql.fetch(query.replace("@gen", self.gen), *arguments)]

    async def counted(self) -> dict[str, int]:
        """Return how many events each item has counted."""
        return {str(item): int(events) for item, events in await self.rows("SELECT item_id, events FROM @gen.item_popularity")}

    async def dead(self) -> list[tuple[Any, ...]]:
        """Return (error_type, topic, offset) of all dead letters."""
        return await self.rows("SELECT error_type, source_topic, source_offset FROM @gen.dead_letters ORDER BY 2, 3")

    async def positions(self) -> list[tuple[Any, ...]]:
        """Return (positions, applied, halted) of all partitions: what must not move when a batch fails."""
        return await self.rows("SELECT positions, applied, halted FROM @gen.partitions ORDER BY partition")

    async def applied(self) -> int:
        """Return how many records were passed."""
        return sum(one.applied for one in await self.operations.partitions())

    async def verify(self) -> Verification:
        """Return the comparison of all features with their recomputation."""
        return await Verifier(self.ground.database, self.generation, space=DEFAULT_SPACE).verify(
            lambda _what, _done, _all: None
        )

    async def assert_proven(self) -> None:
        """Assert that all features equal their recomputation and that all positions are explained."""
        found = await self.verify()
        self.assertTrue(found.equal, [one for one in found.comparisons if one.different])
