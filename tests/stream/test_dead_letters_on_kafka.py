"""Dead letters where the log is a real Kafka: copied to their topic, read again by position, redriven once."""

import asyncio
import json
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from headrace import config, wiring
from headrace.events import codec
from headrace.intake import Intake
from headrace.log.kafka import KafkaLog
from headrace.log.memory import Memory
from headrace.log.port import Topic, partition_of
from headrace.log.settings import KafkaSettings, LogSettings
from headrace.store.ledger import PostgresLedger
from headrace.store.letters import PostgresLetters
from headrace.store.sql import DEFAULT_SPACE
from headrace.stream.letters import Choice, State
from headrace.stream.outlet import Copier
from headrace.stream.redriving import Outcome, Redriver
from tests.stream.world import StreamTestCase, shown, view, wait_until
from tests.support.kafka import KafkaTestCase

PLACE = partition_of("anna", 4)


class DeadLettersOnKafka(KafkaTestCase, StreamTestCase):
    """Records that others produced to our topics."""

    async def asyncSetUp(self) -> None:
        """Join the parts on Kafka's log."""
        await super().asyncSetUp()
        self.dlq = self.topics["TOPIC_DLQ"]
        self.log_settings = LogSettings(
            kafka_bootstrap=self.broker.bootstrap,
            topic_interaction=self.topics["TOPIC_INTERACTION"],
            topic_watch=self.topics["TOPIC_WATCH"],
            topic_impression=self.topics["TOPIC_IMPRESSION"],
            topic_catalogue=self.topics["TOPIC_CATALOGUE"],
            topic_dlq=self.dlq,
        )
        self.kafka_log = await self.opened()
        names, database = self.log_settings.names, self.ground.database
        self.ledger = PostgresLedger(database, self.generation, space=DEFAULT_SPACE, names=names)
        self.letters = PostgresLetters(database, self.generation, self.clock, space=DEFAULT_SPACE, names=names)
        self.redriver = Redriver(self.letters, self.kafka_log, Intake(self.kafka_log, self.clock), self.clock)

    async def opened(self) -> KafkaLog:
        """Return the log as one process has it, whose door remembers what this process took."""
        log = KafkaLog(self.log_settings, KafkaSettings(append_ms=15_000), Memory(), group_id="tests")
        self.addAsyncCleanup(log.close)
        await log.open()
        return log

    def produce(self, topic: Topic, *values: bytes | None) -> None:
        """Produce records as somebody else does."""
        producer = Producer({"bootstrap.servers": self.broker.bootstrap, "message.max.bytes": 1_040_000})
        for value in values:
            producer.produce(self.kafka_log.name(topic), value, key="anna", partition=PLACE)
        self.assertEqual(producer.flush(30), 0)

    async def apply(self, number: int) -> None:
        """Have so many more records passed."""
        owned = (await self.claim())[PLACE]
        processor = self.processor(log=self.kafka_log)
        passed = 0
        async with asyncio.timeout(30):
            while passed < number:
                passed += await processor.step(owned)
        await self.ledger.leave("tester")

    def copies(self, number: int) -> list[dict[str, Any]]:
        """Return what the dead-letter topic holds."""
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "reader", "enable.auto.commit": False})
        try:
            known = consumer.list_topics(self.dlq, timeout=30).topics[self.dlq].partitions
            consumer.assign([TopicPartition(self.dlq, partition, 0) for partition in known])
            found = [json.loads(one.value() or b"") for one in consumer.consume(number, 30)]
            return sorted(found, key=lambda one: (one["source_topic"], one["source_offset"]))
        finally:
            consumer.close()

    async def test_every_letter_is_copied_to_its_topic(self) -> None:
        """Noise, bytes that are no text, no value at all and a megabyte: each arrives in the envelope."""
        self.produce(Topic.WATCH, b"noise", b"\xff\xfe", None, b"\x00" * 1_000_000)
        await self.apply(4)
        copier = Copier(self.letters, self.kafka_log.outlet)
        self.assertEqual((await copier.copy(), await copier.copy()), (4, 0))
        copies = await asyncio.to_thread(self.copies, 4)
        self.assertEqual([one["error_type"] for one in copies], ["bad_json", "bad_utf8", "empty", "bad_json"])
        self.assertEqual([one["source_offset"] for one in copies], [0, 1, 2, 3])
        self.assertEqual({one["source_topic"] for one in copies}, {self.kafka_log.name(Topic.WATCH)})
        self.assertEqual((copies[0]["payload"], copies[3]["payload_bytes"]), ("noise", 1_000_000))

    async def test_a_redriven_record_counts_once(self) -> None:
        """Cut payloads are read again by position; redriving what is in flight already counts nothing twice."""
        large = shown([f"item {n}" + "x" * 100 for n in range(800)])
        click = view("jam")
        self.produce(Topic.IMPRESSION, codec.encode(large).replace(b'{"v":1', b'{"v":2'))
        self.produce(Topic.INTERACTION, codec.encode(click).replace(b'"view"', b'"stare"'))
        await self.apply(2)
        found = await self.letters.page(Choice(state=State.OPEN), after=None, limit=10)
        impression, interaction = sorted(found, key=lambda one: one.error_type)
        self.assertFalse(impression.whole)
        self.assertEqual(len(await self.redriver.whole(impression)), impression.payload_bytes)
        self.assertEqual([one.outcome for one in await self.redriver.redrive(found)], [Outcome.REFUSED] * 2)
        for letter, event in ((impression, large), (interaction, click)):
            for outcome in (Outcome.REDRIVEN, Outcome.DUPLICATE):  # the second time as one who had looked before the first
                (told,) = await self.redriver.redrive([letter], payload=codec.encode(event))
                self.assertEqual(told.outcome, outcome, told.reason)
        ends = await self.kafka_log.ends()
        again = sum(ends[topic, PLACE] for topic in (Topic.IMPRESSION, Topic.INTERACTION)) - 2
        await self.apply(again)
        self.assertEqual(await self.counted(), {"jam": 1})
        self.assertEqual(await self.rows("SELECT cardinality(item_ids) FROM @gen.impression_lists"), [(800,)])

    async def test_of_several_who_mend_a_letter_one_record_enters_and_one_that_was_begun_is_carried_through(self) -> None:
        """Each in a process of its own: no door knows another's records here, so what holds is what stands with the letter."""
        self.produce(Topic.INTERACTION, b"noise", b"more noise")
        await self.apply(2)
        raced, begun = await self.letters.page(Choice(state=State.OPEN), after=None, limit=10)
        items = ("jam", "tea", "rye")
        logs = [self.kafka_log, await self.opened(), await self.opened()]
        redrivers = [Redriver(self.letters, log, Intake(log, self.clock), self.clock) for log in logs]
        told = await asyncio.gather(
            *(one.redrive([raced], payload=codec.encode(view(item))) for one, item in zip(redrivers, items, strict=True))
        )
        outcomes = [one.outcome for (one,) in told]
        self.assertEqual(sorted(outcomes), [Outcome.REDRIVEN] + [Outcome.REFUSED] * 2)
        first = codec.encode(view("fig"))
        await self.letters.begin_redriving({begun.position: first})  # and whoever began it was killed
        (other,) = await self.redriver.redrive([begun], payload=codec.encode(view("nut")))
        self.assertEqual(other.outcome, Outcome.REFUSED)
        # Whoever met the one that had begun before it was done carried the same record through as well: it counts once.
        await self.apply((await self.kafka_log.ends())[Topic.INTERACTION, PLACE] - 2)
        self.assertEqual(await self.counted(), {items[outcomes.index(Outcome.REDRIVEN)]: 1, "fig": 1})

    async def test_the_product_copies_and_redrives_them(self) -> None:
        """As it is wired: a worker copies what it has buried within a second, and counts what was redriven once."""
        settings = config.read(
            {
                "DATABASE_URL": self.url,
                "KAFKA_BOOTSTRAP": self.broker.bootstrap,
                "KAFKA_WORKER_GROUP_ID": "product",
                **self.topics,
            }
        )
        await wiring.migrate(settings)
        click = view("jam")
        self.produce(Topic.INTERACTION, b"noise", codec.encode(view("tea")), codec.encode(click).replace(b'"view"', b'"stare"'))
        async with wiring.worker(settings) as worker:
            working = asyncio.create_task(worker.run())
            copies = await asyncio.to_thread(self.copies, 2)
            self.assertEqual([one["error_type"] for one in copies], ["bad_json", "wrong_schema"])
            async with wiring.dead_letters(settings) as dead:
                _, letter = await dead.letters.page(Choice(state=State.OPEN), after=None, limit=10)
                for outcome in (Outcome.REDRIVEN, Outcome.DUPLICATE):
                    (told,) = await dead.redriver.redrive([letter], payload=codec.encode(click))
                    self.assertEqual(told.outcome, outcome, told.reason)

                async def counted() -> object:
                    return await dead.letters.counted([codec.id_hash(click.event_id)])

                await wait_until(counted, "the redriven event")
                (told,) = await dead.redriver.redrive([letter], payload=codec.encode(click))
                self.assertEqual(told.outcome, Outcome.DUPLICATE)
            worker.stop()
            await working
        async with wiring.looked_at(settings) as (ground, generation):
            partitions = await ground.operations(generation).partitions()
            self.assertEqual(sum(sum(one.counted.values()) for one in partitions), 2)
            self.assertEqual(sum(one.dead for one in partitions), 2)
