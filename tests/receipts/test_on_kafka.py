"""Receipts where the log is on Kafka: carried there directly or by the relay, looked for where they wait."""

import asyncio
from unittest.mock import patch

from headrace.errors import Unavailable
from headrace.events import codec
from headrace.events.types import Event
from headrace.log import finding
from headrace.log.port import Topic, partition_of
from headrace.log.relayed import RelayedLog
from headrace.stream.receipts import Receipt, Status
from headrace.wiring.receipts import Receipts
from tests.log.test_relayed_log import OnKafka
from tests.support.kafka import discard, own_broker
from tests.support.loop import Loop, until


class ReceiptsCase(OnKafka):
    """A loop whose relay runs; its worker is started by the test."""

    async def receipt(self, loop: Loop, event: Event) -> Receipt:
        """Return the receipt of an event of which something is known."""
        found = await Receipts(loop.ground).receipt(event.event_id)
        assert found is not None, "nothing is known of it"
        return found


class WhileKafkaIsThere(ReceiptsCase):
    """Directly."""

    async def test_one_that_kafka_took_is_found_where_it_waits_and_told_when_it_counts(self) -> None:
        """Topic, partition and offset are Kafka's, and so is the time of its record."""
        loop = await self.loop_on(self.broker)
        first, second = loop.act("anna", "jam"), loop.act("anna", "tea")
        before = loop.ground.clock.now_ms()
        await loop.send(first)
        await loop.send(second)
        told = await self.receipt(loop, second)
        assert told.position is not None and told.waits is not None and told.acknowledged is not None
        self.assertEqual((told.status, told.waits.before, told.waits.to_carry), (Status.WAITING, 1, False))
        self.assertIn("no worker is alive", told.says)
        place = (told.position.name, told.position.partition, told.position.offset)
        self.assertEqual(place, (self.topics["TOPIC_INTERACTION"], partition_of("anna", loop.ground.log.partitions), 1))
        self.assertEqual(told.acknowledged.by, "kafka")
        loop.start_worker()
        await loop.follow()
        await loop.settle()

        async def visible() -> bool:
            return (await self.receipt(loop, second)).status is Status.VISIBLE

        await until(visible, "it is visible")
        applied = await self.receipt(loop, second)
        assert applied.acknowledged is not None
        self.assertEqual((applied.position, applied.acknowledged.by), (told.position, "kafka"))
        self.assertEqual(applied.acknowledged.logged_at_ms, told.acknowledged.logged_at_ms)
        self.assertTrue(before <= (applied.acknowledged.logged_at_ms or 0) <= loop.ground.clock.now_ms())
        self.assertIsNone(await Receipts(loop.ground).receipt("never sent"))

    async def test_a_record_that_kafka_has_twice_is_told_as_a_duplicate(self) -> None:
        """Another producer's copy of an event, at its own offset."""
        loop = await self.loop_on(self.broker)
        event = loop.act("anna", "jam")
        await loop.send(event)
        far = loop.ground.log
        assert isinstance(far, RelayedLog)
        (record,) = await far.read(partition_of("anna", far.partitions), dict.fromkeys(Topic, 0), limit=5)
        await far._far.carry([record])
        loop.start_worker()
        await loop.applied()
        told = await self.receipt(loop, event)
        assert told.position is not None
        self.assertEqual((told.status, told.position.offset, [one.offset for one in told.repeats]), (Status.APPLIED, 0, [1]))

    async def test_behind_more_than_is_looked_through_nobody_can_say(self) -> None:
        """Neither that it waits, nor that it is unknown; asked again when less waits, it is told."""
        loop = await self.loop_on(self.broker)
        last = loop.act("anna", "tea")
        await loop.send(*(loop.act("anna", f"item {n}") for n in range(30)))
        await loop.send(last)
        with patch.object(finding, "MOST", 20):
            short = finding.find

            async def shortly(*arguments: object) -> object:
                return await short(*arguments, most=20)

            with patch.object(finding, "find", shortly), self.assertRaisesRegex(Unavailable, "first 20 records .* 11 behind"):
                await Receipts(loop.ground).receipt(last.event_id)
        told = await self.receipt(loop, last)
        assert told.waits is not None
        self.assertEqual(told.waits.before, 30)


class WhileKafkaIsAway(ReceiptsCase):
    """A broker of its own, stopped in its tracks."""

    async def test_what_the_postgres_log_took_is_told_to_be_carried_and_then_where_kafka_has_it(self) -> None:
        """Acknowledged by the one, applied from the other; what counted before is told all the while."""
        own = own_broker()
        self.addCleanup(discard, own)
        await asyncio.to_thread(own.start)
        loop = await self.loop_on(own, HEADRACE_KAFKA_APPEND_MS="800")
        self.addCleanup(own.resume)  # what hangs on the broker ends before it does
        loop.start_worker()
        early = loop.act("anna", "jam")
        await loop.send(early)
        await loop.applied()
        await asyncio.to_thread(own.pause)
        event, next_one = loop.act("anna", "tea"), loop.act("anna", "film")
        await loop.send(event)
        await loop.send(next_one)
        told = await self.receipt(loop, next_one)
        assert told.waits is not None and told.acknowledged is not None
        self.assertEqual((told.status, told.waits.to_carry, told.waits.before), (Status.WAITING, True, 1))
        self.assertIn("to be carried to Kafka", told.says)
        self.assertEqual(told.acknowledged.by, "postgres")
        counted = await self.receipt(loop, early)
        assert counted.acknowledged is not None
        self.assertEqual((counted.status, counted.acknowledged.by), (Status.APPLIED, "kafka"))
        with self.assertRaises(Unavailable):
            await Receipts(loop.ground).receipt("never sent")
        await asyncio.to_thread(own.resume)

        async def applied() -> bool:
            try:
                return (await self.receipt(loop, next_one)).status is Status.APPLIED
            except Unavailable:
                return False

        await until(applied, "it was carried over and applied")
        told = await self.receipt(loop, next_one)
        assert told.acknowledged is not None and told.position is not None
        self.assertEqual((told.acknowledged.by, told.position.name), ("postgres", self.topics["TOPIC_INTERACTION"]))
        (record,) = await loop.ground.log.read(told.position.partition, {Topic.INTERACTION: told.position.offset}, limit=1)
        self.assertEqual(codec.event_id_of(record.value), next_one.event_id)
        self.assertEqual(told.acknowledged.logged_at_ms, record.timestamp_ms)
        # What timed out may have arrived after all, beside what the relay carried.
        self.assertLessEqual(len((await self.receipt(loop, event)).repeats), 1)
