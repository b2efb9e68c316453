"""A machine of random deeds on the real log and ledger, its end compared with a small oracle.

Users act, are shown lists and watch; clients send again, send otherwise; strangers write rubbish into the log; workers work
in small steps, crash before they commit, are replaced, and come back as zombies. At the end everything is applied: each event
counted once, the tables are what the oracle says and what a recomputation gives.
"""

import asyncio
import unittest
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import TypeVar

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from headrace.errors import Unavailable
from headrace.events import codec
from headrace.events.types import Action, Impression, Interaction, ShownItem, UserEvent, Watch
from headrace.features import history
from headrace.intake import TOPIC_OF
from headrace.log.port import NewRecord, Topic, Verdict
from headrace.store.ledger import PostgresLedger
from headrace.store.verification import Verifier
from headrace.stream.dead_letters import Brake
from headrace.stream.ledger import Fenced, Owned, Page
from headrace.stream.processor import Processor
from tests.machine.oracle import HISTORY, Oracle, meetings
from tests.support.loop import Loop
from tests.support.postgres import drop_database, fresh_database

T = TypeVar("T")

START = 1_760_000_000_000
MINUTE = 60_000
LIMIT = 3
RUBBISH = (b"", b"\xff\xfe", b"{", b"[]", b'{"v":2}', b'{"v":1,"event_id":""}', b"x" * 100_000)

USERS = st.sampled_from(["ann", "ben", "cat"])
ITEMS = st.sampled_from(["tent", "stove", "lamp"])
REQUESTS = st.sampled_from([None, "r1", "r2"])
PAUSES = st.sampled_from([1, 10, 29, 31, 45, 300])
ACTIONS: st.SearchStrategy[Action] = st.sampled_from(["view", "click", "purchase"])


class Crashing(PostgresLedger):
    """A ledger whose next transaction is lost just before it commits."""

    crash = False

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """Open a transaction that ends well, or as if the process or the connection had died."""
        async with super().page() as page:
            yield page
            if self.crash:
                self.crash = False
                raise Unavailable("postgres", "the connection was lost before the commit")


class Deeds(RuleBasedStateMachine):
    """Everything that may happen, one deed at a time."""

    @initialize()
    def open(self) -> None:
        """Have a database of this example's own, and a worker with all partitions."""
        self.runner = asyncio.Runner()
        self.oracle = Oracle()
        self.numbers = count(1)
        self.latest: dict[str, int] = {}
        self.zombies: list[tuple[Processor, Owned]] = []
        self.owned: dict[int, tuple[Processor, Owned]] = {}
        self.worker = 0
        self.url = self.do(fresh_database())
        self.loop = Loop(self.url, {"STREAM_FEATURE_HISTORY_SIZE": str(HISTORY), "KAFKA_WORKER_GROUP_ID": "machine"})
        self.do(self.loop.__aenter__())
        # The template's generation keeps the settings it was made with: a group of its own has ours.
        self.ledger = Crashing(self.loop.ground.database, self.loop.generation, space=self.loop.ground.space)
        self.take_over()

    def do(self, work: Awaitable[T]) -> T:
        """Run to the end."""

        async def whole() -> T:
            return await work

        return self.runner.run(whole())

    @rule(user=USERS, deeds=st.lists(st.tuples(ITEMS, ACTIONS, REQUESTS, PAUSES), min_size=1, max_size=4))
    def act(self, user: str, deeds: list[tuple[str, Action, str | None, int]]) -> None:
        """Let a user act on a few of their items, one after the other."""
        for item, action, request, pause in deeds:
            self.send_act(user, item, action, request, pause)

    @precondition(lambda self: self.latest)
    @rule(user=USERS, item=ITEMS, action=ACTIONS, request=REQUESTS, pause=st.sampled_from([-5, -100]))
    def hear_late(self, user: str, item: str, action: Action, request: str | None, pause: int) -> None:
        """Hear late of what a user did some time ago."""
        self.send_act(user, item, action, request, pause)

    @rule(user=USERS, item=ITEMS, seconds=st.sampled_from([1.0, 3600.0]), request=st.sampled_from(["r1", "r2"]), pause=PAUSES)
    def watch(self, user: str, item: str, seconds: float, request: str, pause: int) -> None:
        """Let a user watch one of their items, in the only session that has a name."""
        self.send(
            Watch(
                event_id=self.fresh_id(),
                user_id=user,
                session_id="s",
                request_id=request,
                ts_ms=self.time(user, pause),
                item_id=f"{user}-{item}",
                watch_time_sec=seconds,
            )
        )

    @rule(user=USERS, request=st.sampled_from(["r1", "r2"]), first=st.sampled_from([0, 1, 18, 19, 20]))
    def show(self, user: str, request: str, first: int) -> None:
        """Show a user two of their items."""
        items = [ShownItem(f"{user}-{item}", first + place) for place, item in enumerate(("tent", "stove"))]
        event = Impression(event_id=self.fresh_id(), user_id=user, session_id="s", request_id=request, ts_ms=START, items=items)
        self.send(event)

    @precondition(lambda self: self.oracle.events)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """Let a client repeat itself: a duplicate, and nothing changes."""
        event = self.one_of_the_events(data)
        assert self.do(self.loop.send(event)) == [Verdict.DUPLICATE]

    @precondition(lambda self: self.oracle.events)
    @rule(data=st.data())
    def send_otherwise(self, data: st.DataObject) -> None:
        """Let a client use an id again for something else: a conflict, and the first one stands."""
        event = self.one_of_the_events(data)
        assert self.do(self.loop.send(msgspec.structs.replace(event, ts_ms=event.ts_ms + 1))) == [Verdict.CONFLICT]

    @precondition(lambda self: self.oracle.events)
    @rule(data=st.data(), otherwise=st.booleans())
    def another_producer_repeats_an_event(self, data: st.DataObject, *, otherwise: bool) -> None:
        """Append a known event past the door, as it was or otherwise: only the worker can tell."""
        event = self.one_of_the_events(data)
        if otherwise:
            event = msgspec.structs.replace(event, ts_ms=event.ts_ms + 1)
            self.oracle.dead["id_conflict"] += 1
        self.append(TOPIC_OF[type(event)], event.user_id, codec.encode(event))

    @rule(user=USERS, topic=st.sampled_from(list(Topic)), value=st.sampled_from(RUBBISH))
    def write_rubbish(self, user: str, topic: Topic, value: bytes) -> None:
        """Append past the door what nobody can apply."""
        self.append(topic, user, value)
        self.oracle.dead["rubbish"] += 1

    @rule(partition=st.integers(0, 3), steps=st.integers(1, 3))
    def work(self, partition: int, steps: int) -> None:
        """Let the owner apply a batch or a few."""
        processor, owned = self.owned[partition]
        for _ in range(steps):
            self.do(processor.step(owned))

    @rule(partition=st.integers(0, 3))
    def lose_a_commit(self, partition: int) -> None:
        """Lose the connection before the commit: nothing moved, and the partition is looked at again."""
        processor, owned = self.owned[partition]
        self.ledger.crash = True
        try:
            passed = self.do(processor.step(owned))
        except Unavailable:
            fresh = self.do(self.ledger.reload(self.name(), partition))
            assert fresh is not None
            assert (fresh.positions, fresh.applied) == (owned.positions, owned.applied)
        else:
            assert passed == 0
        finally:
            self.ledger.crash = False

    @rule()
    def take_over(self) -> None:
        """End the worker without a goodbye; another one takes its partitions, each with a new epoch."""
        self.zombies += self.owned.values()
        self.worker += 1
        for owned in self.do(self._claim()):
            brake = Brake(run=100, ratio=0.5)
            processor = Processor(self.loop.ground.log, self.ledger, self.loop.ground.clock, brake, limit=LIMIT)
            self.owned[owned.partition] = (processor, owned)
        assert len(self.owned) == 4

    @precondition(lambda self: self.zombies)
    @rule(data=st.data())
    def a_zombie_goes_on(self, data: st.DataObject) -> None:
        """Wake a worker that was given up: it is fenced, or finds nothing to do."""
        processor, owned = data.draw(st.sampled_from(self.zombies))
        with suppress(Fenced):
            assert self.do(processor.step(owned)) == 0

    def teardown(self) -> None:
        """Apply the rest and compare."""
        if not hasattr(self, "runner"):
            return
        try:
            self.take_over()
            for processor, owned in self.owned.values():
                while self.do(processor.step(owned)):
                    pass
            self.do(self._compare())
        finally:
            self.do(self.loop.__aexit__(None, None, None))
            self.do(drop_database(self.url))
            self.runner.close()

    def send_act(self, user: str, item: str, action: Action, request: str | None, pause: int) -> None:
        """Send an interaction so many minutes after the user's latest."""
        self.send(
            Interaction(
                event_id=self.fresh_id(),
                user_id=user,
                item_id=f"{user}-{item}",
                event_type=action,
                ts_ms=self.time(user, pause),
                request_id=request,
            )
        )

    def send(self, event: UserEvent) -> None:
        """Send by the door, which must take it, and remember that it counts."""
        assert self.do(self.loop.send(event)) == [Verdict.OK]
        self.oracle.events[event.event_id] = event

    def append(self, topic: Topic, key: str, value: bytes) -> None:
        """Append past the door."""
        number = next(self.numbers).to_bytes(16, "big")
        assert self.do(self.loop.ground.log.append([NewRecord(topic, key, value, START, number, number)], atomic=True)) == [
            Verdict.OK
        ]

    def one_of_the_events(self, data: st.DataObject) -> UserEvent:
        """Draw an event that was sent."""
        return self.oracle.events[data.draw(st.sampled_from(sorted(self.oracle.events)))]

    def fresh_id(self) -> str:
        """Return a new event id."""
        return f"event-{next(self.numbers):06}"

    def time(self, user: str, pause: int) -> int:
        """Return a time so many minutes after (or before) the user's latest; no two of a user are equal."""
        ts_ms = self.latest.get(user, START) + pause * MINUTE
        taken = {event.ts_ms for event in self.oracle.events.values()}
        while ts_ms in taken:
            ts_ms += 1
        self.latest[user] = max(ts_ms, self.latest.get(user, 0))
        return ts_ms

    def name(self) -> str:
        """Return the living worker's name."""
        return f"worker-{self.worker}"

    async def _claim(self) -> list[Owned]:
        await self.loop.sql("UPDATE @gen.partitions SET lease_until = now() - interval '1 s'")
        return await self.ledger.claim(self.name(), 60_000, 4)

    async def _compare(self) -> None:
        database, generation = self.loop.ground.database, self.loop.generation
        found = await Verifier(database, generation, space=self.loop.ground.space).verify(lambda *_: None)
        assert found.equal, found
        async with database.connection() as connection:
            rows = {
                table: await connection.fetch(self.loop.placed(f"SELECT * FROM @gen.{table}"))
                for table in ("item_popularity", "co_visitation", "user_history", "outcome_hours", "dead_letters", "partitions")
            }
            applied = await connection.fetch(
                self.loop.placed("""
                SELECT event_id, partition, applied FROM @gen.interactions
                UNION ALL SELECT event_id, partition, applied FROM @gen.watches ORDER BY partition, applied""")
            )
            archived = await connection.fetch(
                self.loop.placed("""
                SELECT event_id FROM @gen.interactions UNION ALL SELECT event_id FROM @gen.watches
                UNION ALL SELECT event_id FROM @gen.impression_lists""")
            )
        assert Counter(row["event_id"] for row in archived) == Counter(list(self.oracle.events)), "every event counts once"
        assert {row["item_id"]: (row["events"], row["weight"]) for row in rows["item_popularity"]} == self.oracle.items()
        histories = {row["user_id"]: [entry.ts_ms for entry in history.decode(row["entries"])] for row in rows["user_history"]}
        assert histories == self.oracle.histories()
        sums = [sum(row[name] for row in rows["outcome_hours"]) for name in ("requests", "shown", "followed", "watches")]
        assert tuple(sums) == self.oracle.outcome()
        dead = Counter("id_conflict" if row["error_type"] == "id_conflict" else "rubbish" for row in rows["dead_letters"])
        assert dead == +self.oracle.dead
        met = {frozenset({row["low"], row["high"]}): row["meetings"] for row in rows["co_visitation"]}
        for user in {event.user_id for event in self.oracle.acts()}:
            in_applied_order = [self.oracle.events[row["event_id"]] for row in applied]
            own = [event for event in in_applied_order if not isinstance(event, Impression) and event.user_id == user]
            wanted = meetings(own)
            if wanted is not None:
                assert {pair: n for pair, n in met.items() if all(item.startswith(user) for item in pair)} == wanted
        ends = await self.loop.ground.log.ends()
        stands = {row["partition"]: row["positions"] for row in rows["partitions"]}
        for place, topic in enumerate(Topic):
            assert all(stands[partition][place] == ends[topic, partition] for partition in range(4))


class Machine(unittest.TestCase):
    """Random deeds, a certain end."""

    def test_whatever_happens_each_event_counts_once_and_the_tables_say_what_a_recomputation_says(self) -> None:
        """Twenty-five stories of at most twenty-five deeds each."""
        run_state_machine_as_test(
            Deeds,
            settings=settings(
                max_examples=25,
                stateful_step_count=25,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


if __name__ == "__main__":
    unittest.main()
