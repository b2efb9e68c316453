"""Equal ids in three spaces, on the log in Postgres and on Kafka."""

import json
import re
import time
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from headrace.embedded.kafka import Broker
from tests.spaces import story
from tests.spaces.traffic import Space
from tests.support.kafka import fresh_topics, ran, shared_broker

PATIENCE_S: Final = 30.0


class OnTheEmbeddedLog(story.Apart):
    """``headrace run`` with its own Postgres."""


class OnKafka(story.Apart):
    """``headrace run`` with its own Postgres, and the log on a real broker."""

    events = 750
    broker: Broker

    @classmethod
    def setUpClass(cls) -> None:
        """Find or start the broker."""
        super().setUpClass()
        cls.broker = shared_broker()

    def setUp(self) -> None:
        """Choose names for the topics."""
        super().setUp()
        ran(self.id())
        self.names = fresh_topics()
        self.environment = self.names | {"KAFKA_BOOTSTRAP": self.broker.bootstrap, "HEADRACE_KAFKA_APPEND_MS": "30000"}

    def topic(self, space: str, topic: str) -> str:
        """Return what a topic of a space is called."""
        return self.prefix(space) + self.names[f"TOPIC_{topic.upper()}"]

    def compare_logs(self, spaces: list[Space]) -> None:
        """Every topic of a space holds its own records, each as often as it was sent, and copies of its own dead letters."""
        reader = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "looks", "enable.auto.commit": False})
        try:
            there = reader.list_topics(timeout=10).topics
            for space in spaces:
                sent = {"interaction": len(space.interactions), "impression": len(space.shown)}
                sent["watch"] = len(space.watches) + story.POISON[space.name]
                sent["catalogue"] = 2 if space.name == "shop" else 1
                sent["dlq"] = story.POISON[space.name]
                for topic, number in sent.items():
                    name = self.topic(space.name, topic)
                    self.assertEqual(len(there[name].partitions), 2 if space.name == "video" else 4)
                    values = whole(reader, name, list(there[name].partitions), number)
                    self.assertEqual(len(values), number, name)
                    words = {word for value in values for word in re.findall(rb"only-in-\w+", value)}
                    self.assertLessEqual(words, {space.own_item.encode()}, name)
                    if topic == "dlq":
                        sources = {json.loads(value)["source_topic"] for value in values}
                        self.assertLessEqual(sources, {self.topic(space.name, "watch")})
        finally:
            reader.close()


def whole(reader: Consumer, topic: str, partitions: list[int], number: int) -> list[bytes]:
    """Return the values of all records of a topic, as soon as there are at least so many; copies of dead letters come later."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        ends = {one: reader.get_watermark_offsets(TopicPartition(topic, one), timeout=10)[1] for one in partitions}
        if sum(ends.values()) >= number:
            break
        if time.monotonic() > deadline:
            raise AssertionError(f"{topic} has {sum(ends.values())} records, not {number}, after {PATIENCE_S:g} s")
        time.sleep(0.1)
    reader.assign([TopicPartition(topic, one, OFFSET_BEGINNING) for one in partitions])
    values: list[bytes] = []
    while len(values) < sum(ends.values()):
        message = reader.poll(PATIENCE_S)
        if message is None or message.error() is not None:
            raise AssertionError(f"{topic} gave {len(values)} records of {sum(ends.values())}")
        values.append(message.value() or b"")
    return values
