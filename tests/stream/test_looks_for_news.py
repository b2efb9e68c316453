"""How often a worker looks whether a log has news."""

import unittest
from typing import Any, cast

from headrace.clock import FixedClock
from headrace.log.port import Topic
from headrace.stream.ledger import Owned
from headrace.stream.manner import Manner
from headrace.stream.ownership import SELDOM, Worker
from headrace.stream.settings import StreamSettings

PAUSES = 100


class Asked:
    """A log that has no news and counts who asks."""

    def __init__(self) -> None:
        self.looks = 0

    async def has_news(self, _positions: object) -> set[int]:
        """Count."""
        self.looks += 1
        return set()


class Hurried(Worker):
    """A worker whose pauses take no time, and which stops after so many."""

    pauses = 0

    async def _pause(self, _seconds: float) -> None:
        self.pauses += 1
        if self.pauses == PAUSES:
            self.stop()


class LookingForNews(unittest.IsolatedAsyncioTestCase):
    """A worker that owns two partitions."""

    async def looks(self, *, main: bool, from_archive: bool) -> int:
        """Return how often it looks within its pauses, one partition level and the other as told."""
        log, clock = Asked(), FixedClock(0)
        manner = Manner(clock, main=main)
        worker = Hurried("w", cast("Any", log), cast("Any", None), clock, StreamSettings(), dict, manner=manner)
        for partition, behind in ((0, False), (1, from_archive)):
            worker.owned[partition] = Owned(
                partition=partition, epoch=1, positions={Topic.WATCH: 0}, applied=0, from_archive=behind
            )
        await worker._look_for_news()
        return log.looks

    async def test_what_is_level_is_looked_after_less_often_while_another_reads_its_archive(self) -> None:
        """Of a generation that nobody reads; the live one looks after every pause, whatever it reads."""
        self.assertEqual(await self.looks(main=False, from_archive=True), PAUSES // SELDOM)
        self.assertEqual(await self.looks(main=False, from_archive=False), PAUSES)
        self.assertEqual(await self.looks(main=True, from_archive=True), PAUSES)


if __name__ == "__main__":
    unittest.main()
