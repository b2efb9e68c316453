"""Two generations side by side: the live one, and one that is built beside it."""

import asyncio
import random
from dataclasses import replace

import msgspec

from headrace.events.types import Context, Event, Impression, Served
from headrace.features.settings import FeatureSettings
from headrace.store import generations
from headrace.store.archived_log import ArchivedLog
from headrace.store.generations import Generation
from headrace.store.ledger import PostgresLedger
from headrace.store.sql import DEFAULT_SPACE
from headrace.store.verification import Verification, Verifier
from headrace.stream.dead_letters import Brake
from headrace.stream.ledger import Owned, Status
from headrace.stream.manner import Manner
from headrace.stream.ownership import Worker
from headrace.stream.processor import Processor
from tests.stream.world import LEASE_MS, T0, StreamTestCase, shown, view, wait_until, watch

FEATURES = ("item_popularity", "co_visitation", "user_history", "outcome_hours", "outcome_items", "follow_ups", "event_ids")


def traffic(seed: int, count: int, *, since_ms: int = T0) -> list[Event]:
    """Return a seeded mixture of all kinds of events of a few users, some late, some with everything an event can have."""
    chance = random.Random(seed)
    events: list[Event] = []
    for n in range(count):
        user, request = f"user {chance.randrange(12)}", f"r{chance.randrange(30)}"
        item, ts_ms = f"item {chance.randrange(15)}", since_ms + n * 1000 - chance.choice((0, 0, 0, 5000))
        name = f"{seed} {n}"
        kind = chance.randrange(4)
        if kind == 0:
            impression = shown([item, "jam", "tea"], user=user, request=request, ts_ms=ts_ms, event_id=name)
            events.append(_served(impression) if chance.random() < 0.5 else impression)
        elif kind == 1:
            events.append(watch(item, user=user, request=request, ts_ms=ts_ms, event_id=name, seconds=chance.uniform(0, 200)))
        else:
            events.append(view(item, user=user, request=request, ts_ms=ts_ms, event_id=name, action="click"))
    return events


def _served(impression: Impression) -> Impression:
    count = len(impression.items)
    served = Served(
        "default-1", {"0": 3, "1": 7, "10": 2}, ["trending"] * count, [0.1 * n for n in range(count)], [1.0] * count
    )
    return msgspec.structs.replace(impression, served=served, context=Context(device="phone", locale="de"))


class ReplayTestCase(StreamTestCase):
    """A live generation with a past, and the means to build another one from it."""

    async def built(self, *, window: int | None = None, archive: bool = True) -> Generation:
        """Make a generation beside the live one, by the same settings or with another window."""
        settings = self.generation.rules.settings
        if window is not None:
            settings = replace(settings, window=window)
        return await self.build(settings, archive=archive)

    async def build(self, settings: FeatureSettings, *, archive: bool = True) -> Generation:
        """Make a generation that counts like this."""
        start = None if archive else await self.log.begins()
        now_ms = self.generation.rules.landmark_ms
        made = await generations.build(
            self.ground.database, DEFAULT_SPACE, self.generation, settings, now_ms=now_ms, start=start
        )
        assert made is not None, "one is being built already"
        return made

    def ledger_of(self, generation: Generation) -> PostgresLedger:
        """Return the ledger of a generation."""
        return PostgresLedger(self.ground.database, generation, space=DEFAULT_SPACE)

    def archive_of(self, generation: Generation) -> ArchivedLog:
        """Return what the generation's source has archived, nothing remembered."""
        return ArchivedLog(self.ground.database, generation, space=DEFAULT_SPACE)

    async def claimed(self, generation: Generation, *, lease_ms: int = LEASE_MS) -> list[Owned]:
        """Take the partitions of a generation."""
        ledger = self.ledger_of(generation)
        await ledger.sign_of_life("replayer", lease_ms, Status())
        return await ledger.claim("replayer", lease_ms, 4)

    def processor_of(self, generation: Generation, *, limit: int, archive: ArchivedLog) -> Processor:
        """Return a processor that reads the source's archive."""
        manner = Manner(self.clock, generation=generation.number, main=False)
        brake = Brake(run=100, ratio=0.5)
        return Processor(archive, self.ledger_of(generation), self.clock, brake, limit=limit, manner=manner)

    def worker_of(self, generation: Generation, name: str = "replayer", **settings: int) -> Worker:
        """Return a worker on a generation, as a process would run it."""
        stream = replace(self.settings.stream, **{"lease_ms": 1000, "idle_poll_ms": 5, **settings})
        manner = Manner(self.clock, generation=generation.number, main=False, gentle=True)
        ledger, archive = self.ledger_of(generation), self.archive_of(generation)
        return Worker(name, self.log, ledger, self.clock, stream, dict, archive=archive, manner=manner)

    async def until_level(self, generation: Generation) -> None:
        """Wait until a generation has applied all that the log holds."""
        operations = self.ground.operations(generation)

        async def level() -> bool:
            ends = await self.log.ends()
            return all(
                not one.from_archive and all(at >= ends[topic, one.partition] for topic, at in one.positions.items())
                for one in await operations.partitions()
            )

        await wait_until(level, f"generation {generation.number} is level with the log", seconds=60)

    async def run_level(self, generation: Generation, **settings: int) -> None:
        """Run a worker on a generation until it is level with the log."""
        worker = self.worker_of(generation, **settings)
        running = asyncio.create_task(worker.run())
        try:
            await self.until_level(generation)
        finally:
            worker.stop()
            await running

    async def verified(self, generation: Generation) -> Verification:
        """Return a generation's proof, which must hold."""
        found = await Verifier(self.ground.database, generation, space=DEFAULT_SPACE).verify(lambda *_: None)
        self.assertTrue(found.equal, [one for one in found.comparisons if one.different])
        return found

    async def features(self, generation: Generation, table: str) -> list[tuple[object, ...]]:
        """Return a feature table whole, in order; histories without the numbers of the batch that wrote them."""
        columns = {"user_history": "user_id, entries::text", "event_ids": "id, payload_hash, partition, ts_ms, kept"}
        rows = await self.sql.fetch(
            f"SELECT {columns.get(table, '*')} FROM headrace_g{generation.number}.{table} ORDER BY 1, 2"
        )
        return [tuple(row) for row in rows]

    async def assert_same_features(self, one: Generation, other: Generation) -> None:
        """Assert that two generations have counted the same: whole numbers exactly, decayed sums to 1e-9."""
        for table in FEATURES:
            mine, theirs = await self.features(one, table), await self.features(other, table)
            self.assertEqual(len(mine), len(theirs), table)
            for left, right in zip(mine, theirs, strict=True):
                for a, b in zip(left, right, strict=True):
                    if isinstance(a, float) and isinstance(b, float):
                        self.assertAlmostEqual(a / b if b else 1 + a, 1, delta=1e-9, msg=table)
                    else:
                        self.assertEqual(a, b, table)
