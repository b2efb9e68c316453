"""Workers share the partitions, take over from each other, and never work on the same one."""

import asyncio
from collections import Counter
from dataclasses import replace

from headrace import telemetry
from headrace.clock import SystemClock
from headrace.store.ledger import PostgresLedger
from headrace.store.pool import Database
from headrace.store.sql import DEFAULT_SPACE
from headrace.stream.dead_letters import Brake
from headrace.stream.ownership import Worker
from tests.stream.world import StreamTestCase, raw, user_of, view, wait_until

LEASE_MS = 1000


class SharingPartitions(StreamTestCase):
    """Workers in one process, each with a pool of its own."""

    async def asyncSetUp(self) -> None:
        """Have no workers yet."""
        await super().asyncSetUp()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.workers: dict[str, Worker] = {}
        self.addAsyncCleanup(self.end)

    async def end(self) -> None:
        """Stop all workers; one that failed fails the test."""
        for worker in self.workers.values():
            worker.stop()
        await asyncio.gather(*self.tasks.values())

    def start(self, name: str, **settings: int) -> Worker:
        """Start a worker."""
        database = Database(self.settings.database)
        self.addAsyncCleanup(database.close)
        ledger = PostgresLedger(database, self.generation, space=DEFAULT_SPACE)
        stream = replace(self.settings.stream, **{"lease_ms": LEASE_MS, "idle_poll_ms": 5, **settings})
        worker = Worker(name, self.log, ledger, SystemClock(), stream, dict)
        self.workers[name] = worker
        self.tasks[name] = asyncio.create_task(worker.run())
        return worker

    async def owners(self) -> Counter[str]:
        """Return how many partitions each owner holds."""
        return Counter(one.owner for one in await self.operations.partitions() if one.owner and one.leased)

    async def until_owned(self, seconds: float = 10, **shares: int) -> None:
        """Wait until the partitions are shared like this."""

        async def shared() -> bool:
            return await self.owners() == Counter(shares)

        await wait_until(shared, f"the shares {shares}", seconds=seconds)

    async def until_applied(self, number: int) -> None:
        """Wait until so many records are applied."""

        async def done() -> bool:
            return await self.applied() >= number

        await wait_until(done, f"{number} applied records")

    async def send_some(self, number: int) -> None:
        """Send events to all partitions."""
        await self.send(*(view(f"item {n % 7}", user=user_of(n % 4)) for n in range(number)))

    async def test_two_workers_share_the_partitions_and_give_them_back(self) -> None:
        """Each has its half; when one stops, the other has all without waiting for a lease."""
        self.start("one")
        await self.until_owned(one=4)
        self.start("two")
        await self.until_owned(one=2, two=2)
        await self.send_some(100)
        await self.until_applied(100)
        self.workers["one"].stop()
        await self.tasks["one"]
        await self.until_owned(two=4, seconds=LEASE_MS / 1000 / 2)
        await self.send_some(100)
        await self.until_applied(200)
        self.assertEqual(sum((await self.counted()).values()), 200)
        await self.assert_proven()

    async def test_the_share_of_a_worker_that_vanished_is_taken_over_after_its_lease(self) -> None:
        """A worker that died says no goodbye; its leases run out."""
        dead = await self.claim("dead", lease_ms=LEASE_MS)
        self.assertEqual(len(dead), 4)
        self.start("heir")
        await self.send_some(40)
        await self.until_owned(heir=4)
        await self.until_applied(40)
        await self.assert_proven()

    async def test_workers_come_and_go_in_the_middle_of_the_work_and_everything_counts_once(self) -> None:
        """Partitions change hands while batches are running; cancelled batches are rolled back whole."""
        for n in range(8):
            await self.send_some(150)
            self.start(f"worker {n}", max_poll_records=7)
            if n >= 2:
                leaver = f"worker {n - 2}"
                self.workers[leaver].stop()
                if n % 2:
                    self.tasks[leaver].cancel()
                await asyncio.wait([self.tasks.pop(leaver)])
                del self.workers[leaver]
            await asyncio.sleep(0.1)
        await self.until_applied(1200)
        self.assertEqual(sum((await self.counted()).values()), 1200)
        self.assertEqual(await self.dead(), [])
        await self.assert_proven()

    async def test_a_worker_lives_through_cut_connections(self) -> None:
        """It backs off, looks again and goes on; nothing dies and nothing counts twice."""
        self.start("one", max_poll_records=10)
        for n in range(10):
            await self.send_some(60)
            await self.sql.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND ($1 OR state <> 'idle')",
                n % 2 == 0,
            )
        await self.until_applied(600)
        self.assertEqual(sum((await self.counted()).values()), 600)
        self.assertEqual(await self.dead(), [])
        await self.assert_proven()

    async def test_partitions_whose_claim_was_never_answered_are_claimed_again(self) -> None:
        """What the ledger calls ours and we know nothing of must not be leased for ever without being worked on."""
        await self.claim("one", lease_ms=LEASE_MS)
        self.start("one")
        await self.send_some(40)
        await self.until_applied(40)
        await self.assert_proven()

    async def test_a_halted_partition_goes_on_when_it_is_let(self) -> None:
        """Others go on meanwhile; after the word of an operator what cannot be applied becomes dead letters."""
        await self.send(*(raw(b"noise", user=user_of(0)) for _ in range(30)))
        await self.send_some(40)
        self.start("one", brake_run=10, max_poll_records=5)

        async def halted() -> bool:
            return any(one.halted for one in await self.operations.partitions())

        await wait_until(halted, "the brake")
        await self.until_applied(30 + 5)
        self.assertEqual(len(await self.dead()), 5)
        self.assertEqual(await self.operations.resume(), [0])
        await self.until_applied(70)
        self.assertEqual(len(await self.dead()), 30)
        self.assertEqual(sum((await self.counted()).values()), 40)
        await self.assert_proven()

    async def test_a_release_that_nobody_was_there_to_hear_holds_for_the_next_owner(self) -> None:
        """Let go on while no worker lives, the partition does not halt once more; the brake holds again behind the stretch."""
        await self.send(*(raw(b"noise", user=user_of(0)) for _ in range(30)), view(user=user_of(0)))
        await self._until_halted("one")
        await self._end_worker("one")
        self.assertEqual(await self.operations.resume([1, 2]), [])
        self.assertEqual(await self.operations.resume([0, 1]), [0])
        self.start("two", brake_run=10, max_poll_records=5)
        await self.until_applied(31)
        self.assertEqual(len(await self.dead()), 30)
        self.assertEqual(await self.rows("SELECT partition FROM @gen.partitions WHERE released"), [])
        await self._end_worker("two")
        await self.send(*(raw(b"noise", user=user_of(0)) for _ in range(30)))
        await self._until_halted("three")
        self.assertLess(len(await self.dead()), 60)

    async def test_a_release_survives_an_owner_that_dies_in_the_middle_of_the_stretch(self) -> None:
        """Whoever takes over lets the rest of it pass as well."""
        await self.send(*(raw(b"noise", user=user_of(0)) for _ in range(60)))
        await self._until_halted("one")
        await self._end_worker("one")
        await self.operations.resume()
        owned = (await self.claim("dead", lease_ms=LEASE_MS))[0]
        self.assertTrue(owned.released)
        brake = Brake(run=10, ratio=1.0)
        brake.release()
        self.assertEqual(await self.processor(brake=brake, limit=20).step(owned), 20)
        self.start("heir", brake_run=10, max_poll_records=5)
        await self.until_applied(60)
        self.assertEqual(len(await self.dead()), 60)

    async def _until_halted(self, name: str) -> None:
        self.start(name, brake_run=10, max_poll_records=5)

        async def halted() -> bool:
            return any(one.halted for one in await self.operations.partitions())

        await wait_until(halted, "the brake")

    async def _end_worker(self, name: str) -> None:
        self.workers.pop(name).stop()
        await self.tasks.pop(name)

    async def test_a_worker_waits_for_dead_letters_that_cannot_be_stored(self) -> None:
        """Their table refuses or is gone: the offset does not move, others go on, the worker lives and says what to mend."""
        for broken, mended in (
            ("ADD CONSTRAINT full_up CHECK (false) NOT VALID", "DROP CONSTRAINT full_up"),
            ("RENAME TO elsewhere", None),
            ("RENAME COLUMN payload TO content", "RENAME COLUMN content TO payload"),
        ):
            with self.subTest(broken):
                before, letters = await self.applied(), len(await self.dead())
                await self.sql.execute(f"ALTER TABLE {self.gen}.dead_letters {broken}")
                self.start("one")
                await self.send(view(user=user_of(0)), raw(b"noise", user=user_of(0)), view(user=user_of(1)))
                await self.until_applied(before + 1)
                await wait_until(self._waiting, "the wait to be told")
                self.assertFalse(self.tasks["one"].done())
                self.assertEqual(await self.applied(), before + 1)
                await self.sql.execute(
                    f"ALTER TABLE {self.gen}.dead_letters {mended}"
                    if mended
                    else f"ALTER TABLE {self.gen}.elsewhere RENAME TO dead_letters"
                )
                await self.until_applied(before + 3)
                self.assertEqual(len(await self.dead()), letters + 1)
                await self._end_worker("one")
        await self.assert_proven()

    async def _waiting(self) -> bool:
        return bool(telemetry.WORKER_WAITING.here()._value.get() == 1)

    async def _held_up(self) -> bool:
        query = """
            SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
            WHERE NOT l.granted AND d.datname = current_database()
        """
        return int(await self.sql.fetchval(query)) > 1  # one may be the worker itself, looking after its share

    async def test_a_stopping_worker_does_not_wait_for_a_database_that_hangs(self) -> None:
        """It is out in time, whatever its batches wait for, and leaves nothing half done."""
        self.start("one")
        await self.until_owned(one=4)
        async with self.sql.transaction():
            await self.sql.execute(f"LOCK TABLE {self.gen}.partitions, {self.gen}.event_ids IN ACCESS EXCLUSIVE MODE")
            await self.send_some(20)
            await wait_until(self._held_up, "a batch that hangs")
            self.workers["one"].stop()
            async with asyncio.timeout(9):
                await self.tasks["one"]
        self.start("two")
        await self.until_applied(20)
        await self.assert_proven()
