"""What a batch does when the infrastructure fails, when its partition is no longer its own, and when too many records die."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg

from headrace import telemetry
from headrace.errors import Unavailable
from headrace.log.port import Misplaced, StoredRecord, Topic, partition_of
from headrace.log.postgres import PostgresLog
from headrace.store.ledger import PostgresLedger
from headrace.store.pool import Database
from headrace.store.sql import DEFAULT_SPACE
from headrace.stream.dead_letters import Brake
from headrace.stream.ledger import Fenced, Owned, Page
from tests.stream.world import StreamTestCase, raw, shown, user_of, view, wait_until, watch

PLACE = partition_of("anna", 4)


class OwningTestCase(StreamTestCase):
    """A tester that owns the partition of anna."""

    async def asyncSetUp(self) -> None:
        """Claim."""
        await super().asyncSetUp()
        self.owned: Owned = (await self.claim())[PLACE]

    async def assert_nothing_moved(self, before: object) -> None:
        """Assert that a failed batch left no trace."""
        self.assertEqual(await self.positions(), before)
        for table in ("dead_letters", "event_ids", "interactions", "item_popularity", "changelog", "user_history", "gaps"):
            self.assertEqual(await self.rows(f"SELECT count(*) FROM @gen.{table}"), [(0,)], table)


class FailuresOfTheInfrastructure(OwningTestCase):
    """They move nothing and blame nobody."""

    async def asyncSetUp(self) -> None:
        """Send a batch with a poisonous record in it."""
        await super().asyncSetUp()
        await self.send(view("jam"), raw(b"noise"), watch("film"), shown(["jam"]))
        self.before = await self.positions()

    async def assert_it_goes_on(self) -> None:
        """Assert that the same batch is applied once the fault is mended."""
        self.assertEqual(await self.processor().step(self.owned), 4)
        self.assertEqual(await self.counted(), {"jam": 1, "film": 1})
        self.assertEqual(await self.dead(), [("bad_json", "reco_interaction", 1)])
        await self.assert_proven()

    async def test_an_error_of_the_infrastructure_never_makes_a_dead_letter(self) -> None:
        """Conflicts of transactions, full disks, too many connections, shutdowns, broken files: later is another time."""
        await self.sql.execute(
            f"CREATE FUNCTION {self.gen}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'out of order' USING ERRCODE = (SELECT code FROM headrace.fault); END $$;"
            " CREATE TABLE headrace.fault (code text); INSERT INTO headrace.fault VALUES ('');"
            f" CREATE TRIGGER fail BEFORE INSERT ON {self.gen}.item_popularity FOR EACH ROW EXECUTE FUNCTION {self.gen}.fail()"
        )
        for code in ("40001", "40P01", "53100", "53200", "53300", "55P03", "57014", "57P01", "58030", "25P03", "XX000"):
            await self.sql.execute("UPDATE headrace.fault SET code = $1", code)
            with self.subTest(code), self.assertRaises(Unavailable):
                await self.processor().step(self.owned)
            await self.assert_nothing_moved(self.before)
        await self.sql.execute(f"DROP TRIGGER fail ON {self.gen}.item_popularity")
        await self.assert_it_goes_on()

    async def test_a_backend_terminated_in_the_middle_of_a_batch_leaves_nothing(self) -> None:
        """The connection is cut while the batch waits for a row; the next try applies it."""
        async with self.sql.transaction():
            await self.sql.execute(f"LOCK TABLE {self.gen}.co_visitation, {self.gen}.user_history IN EXCLUSIVE MODE")
            step = asyncio.create_task(self.processor().step(self.owned))
            await self._cut_the_waiting()
            with self.assertRaises(Unavailable):
                await step
        await self.assert_nothing_moved(self.before)
        await self.assert_it_goes_on()

    async def _cut_the_waiting(self) -> None:
        async def cut() -> object:
            return await self.sql.fetchval(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )

        await wait_until(cut, "a waiting batch")

    async def test_timeouts_of_statements_and_locks_leave_nothing(self) -> None:
        """Whichever statement waits too long, COPY included."""
        for setting in ("lock_timeout", "statement_timeout"):
            await self.sql.execute(
                f"ALTER DATABASE \"{await self.sql.fetchval('SELECT current_database()')}\" SET {setting} = '150ms'"
            )
            await self.sql.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            for table in ("event_ids", "watches", "item_popularity", "changelog", "dead_letters", "partitions"):
                async with self.sql.transaction():
                    await self.sql.execute(f"LOCK TABLE {self.gen}.{table} IN ACCESS EXCLUSIVE MODE")
                    with self.subTest(setting, table=table), self.assertRaises(Unavailable):
                        while True:  # the first may meet a connection that was cut above
                            await self.processor().step(self.owned)
                await self.assert_nothing_moved(self.before)
        await self.assert_it_goes_on()

    async def test_a_table_that_is_missing_or_forbidden_stops_the_worker_and_blames_no_record(self) -> None:
        """What no retry mends and no record caused is raised as it is; nothing has moved."""
        await self.sql.execute(f"ALTER TABLE {self.gen}.item_popularity RENAME TO elsewhere")
        with self.assertRaises(asyncpg.UndefinedTableError):
            await self.processor().step(self.owned)
        await self.sql.execute(f"ALTER TABLE {self.gen}.elsewhere RENAME TO item_popularity")
        await self.assert_nothing_moved(self.before)
        await self.assert_it_goes_on()

    async def test_a_batch_that_is_cancelled_at_any_moment_happens_whole_or_not_at_all(self) -> None:
        """Cancelled again and again, between any two statements and in the commit itself, it still counts once."""
        for n in range(60):
            step = asyncio.create_task(self.processor(limit=1).step(self.owned))
            for _ in range(n):
                await asyncio.sleep(0)
                if n % 3 == 0:
                    await asyncio.sleep(0.0004)
            step.cancel()
            await asyncio.wait([step])
            fresh = await self.ledger.reload("tester", PLACE)
            assert fresh is not None
            self.owned = fresh
            await self.send(view(f"item {n % 5}"))
        while await self.processor().step(self.owned):
            pass
        self.assertEqual(sum((await self.counted()).values()), 62)
        await self.assert_proven()

    async def test_an_answer_lost_after_the_commit_is_no_second_application(self) -> None:
        """Whoever hears nothing of its commit looks again and goes on behind it."""
        ledger = _Forgetful(self.ground.database, self.generation, space=DEFAULT_SPACE)
        with self.assertRaises(Unavailable):
            await self.processor(ledger=ledger).step(self.owned)
        with self.assertRaises(Fenced):
            await self.processor().step(self.owned)
        fresh = await self.ledger.reload("tester", PLACE)
        assert fresh is not None
        self.assertEqual(await self.processor().step(fresh), 0)
        self.assertEqual(await self.counted(), {"jam": 1, "film": 1})
        await self.assert_proven()


class _Forgetful(PostgresLedger):
    """Commits, and then loses the answer."""

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """Open a page whose commit nobody hears of."""
        async with super().page() as page:
            yield page
        raise Unavailable("postgres", "the answer to COMMIT was lost")


class _Distorted(PostgresLog):
    """A client library that leaves records out of what it hands over, or hands over others besides."""

    def __init__(self, database: Database, *, skip: int = 0, times: int = 1, again: int = 0) -> None:
        super().__init__(database, space=DEFAULT_SPACE, partitions=4, queue_records=1000)
        self._open = True
        self._skip = skip
        self._times = times
        self._again = again

    async def read(self, partition: int, positions: Mapping[Topic, int], *, limit: int) -> list[StoredRecord]:
        """Read, with the distortion."""
        if self._again:
            positions = {topic: max(0, position - self._again) for topic, position in positions.items()}
        records = await super().read(partition, positions, limit=limit)
        if self._times:
            self._times -= 1
            return records[self._skip :]
        return records


class _Straying(_Distorted):
    """A client library that hands over another partition's records as well."""

    async def read(self, partition: int, positions: Mapping[Topic, int], *, limit: int) -> list[StoredRecord]:
        """Read two partitions."""
        ours = await super().read(partition, positions, limit=limit)
        return ours + await super().read((partition + 1) % 4, dict.fromkeys(positions, 0), limit=limit)


class _MadeAnew(PostgresLog):
    """A log that somebody deleted and made again: what stands in the ledger lies behind its end."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, space=DEFAULT_SPACE, partitions=4, queue_records=1000)

    async def read(self, partition: int, positions: Mapping[Topic, int], *, limit: int) -> list[StoredRecord]:
        """Refuse the positions."""
        raise Misplaced(f"partition {partition} ends before {max(positions.values())} (at most {limit})")


class TheFence(OwningTestCase):
    """Who no longer owns a partition, or stands elsewhere than the ledger, writes nothing."""

    async def test_a_zombie_with_an_old_epoch_is_fenced(self) -> None:
        """Another owner's claim makes every older one void."""
        await self.send(view())
        await self.sql.execute(f"UPDATE {self.gen}.partitions SET lease_until = now() - interval '1 s'")
        await self.claim("heir")
        before = await self.positions()
        with self.assertRaises(Fenced):
            await self.processor().step(self.owned)
        await self.assert_nothing_moved(before)
        self.assertIsNone(await self.ledger.reload("tester", PLACE))

    async def test_a_batch_whose_positions_have_moved_is_fenced(self) -> None:
        """Two that believe to own the same epoch cannot both pass an offset."""
        await self.send(view("jam"), view("tea"))
        twin = Owned(self.owned.partition, self.owned.epoch, dict(self.owned.positions), self.owned.applied)
        await self.processor().step(self.owned)
        with self.assertRaises(Fenced):
            await self.processor().step(twin)
        self.assertEqual(await self.counted(), {"jam": 1, "tea": 1})
        await self.assert_proven()

    async def test_of_two_batches_at_once_one_is_fenced(self) -> None:
        """The second waits for the first at the fence and then finds the positions gone."""
        await self.send(view("jam"), view("tea"))
        twin = Owned(self.owned.partition, self.owned.epoch, dict(self.owned.positions), self.owned.applied)
        ended = await asyncio.gather(self.processor().step(self.owned), self.processor().step(twin), return_exceptions=True)
        self.assertEqual(sorted(map(repr, ended)), ["2", "Fenced()"])
        self.assertEqual(await self.counted(), {"jam": 1, "tea": 1})

    async def test_a_range_that_the_client_skipped_is_read_again(self) -> None:
        """A second look shows that the log still has it: nothing is lost, no gap is recorded."""
        await self.send(*(view(f"item {n}") for n in range(10)))
        before = telemetry.WORKER_REREADS.here()._value.get()
        self.assertEqual(await self.processor(log=_Distorted(self.ground.database, skip=4)).step(self.owned), 10)
        self.assertEqual(telemetry.WORKER_REREADS.here()._value.get() - before, 1)
        self.assertEqual(len(await self.counted()), 10)
        self.assertEqual(await self.rows("SELECT count(*) FROM @gen.gaps"), [(0,)])
        await self.assert_proven()

    async def test_a_position_behind_the_end_of_the_log_halts_the_partition(self) -> None:
        """Waiting for the log to grow up to it would be silent and for ever, and would leave out what comes meanwhile."""
        self.owned.positions[Topic.WATCH] = 7
        self.assertEqual(await self.processor(log=_MadeAnew(self.ground.database)).step(self.owned), 0)
        self.assertIn("ends before 7", self.owned.halted or "")
        self.assertEqual(await self.rows("SELECT count(*) FROM @gen.partitions WHERE halted LIKE '%ends before 7%'"), [(1,)])
        self.assertEqual(await self.rows("SELECT sum(applied) FROM @gen.partitions"), [(0,)])

    async def test_records_handed_over_again_do_not_move_the_position_back(self) -> None:
        """What lies below the position was applied, whoever hands it over again."""
        for n in range(4):
            await self.send(view(f"item {n}"), view("jam", event_id="once") if not n else view("jam"))
            await self.processor(log=_Distorted(self.ground.database, again=3)).step(self.owned)
        self.assertEqual(self.owned.positions[Topic.INTERACTION], 8)
        self.assertEqual(await self.counted(), {"jam": 4, **{f"item {n}": 1 for n in range(4)}})
        self.assertEqual(await self.rows("SELECT sum(skipped), sum(dead) FROM @gen.partitions"), [(0, 0)])
        await self.assert_proven()

    async def test_a_record_of_another_partition_is_left_aside(self) -> None:
        """A client that hands over what belongs to a partition that moved away adds nothing to ours."""
        other = user_of((PLACE + 1) % 4)
        await self.send(view("jam"), view("tea", user=other), view("film"))
        before = telemetry.WORKER_STRAYS.here()._value.get()
        self.assertEqual(await self.processor(log=_Straying(self.ground.database)).step(self.owned), 2)
        self.assertEqual(await self.counted(), {"jam": 1, "film": 1})
        self.assertEqual(telemetry.WORKER_STRAYS.here()._value.get() - before, 1)
        await self.assert_proven()

    async def test_a_gap_that_the_log_confirms_is_recorded_and_passed_once(self) -> None:
        """Offsets that are really gone are told, counted, and no reason to stand still."""
        await self.send(*(view(f"item {n}") for n in range(10)), watch())
        await self.sql.execute('DELETE FROM headrace.log_records WHERE topic = 0 AND "offset" IN (0, 1, 5, 6, 7)')
        self.assertEqual(await self.processor().step(self.owned), 6)
        self.assertEqual(set(await self.counted()), {"film", "item 2", "item 3", "item 4", "item 8", "item 9"})
        gaps = await self.rows("SELECT topic, partition, first_missing, next_present FROM @gen.gaps ORDER BY first_missing")
        self.assertEqual(gaps, [("interaction", PLACE, 0, 2), ("interaction", PLACE, 5, 8)])
        self.assertEqual(await self.rows("SELECT sum(skipped) FROM @gen.partitions"), [(5,)])
        await self.assert_proven()

    async def test_a_gap_beside_a_value_that_postgres_refuses_is_recorded_once(self) -> None:
        """Halving a batch neither loses a gap nor records it twice."""
        await self.sql.execute(f"ALTER TABLE {self.gen}.interactions ADD CHECK (item_id <> 'item 4')")
        await self.send(*(view(f"item {n}") for n in range(8)))
        await self.sql.execute('DELETE FROM headrace.log_records WHERE "offset" IN (3, 5)')
        await self.processor().step(self.owned)
        self.assertEqual(await self.rows("SELECT first_missing FROM @gen.gaps ORDER BY 1"), [(3,), (5,)])
        self.assertEqual(await self.dead(), [("refused_by_store", "reco_interaction", 4)])
        self.assertEqual(len(await self.counted()), 5)
        await self.assert_proven()

    async def test_a_worker_that_falls_silent_in_the_middle_of_a_batch_loses_its_locks(self) -> None:
        """Stopped between two statements it would hold its partition while it sleeps; its heir need not wait for that."""
        await self.ledger.leave("tester")
        owned = (await self.claim("sleeper", lease_ms=1000))[PLACE]
        await self.send(view())

        async def inherit() -> bool:
            return PLACE in await self.claim("heir", lease_ms=1000)

        with self.assertRaises(Unavailable):
            async with self.ledger.page() as page:
                await page.fence(owned, {**owned.positions, Topic.INTERACTION: 1}, 1)
                self.assertFalse(await inherit())
                await wait_until(inherit, "the lease to be over", seconds=5)
                await page.pass_gap(owned, Topic.INTERACTION, 0, 1)
        with self.assertRaises(Fenced):
            await self.processor().step(owned)
        self.assertEqual(await self.rows("SELECT sum(applied) FROM @gen.partitions"), [(0,)])


class TheBrake(OwningTestCase):
    """It stops a partition whose records die in masses."""

    async def test_a_run_of_poison_halts_the_partition_and_nothing_is_dropped(self) -> None:
        """Not one of them becomes a dead letter before someone has looked."""
        await self.send(view("first"), *(raw(b"noise") for _ in range(10)), view("last"))
        processor = self.processor(brake=Brake(run=10, ratio=1.0))
        self.assertEqual(await processor.step(self.owned), 0)
        self.assertIn("10 records in a row", self.owned.halted or "")
        self.assertEqual(await processor.step(self.owned), 0)
        self.assertEqual((await self.dead(), await self.counted()), ([], {}))
        self.assertEqual(await self.rows("SELECT sum(applied) FROM @gen.partitions"), [(0,)])

    async def test_a_run_across_batches_halts_as_well(self) -> None:
        """The brake remembers what the batches before have passed."""
        await self.send(*(raw(b"noise") for _ in range(25)))
        processor = self.processor(brake=Brake(run=10, ratio=1.0), limit=4)
        while await processor.step(self.owned):
            pass
        self.assertEqual(len(await self.dead()), 8)
        self.assertIsNotNone(self.owned.halted)

    async def test_too_large_a_share_of_poison_halts_the_partition(self) -> None:
        """Two of three never make a run, and still are too many."""
        await self.send(*(raw(b"noise") if n % 3 else view(f"item {n}") for n in range(150)))
        processor = self.processor(brake=Brake(run=100, ratio=0.5))
        self.assertEqual(await processor.step(self.owned), 0)
        self.assertIn("100 of the last 150", self.owned.halted or "")
        self.assertEqual(await self.dead(), [])

    async def test_one_in_a_hundred_does_not_halt(self) -> None:
        """A few bad records are no reason to stop."""
        await self.send(*(raw(b"noise") if n % 10 == 0 else view() for n in range(300)))
        processor = self.processor(brake=Brake(run=10, ratio=0.2), limit=60)
        while await processor.step(self.owned):
            pass
        self.assertIsNone(self.owned.halted)
        self.assertEqual(len(await self.dead()), 30)

    async def test_a_value_that_postgres_refuses_counts_for_the_brake(self) -> None:
        """A column that refuses every event is a fault of ours: it halts instead of burying all of them."""
        await self.sql.execute(f"ALTER TABLE {self.gen}.interactions ADD CONSTRAINT unfit CHECK (false)")
        await self.send(*(view(f"item {n}") for n in range(40)))
        processor = self.processor(brake=Brake(run=10, ratio=1.0))
        self.assertEqual(await processor.step(self.owned), 0)
        self.assertIsNotNone(self.owned.halted)
        self.assertLess(len(await self.dead()), 10)

    def test_a_released_brake_lets_the_bad_stretch_pass_and_holds_again_behind_it(self) -> None:
        """Who says go on has looked at what is bad; the next mass of poison halts anew."""
        brake = Brake(run=5, ratio=0.5)
        dead: Sequence[bool] = [True] * 5
        self.assertIsNotNone(brake.would_halt(list(dead)))
        brake.release()
        for _ in range(3):
            self.assertIsNone(brake.would_halt(list(dead)))
            brake.note(list(dead))
        brake.note([True, False, False])
        self.assertIsNotNone(brake.would_halt(list(dead)))
