"""Where many records come, more of them share a worker's transaction."""

import asyncio
from typing import ClassVar

from headrace.stream.manner import Manner
from headrace.stream.ownership import MANY
from headrace.wiring.crew import one_worker
from tests.stream.world import StreamTestCase, user_of, view, wait_until

USER = user_of(0)


class Gathering(StreamTestCase):
    """A worker that looks every millisecond, so that it would take every record alone."""

    environment: ClassVar[dict[str, str]] = {"HEADRACE_STREAM_IDLE_POLL_MS": "1"}

    async def batches(self) -> int:
        """Return how many batches changed features."""
        return int((await self.rows("SELECT sum(changes) FROM @gen.partitions"))[0][0])

    async def test_after_a_batch_of_many_the_next_one_gathers_and_a_single_event_waits_for_nobody(self) -> None:
        """Some, then forty one by one; everything counts once."""
        await self.send(*(view(user=USER) for _ in range(MANY + 2)))
        worker = one_worker(self.ground, self.generation, "worker", Manner(self.clock))
        running = asyncio.create_task(worker.run())
        try:
            await self.until(MANY + 2)
            self.assertEqual(await self.batches(), 1)
            for _ in range(40):
                await self.send(view(user=USER))
            await self.until(MANY + 42)
            self.assertLess(await self.batches(), 20)
        finally:
            worker.stop()
            await running
        await self.assert_proven()

    async def until(self, records: int) -> None:
        """Wait until so many records were passed."""

        async def passed() -> bool:
            return await self.applied() >= records

        await wait_until(passed, "applied")
