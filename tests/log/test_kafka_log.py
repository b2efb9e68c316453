"""The log on Kafka: the promises of every log, on a real broker, and what only this one has."""

import asyncio
from dataclasses import replace

from headrace.log.kafka import KafkaLog
from headrace.log.memory import Memory
from headrace.log.port import Log
from headrace.log.settings import KafkaSettings, LogSettings
from tests.log import promises
from tests.support.kafka import KafkaTestCase


class KafkaLogTestCase(KafkaTestCase):
    """Topics of its own and logs on them."""

    kafka = KafkaSettings(append_ms=15_000)

    async def asyncSetUp(self) -> None:
        """Look for calls from the client's own threads, which only the debug mode tells."""
        await super().asyncSetUp()
        asyncio.get_running_loop().set_debug(True)

    def settings(self) -> LogSettings:
        """Return settings that name this test's topics."""
        return LogSettings(
            kafka_bootstrap=self.broker.bootstrap,
            topic_interaction=self.topics["TOPIC_INTERACTION"],
            topic_watch=self.topics["TOPIC_WATCH"],
            topic_impression=self.topics["TOPIC_IMPRESSION"],
            topic_catalogue=self.topics["TOPIC_CATALOGUE"],
            topic_dlq=self.topics["TOPIC_DLQ"],
        )

    def unopened(self, *, queue_records: int = 20_000, partitions: int = 4) -> KafkaLog:
        """Return a log of its own, not opened yet."""
        settings = replace(self.settings(), queue_records=queue_records, partitions=partitions)
        log = KafkaLog(settings, self.kafka, Memory(), group_id="tests")
        self.addAsyncCleanup(log.close)
        return log

    async def make_log(self, *, queue_records: int = 20_000) -> KafkaLog:
        """Return an opened log."""
        log = self.unopened(queue_records=queue_records)
        await log.open()
        return log


class TheKafkaLogKeepsThePromises(KafkaLogTestCase, promises.LogPromises):
    """The promises, kept by Kafka."""

    one_memory = False

    async def make_log(self, *, queue_records: int = 20_000) -> KafkaLog:
        """Return an opened log."""
        return await KafkaLogTestCase.make_log(self, queue_records=queue_records)

    async def make_unopened_log(self) -> Log:
        """Return a log that nobody has opened."""
        return self.unopened()
