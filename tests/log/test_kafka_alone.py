"""What only the log on Kafka has: other producers, gaps, retention, topics that do not fit, an outlet."""

import asyncio
from unittest import mock

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from headrace.errors import Poison, Unavailable
from headrace.log.kafka import KafkaLog, reading
from headrace.log.memory import Memory
from headrace.log.port import TOPICS, Misplaced, PartitionsDiffer, Topic, Verdict, partition_of
from tests.log.promises import Follower, digest, record
from tests.log.test_kafka_log import KafkaLogTestCase

PLACE = partition_of("anna", 4)


class OtherProducers(KafkaLogTestCase):
    """Their records are welcome, whatever they look like."""

    async def asyncSetUp(self) -> None:
        """Open a log and be another client."""
        await super().asyncSetUp()
        self.log = await self.make_log()

    def produce(self, *values: bytes | None, key: bytes | None = b"anna", transaction: str | None = None) -> Producer:
        """Send values as another client would; within a transaction that is left open where one is named."""
        more = {} if transaction is None else {"transactional.id": transaction}
        producer = Producer({"bootstrap.servers": self.broker.bootstrap, **more})
        if transaction is not None:
            producer.init_transactions(30)
            producer.begin_transaction()
        for value in values:
            producer.produce(self.topics["TOPIC_WATCH"], value, key, PLACE)
        producer.flush(30)
        return producer

    async def offsets(self, position: int = 0) -> list[int]:
        """Return the offsets of what is read from a position on, looked at twice as the processor does."""
        for _ in range(2):
            found = await self.log.read(PLACE, {Topic.WATCH: position}, limit=100)
        return [one.offset for one in found]

    async def reach(self, end: int) -> None:
        """Wait until the topic ends there: brokers write a transaction's marker a moment after its end was acknowledged."""
        async with asyncio.timeout(20):
            while (await self.log.ends())[Topic.WATCH, PLACE] < end:  # noqa: ASYNC110 - it is the broker that we wait for
                await asyncio.sleep(0.01)

    async def test_values_and_keys_that_are_no_events_come_through_as_they_are(self) -> None:
        """No value is an empty one, a key that is no text is made one: whoever decodes them judges."""
        await asyncio.to_thread(self.produce, b"noise", None, b"", b"\xff\xfe", key=None)
        await asyncio.to_thread(self.produce, b"other", key=b"\xff")
        found = await self.log.read(PLACE, {Topic.WATCH: 0}, limit=100)
        self.assertEqual([one.value for one in found], [b"noise", b"", b"", b"\xff\xfe", b"other"])
        self.assertEqual([one.key for one in found], [None] * 4 + ["\ufffd"])
        self.assertTrue(all(one.timestamp_ms > 0 for one in found))

    async def test_a_record_of_a_megabyte_comes_through(self) -> None:
        """Topics that we make take twice what we send ourselves."""
        await asyncio.to_thread(self.produce, b"x" * 990_000)
        (found,) = await self.log.read(PLACE, {Topic.WATCH: 0}, limit=100)
        self.assertEqual(len(found.value), 990_000)

    async def test_an_aborted_transaction_leaves_a_gap_that_a_second_look_confirms(self) -> None:
        """Its records are never seen, and those behind it are."""
        await self.log.append([record() for _ in range(3)], atomic=True)
        producer = await asyncio.to_thread(self.produce, b"never", b"counted", transaction=self.topics["TOPIC_DLQ"])
        await asyncio.to_thread(producer.abort_transaction, 30)
        await self.reach(6)
        await self.log.append([record() for _ in range(2)], atomic=True)
        self.assertEqual(await self.offsets(), [0, 1, 2, 6, 7])
        self.assertEqual(await self.offsets(3), [6, 7])
        self.assertEqual(await self.offsets(4), [6, 7])

    async def test_an_open_transaction_is_not_read_and_its_commit_is(self) -> None:
        """The end stands before it while it is open, so it counts as no lag."""
        producer = await asyncio.to_thread(self.produce, b"a", b"b", transaction=self.topics["TOPIC_DLQ"])
        self.assertEqual((await self.log.ends())[Topic.WATCH, PLACE], 0)
        self.assertEqual(await self.offsets(), [])
        await asyncio.to_thread(producer.commit_transaction, 30)
        follower = Follower(self.log)
        await follower.until(2)
        self.assertEqual([one.value for one in follower.records], [b"a", b"b"])

    async def test_a_position_that_retention_has_passed_goes_on_where_the_log_begins(self) -> None:
        """A follower with an old position and one with a buffer in memory both see what is left."""
        await self.log.append([record() for _ in range(10)], atomic=True)
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        deleted = admin.delete_records([TopicPartition(self.topics["TOPIC_WATCH"], PLACE, 6)])
        for answer in deleted.values():
            await asyncio.wrap_future(answer)
        self.assertEqual((await self.log.begins())[Topic.WATCH, PLACE], 6)
        self.assertEqual(await self.offsets(2), [6, 7, 8, 9])

    async def test_a_position_behind_the_end_is_told_at_once(self) -> None:
        """Nobody waits for a topic to grow up to where it once was."""
        with self.assertRaisesRegex(Misplaced, "ends at 0 and the stream stands at 5.*headrace stream switch"):
            await self.log.read(PLACE, {Topic.WATCH: 5}, limit=1)

    async def test_our_records_lie_where_our_hash_says_for_another_client_as_well(self) -> None:
        """Key and value are plain bytes, and the partition is the port's."""
        await self.log.append([record("a", key="zoë")], atomic=True)
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "other", "auto.offset.reset": "earliest"})
        try:
            consumer.assign([TopicPartition(self.topics["TOPIC_WATCH"], partition_of("zoë", 4), 0)])
            message = await asyncio.to_thread(consumer.poll, 20)
            assert message is not None
            self.assertEqual((message.key(), message.value()), ("zoë".encode(), b"a a"))
        finally:
            consumer.close()


class TwoInstances(KafkaLogTestCase):
    """Each knows what it took, and what whoever applies events knows."""

    async def test_the_same_id_through_two_instances_at_once_is_never_lost(self) -> None:
        """Both may take it; as many are stored as were told ``OK``."""
        logs = [await self.make_log() for _ in range(2)]
        verdicts = await asyncio.gather(*(logs[n % 2].append([record("a")], atomic=True) for n in range(50)))
        taken = sum(one is Verdict.OK for (one,) in verdicts)
        self.assertIn(taken, (1, 2))
        self.assertEqual(sum((await logs[0].ends()).values()), taken)

    async def test_what_was_applied_is_known_to_an_instance_that_has_never_seen_it(self) -> None:
        """It asks whoever remembers; where nobody answers, the event is taken all the same."""
        asked: list[int] = []

        async def look(ids: list[bytes]) -> dict[bytes, bytes]:
            asked.append(len(ids))
            return {digest("a"): digest("a")}

        async def away(_ids: list[bytes]) -> dict[bytes, bytes]:
            raise Unavailable("postgres", "on purpose")

        log = KafkaLog(self.settings(), self.kafka, memory := Memory(look), group_id="tests")
        self.addAsyncCleanup(log.close)
        await log.open()
        calls = [log.append([record("a")], atomic=True), log.append([record("a", payload="other"), record("b")], atomic=False)]
        self.assertEqual(await asyncio.gather(*calls), [[Verdict.DUPLICATE], [Verdict.CONFLICT, Verdict.OK]])
        memory.look = away
        self.assertEqual(await log.append([record("c")], atomic=True), [Verdict.OK])
        self.assertEqual(sum((await log.ends()).values()), 2)
        self.assertEqual(sum(asked), 3)


class WhatNoBrokerTakes(KafkaLogTestCase):
    """Only the guilty one suffers."""

    async def test_a_record_larger_than_a_broker_takes_is_refused_alone(self) -> None:
        """Its neighbours of other calls are stored."""
        log = await self.make_log()
        large = record("large")._replace(value=b"x" * 1_000_001)
        ended = await asyncio.gather(
            log.append([record()], atomic=True),
            log.append([large], atomic=True),
            log.append([record("worse")._replace(key="\ud800")], atomic=True),
            log.append([record()], atomic=True),
            return_exceptions=True,
        )
        self.assertEqual([ended[0], ended[3]], [[Verdict.OK]] * 2)
        self.assertIsInstance(ended[1], Poison)
        self.assertIsInstance(ended[2], Poison)
        self.assertEqual(sum((await log.ends()).values()), 2)


class TopicsThatDoNotFit(KafkaLogTestCase):
    """They are refused with the command that mends it."""

    async def test_a_topic_with_another_number_of_partitions_is_refused(self) -> None:
        """Which one it is, and what to run."""
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        await self.make_log()
        with self.assertRaisesRegex(PartitionsDiffer, "asks for 8 partitions.*HEADRACE_LOG_PARTITIONS=4"):
            await self.unopened(partitions=8).open()
        for answer in admin.create_partitions([NewPartitions(self.topics["TOPIC_WATCH"], 6)]).values():
            await asyncio.wrap_future(answer)
        wanted = f"kafka-topics.sh --alter --topic {self.topics['TOPIC_INTERACTION']} --partitions 6"

        with self.assertRaises(PartitionsDiffer) as caught:
            async with asyncio.timeout(20):
                while True:
                    await self.unopened().open()
        self.assertIn(wanted, str(caught.exception))

    async def test_a_topic_that_was_made_anew_is_another_log(self) -> None:
        """Positions in the one that is gone mean nothing in it."""
        before = (await self.make_log()).identity
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        for answer in admin.delete_topics([self.topics["TOPIC_WATCH"]]).values():
            await asyncio.wrap_future(answer)
        await asyncio.sleep(1)
        self.assertNotEqual((await self.make_log()).identity, before)

    async def test_topics_that_somebody_else_made_are_used_as_they_are(self) -> None:
        """Only what is missing is made."""
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        made = admin.create_topics([NewTopic(self.topics["TOPIC_WATCH"], 4, 1)])
        for answer in made.values():
            await asyncio.wrap_future(answer)
        log = await self.make_log()
        self.assertEqual(await log.append([record()], atomic=True), [Verdict.OK])
        self.assertEqual(set(await log.ends()), {(topic, partition) for topic in TOPICS for partition in range(4)})


class DeadLettersOut(KafkaLogTestCase):
    """Copies on a topic of their own."""

    async def test_letters_reach_their_topic_with_their_keys(self) -> None:
        """Published means that the brokers have them."""
        log = await self.make_log()
        await log.outlet.publish([(b"anna", b"{}"), (None, b"[]")])
        await log.outlet.publish([])
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "other"})
        try:
            consumer.assign([TopicPartition(self.topics["TOPIC_DLQ"], partition, 0) for partition in range(4)])
            found = [await asyncio.to_thread(consumer.poll, 20) for _ in range(2)]
            self.assertEqual({(one.key(), one.value()) for one in found if one}, {(b"anna", b"{}"), (None, b"[]")})
        finally:
            consumer.close()


class SeveralPositionsAtOnce(KafkaLogTestCase):
    """Two generations read one partition, each where it stands."""

    async def test_two_followers_of_one_log_do_not_make_each_other_start_anew(self) -> None:
        """Both see every record once, in order."""
        log = await self.make_log()
        await log.append([record(key=f"user {n}") for n in range(300)], atomic=True)
        first, second = Follower(log), Follower(log)
        await first.until(300)
        await log.append([record(key=f"user {n}") for n in range(300)], atomic=True)
        await asyncio.gather(first.until(600), second.until(600))
        self.assertEqual(set(first.values.values()) | set(second.values.values()), {1})

    async def test_what_is_waited_for_is_not_let_go_of_however_slow_the_broker(self) -> None:
        """With no patience at all for places that nobody asks for, every read begins anew, and none comes to grief."""
        self.enterContext(mock.patch.object(reading, "FORGOTTEN_S", 0.0))
        log = await self.make_log()
        await log.append([record(key=f"user {n}") for n in range(60)], atomic=True)
        follower = Follower(log)
        await follower.until(60)
        self.assertEqual(set(follower.values.values()), {1})
        self.assertEqual(await log.has_news({0: dict.fromkeys(TOPICS, 0)}), {0}, "nobody reads it from there any more")
