"""Real worker processes: killed, stopped, asked to leave."""

import asyncio
import os
import random
import signal
import sys

from headrace import config, wiring
from tests.stream.world import StreamTestCase, shown, view, wait_until, watch

LEASE_MS = 800


class WorkerProcesses(StreamTestCase):
    """``headrace worker`` as it runs in earnest."""

    async def start(self) -> asyncio.subprocess.Process:
        """Start a worker process that is ended with the test."""
        environment = os.environ | {
            "DATABASE_URL": self.url,
            "HEADRACE_STREAM_LEASE_MS": str(LEASE_MS),
            "KAFKA_WORKER_MAX_POLL_RECORDS": "5",
            "PROMETHEUS_METRICS_ENABLED": "false",
            "LOG_LEVEL": "ERROR",
        }
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "headrace", "worker", env=environment)
        self.addAsyncCleanup(self._end, process)
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            await process.wait()

    async def until_applied(self, number: int) -> None:
        """Wait until so many records are applied."""

        async def done() -> bool:
            return await self.applied() >= number

        await wait_until(done, f"{number} applied records", seconds=30)

    async def until_owned(self) -> None:
        """Wait until every partition has an owner whose lease holds."""

        async def owned() -> bool:
            return all(one.leased for one in await self.operations.partitions())

        await wait_until(owned, "owners")

    async def send_mixed(self, number: int, seed: int) -> None:
        """Send a mixture of events of some users, about a few items."""
        chance = random.Random(seed)
        for n in range(number // 20):
            events = []
            for m in range(20):
                user, item, request = f"user {chance.randrange(30)}", f"item {chance.randrange(15)}", f"r{chance.randrange(50)}"
                kind = chance.randrange(4)
                name = f"{seed} {n} {m}"
                if kind == 0:
                    events.append(shown([item, "jam"], user=user, request=request, event_id=name))
                elif kind == 1:
                    events.append(watch(item, user=user, request=request, event_id=name))
                else:
                    events.append(view(item, user=user, request=request, event_id=name, action="click"))
            await self.send(*events)

    async def test_a_worker_gives_way_to_the_processes_that_answer(self) -> None:
        """Where processors are short, answering and the door go before counting."""
        worker = await self.start()
        await self.until_owned()
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, worker.pid), min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10))

    async def test_workers_killed_again_and_again_count_every_event_once(self) -> None:
        """Ten SIGKILLs at any moment: what was acknowledged counts once, nothing dies, the features are proven."""
        chance = random.Random(20)
        at_work = 0
        for n in range(10):
            before = await self.applied()
            process = await self.start()
            sending = asyncio.create_task(self.send_mixed(600, seed=n))

            async def working(before: int = before) -> bool:
                return await self.applied() > before

            await wait_until(working, "the worker")
            await asyncio.sleep(chance.uniform(0, 0.08))
            process.kill()
            await asyncio.gather(process.wait(), sending)
            at_work += await self.applied() < 600 * (n + 1)
        await self.start()
        await self.until_applied(6000)
        self.assertGreater(at_work, 5, "most kills must hit a worker at work")
        async with wiring.verifying(config.read({"DATABASE_URL": self.url})) as verifier:
            found = await verifier.verify(lambda _what, _done, _all: None)
        self.assertTrue(found.equal, found.comparisons)
        self.assertEqual(await self.dead(), [])
        self.assertEqual(await self.rows("SELECT sum(c) FROM @gen.partitions, unnest(counted) AS c"), [(6000,)])
        self.assertEqual(await self.rows("SELECT sum(d) FROM @gen.partitions, unnest(duplicates) AS d"), [(0,)])

    async def test_a_worker_that_slept_past_its_lease_is_fenced(self) -> None:
        """Stopped in the middle of its work and woken after another has taken over, it adds nothing twice."""
        zombie = await self.start()
        await self.until_owned()
        await self.send_mixed(1000, seed=2)
        zombie.send_signal(signal.SIGSTOP)
        await self.start()
        await self.until_applied(1000)
        zombie.send_signal(signal.SIGCONT)
        await self.send_mixed(400, seed=3)
        await self.until_applied(1400)
        self.assertIsNone(zombie.returncode, "a fenced worker goes on with what is its own")
        self.assertEqual(await self.applied(), 1400)
        self.assertEqual(await self.dead(), [])
        await self.assert_proven()

    async def test_a_worker_asked_to_leave_is_out_in_time_and_leaves_no_duplicate(self) -> None:
        """SIGTERM with work in flight: code 0 within ten seconds, its partitions are free at once."""
        process = await self.start()
        await self.until_owned()
        await self.send_mixed(1500, seed=4)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            self.assertEqual(await process.wait(), 0)
        self.assertFalse(any(one.owner for one in await self.operations.partitions()))
        await self.drain()
        self.assertEqual(await self.rows("SELECT sum(d) FROM @gen.partitions, unnest(duplicates) AS d"), [(0,)])
        self.assertEqual(await self.applied(), 1500)
        await self.assert_proven()
