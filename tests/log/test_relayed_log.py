"""Kafka first, the Postgres log while it is away, and the relay: nothing refused, nothing lost, nothing counted twice."""

import asyncio
from collections import Counter
from contextlib import suppress
from unittest.mock import patch

from headrace import config, telemetry, wiring
from headrace.embedded.kafka import Broker
from headrace.errors import Unavailable
from headrace.log.port import Verdict
from headrace.log.relayed import RelayedLog
from headrace.store.bindings import LogDiffers
from headrace.store.pool import Database
from headrace.wiring.logs import carrier_of, relay
from headrace.wiring.switching import NotMoved, switch
from tests.log.promises import record
from tests.support.kafka import KafkaTestCase, discard, own_broker
from tests.support.loop import Loop, until
from tests.support.postgres import drop_database, fresh_database


class OnKafka(KafkaTestCase):
    """The loop in this process, its log on Kafka, on an empty database of its own."""

    async def asyncSetUp(self) -> None:
        """Make the database."""
        await super().asyncSetUp()
        self.url = await fresh_database(migrated=False)
        self.addAsyncCleanup(drop_database, self.url)

    def environment(self, broker: Broker) -> dict[str, str]:
        """Return settings on a broker, with a patience that a busy machine keeps."""
        return {"KAFKA_BOOTSTRAP": broker.bootstrap, "HEADRACE_KAFKA_APPEND_MS": "3000", "LOG_LEVEL": "ERROR", **self.topics}

    async def loop_on(self, broker: Broker, **more: str) -> Loop:
        """Return a loop whose relay runs."""
        loop = await self.enterAsyncContext(Loop(self.url, {**self.environment(broker), **more}))
        tending = asyncio.create_task(relay(loop.ground.carrier, telemetry.LOG_RELAYED))
        self.addCleanup(tending.cancel)
        return loop

    async def assert_counted(self, loop: Loop, events: int) -> None:
        """Assert that so many events count, each once, and that nothing waits."""
        async with wiring.verifying(loop.settings) as verifier:
            found = await verifier.verify(lambda *_: None)
        self.assertTrue(found.equal, [one for one in found.comparisons if one.different])
        self.assertEqual((found.events, found.waiting), (events, 0))


class KafkaComesAndGoes(OnKafka):
    """A broker of its own that is killed and stopped."""

    async def asyncSetUp(self) -> None:
        """Start it."""
        await super().asyncSetUp()
        self.own = own_broker()
        self.addCleanup(discard, self.own)
        await asyncio.to_thread(self.own.start)

    async def test_while_kafka_is_away_events_are_taken_and_count_once_afterwards(self) -> None:
        """Killed or stopped in its tracks: the first append waits for its deadline, the next ones not at all."""
        loop = await self.loop_on(self.own, HEADRACE_KAFKA_APPEND_MS="800")
        log = loop.ground.carrier.log
        assert isinstance(log, RelayedLog)
        loop.start_worker()
        early = loop.act("anna", "jam")
        await loop.send(early)
        sent = 1
        for leave, come in ((self.own.kill, self.own.start), (self.own.pause, self.own.resume)):
            await until(lambda: not loop.ground.carrier.away, "Kafka is there")
            await asyncio.to_thread(leave)
            self.assertEqual(await loop.send(loop.act("anna", "tea")), [Verdict.OK])
            self.assertTrue(loop.ground.carrier.away)
            again = loop.act("anna", "film")
            with patch.object(log._far, "append") as asked:
                verdicts = [await loop.send(*(loop.act("bob", f"item {n}") for n in range(20))), await loop.send(again)]
                self.assertEqual(Counter(one for each in verdicts for one in each), {Verdict.OK: 21})
                self.assertEqual(await loop.send(again, early), [Verdict.DUPLICATE] * 2)
            asked.assert_not_called()
            sent += 22
            await asyncio.to_thread(come)
            async with asyncio.timeout(60):
                while await loop.ground.carrier.waiting():  # noqa: ASYNC110 - other processes may carry
                    await asyncio.sleep(0.05)
            await loop.applied()
            await self.assert_counted(loop, sent)

    async def test_a_process_that_starts_without_kafka_takes_events_and_finds_it_later(self) -> None:
        """The group is known from before: answers and the door need no Kafka."""
        first = await self.loop_on(self.own)
        await first.send(first.act("anna", "jam"))
        await asyncio.to_thread(self.own.kill)
        settings = first.settings
        async with wiring.api_services(settings) as services:
            event = first.act("bob", "tea")

            async def taken() -> bool:
                try:
                    return await services.intake.accept([event]) == [Verdict.OK]
                except Unavailable:
                    return False

            await until(taken, "the Postgres log takes it")
            await until(lambda: "kafka" in services.readiness().missing, "it says that Kafka is missing")
            await asyncio.to_thread(self.own.start)
            async with asyncio.timeout(60):
                while await first.ground.carrier.waiting() or "kafka" in services.readiness().missing:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        first.start_worker()
        await first.applied()
        await self.assert_counted(first, 2)


class TheRelay(OnKafka):
    """Any number of processes may carry; a load that breaks is carried again."""

    async def test_several_processes_carry_everything_and_a_broken_load_is_repeated(self) -> None:
        """Records reach Kafka at least once, and every event counts once."""
        loops = [await self.enterAsyncContext(Loop(self.url, self.environment(self.broker))) for _ in range(3)]
        log = loops[0].ground.log
        assert isinstance(log, RelayedLog)
        with patch.object(log, "_away", "on purpose"):
            for n in range(30):
                await loops[0].send(*(loops[0].act(f"user {n} {m}", f"item {m}") for m in range(40)))
        self.assertEqual(await loops[0].ground.carrier.waiting(), 1200)
        carrier = loops[1].ground.carrier
        assert carrier.ferry is not None
        with self.assertRaises(Unavailable):
            async with carrier.ferry.load(100) as records:
                self.assertTrue(records)
                assert isinstance(carrier.log, RelayedLog)
                await carrier.log._far.carry(records)
                raise Unavailable("postgres", "the commit was never heard of")
        self.assertEqual(await carrier.waiting(), 1200)
        tending = [asyncio.create_task(relay(loop.ground.carrier, telemetry.LOG_RELAYED)) for loop in loops]
        try:

            async def carried() -> bool:
                return not await carrier.waiting()

            await until(carried, "all is carried")
        finally:
            for task in tending:
                task.cancel()
        self.assertGreater(sum((await log.ends()).values()), 1200)
        loops[0].start_worker()
        await loops[0].applied()
        await self.assert_counted(loops[0], 1200)

    async def test_only_where_neither_takes_it_an_event_is_refused(self) -> None:
        """And then with the reason of the one that stands in."""
        loop = await self.enterAsyncContext(Loop(self.url, self.environment(self.broker)))
        log = loop.ground.log
        assert isinstance(log, RelayedLog)
        refusing = patch.object(log._near, "append", side_effect=Unavailable("log", "no"))
        with patch.object(log, "_away", "on purpose"), refusing, self.assertRaises(Unavailable):
            await log.append([record()], atomic=True)

    async def test_a_relay_may_run_before_there_is_a_single_table(self) -> None:
        """A process may start before its database has been made; what waits is not known until then."""
        settings = config.read({"DATABASE_URL": self.url, **self.environment(self.broker)})
        database = Database(settings.database)
        self.addAsyncCleanup(database.close)
        carrier = carrier_of(settings, database, "headrace")
        self.addAsyncCleanup(carrier.log.close)
        with self.assertRaises(Unavailable):
            await carrier.waiting()
        with suppress(TimeoutError):
            await asyncio.wait_for(relay(carrier, telemetry.LOG_RELAYED), 0.5)


class AnotherLog(OnKafka):
    """Positions belong to one log."""

    async def test_a_group_moves_from_the_embedded_log_to_kafka_by_a_command(self) -> None:
        """Until then a process refuses; what was not applied before comes over, and nothing counts twice."""
        async with Loop(self.url) as before:
            await before.send(*(before.act("anna", f"item {n}") for n in range(10)))
            before.start_worker()
            await before.applied()
            await before.stop_worker()
            await before.send(*(before.act("anna", f"more {n}") for n in range(5)))
            with self.assertRaisesRegex(LogDiffers, "headrace stream switch"):
                await self.enterAsyncContext(Loop(self.url, self.environment(self.broker)))
            moved = await switch(settings_of(self.url, self.environment(self.broker)), drained=False)
            self.assertEqual((moved.generations, moved.before), (1, "postgres"))
        after = await self.loop_on(self.broker)
        after.start_worker()

        async def carried() -> bool:
            return not await after.ground.carrier.waiting()

        await until(carried, "what was left is carried")
        self.assertEqual(sum((await after.ground.log.ends()).values()), 5)
        await after.applied()
        await self.assert_counted(after, 15)
        await after.stop_worker()
        with self.assertRaisesRegex(NotMoved, "--drained"):
            await switch(settings_of(self.url, {}), drained=False)
        self.assertEqual((await switch(settings_of(self.url, {}), drained=True)).now, "postgres")
        async with Loop(self.url) as back:
            back.start_worker()
            await back.applied()
            async with wiring.verifying(back.settings) as verifier:
                found = await verifier.verify(lambda *_: None)
            self.assertEqual((found.equal, found.events, found.waiting), (True, 15, 0))


def settings_of(url: str, environment: dict[str, str]) -> config.Settings:
    """Return settings for a command."""
    return config.read({"DATABASE_URL": url, "LOG_LEVEL": "ERROR", **environment})
