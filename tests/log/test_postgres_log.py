"""The embedded log: the promises of every log, and what only this one has: partitions, day tables, a server that goes away."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import asyncpg

from headrace.embedded.postgres import EmbeddedPostgres
from headrace.errors import Poison, Unavailable
from headrace.log.port import LARGEST_READ_BYTES, TOPICS, Log, NewRecord, PartitionsDiffer, Topic, Verdict, partition_of
from headrace.log.postgres import PostgresLog, retention
from headrace.store.migrations import migrate_space
from headrace.store.pool import Database
from headrace.store.settings import DatabaseSettings
from headrace.store.sql import DEFAULT_SPACE
from tests.log import promises
from tests.log.promises import Follower, digest, record
from tests.support.postgres import PostgresTestCase, drop_database, fresh_database

DAY_MS = 86_400_000


class PostgresLogTestCase(PostgresTestCase):
    """A database of its own, logs on it, and a plain connection to look behind them."""

    async def asyncSetUp(self) -> None:
        """Connect."""
        await super().asyncSetUp()
        self.sql = await asyncpg.connect(self.url)
        self.addAsyncCleanup(self.sql.close)

    def database(self) -> Database:
        """Return a pool of its own."""
        database = Database(DatabaseSettings(self.url, pool_max=3))
        self.addAsyncCleanup(database.close)
        return database

    def unopened(self, *, partitions: int = 4, queue_records: int = 20_000) -> PostgresLog:
        """Return a log on a pool of its own."""
        log = PostgresLog(self.database(), space=DEFAULT_SPACE, partitions=partitions, queue_records=queue_records)
        self.addAsyncCleanup(log.close)
        return log

    async def make_log(self, *, queue_records: int = 20_000) -> PostgresLog:
        """Return an opened log on a pool of its own."""
        log = self.unopened(queue_records=queue_records)
        await log.open()
        return log


class ThePostgresLogKeepsThePromises(PostgresLogTestCase, promises.LogPromises):
    """The promises, kept by Postgres."""

    async def make_log(self, *, queue_records: int = 20_000) -> PostgresLog:
        """Return an opened log on a pool of its own."""
        return await PostgresLogTestCase.make_log(self, queue_records=queue_records)

    async def make_unopened_log(self) -> Log:
        """Return a log that nobody has opened."""
        return self.unopened()


class TheNumberOfPartitionsIsFixed(PostgresLogTestCase):
    """Once a log exists its number of partitions stays."""

    async def test_a_record_larger_than_a_read_may_be_is_handed_over_alone(self) -> None:
        """No record can hold up those behind it, and the other topics have their share."""
        log = await self.make_log()
        for size in (10, LARGEST_READ_BYTES, 10):
            await log.append([record(topic=topic)._replace(value=b"x" * size) for topic in TOPICS], atomic=True)
        place = partition_of("anna", 4)
        sizes = []
        positions = dict.fromkeys(TOPICS, 0)
        for _ in range(3):
            found = await log.read(place, positions, limit=500)
            sizes.append([len(one.value) for one in found])
            positions = {topic: position + 1 for topic, position in positions.items()}
        self.assertEqual(sizes, [[size] * len(TOPICS) for size in (10, LARGEST_READ_BYTES, 10)])

    async def test_another_number_of_partitions_is_refused_with_the_mend(self) -> None:
        """The message says which setting to correct, and to what."""
        with self.assertRaisesRegex(PartitionsDiffer, "has 4 partitions.* asks for 8.*HEADRACE_LOG_PARTITIONS=4"):
            await self.unopened(partitions=8).open()

    async def test_processes_that_ask_for_different_numbers_at_once_never_both_get_their_way(self) -> None:
        """Of two that make the log at the same moment one is refused."""
        url = await fresh_database(migrated=False)
        self.addAsyncCleanup(drop_database, url)
        self.url = url
        databases = [self.database() for _ in range(6)]
        await asyncio.gather(*(migrate_space(database, DEFAULT_SPACE) for database in databases))
        logs = [
            PostgresLog(database, space=DEFAULT_SPACE, partitions=2 + n % 2, queue_records=10)
            for n, database in enumerate(databases)
        ]
        ended = await asyncio.gather(*(log.open() for log in logs), return_exceptions=True)
        self.assertEqual(sum(isinstance(end, PartitionsDiffer) for end in ended), 3)
        self.assertEqual(sum(end is None for end in ended), 3)


class IdsTakenBefore(PostgresLogTestCase):
    """An instance takes ids for new until Postgres says otherwise; what it then tells and stores is the same."""

    async def test_ids_that_another_instance_took_are_told_in_a_group_with_new_ones(self) -> None:
        """New, known and conflicting ones in one commit; each sender hears of its own, whatever came just before."""
        first, second = await self.make_log(), await self.make_log()
        await first.append([record("a"), record("b")], atomic=True)
        for turn in range(3):
            with self.subTest(turn):
                new = record(f"new {turn}")
                calls = (
                    [new],
                    [record("a")],
                    [record("b", payload="other")],
                    [record(f"atomic {turn}"), record("a", payload="x")],
                )
                told = await asyncio.gather(*(second.append(call, atomic=True) for call in calls))
                ok, duplicate, conflict = Verdict.OK, Verdict.DUPLICATE, Verdict.CONFLICT
                self.assertEqual(told, [[ok], [duplicate], [conflict], [ok, conflict]])
                self.assertEqual(await second.append([record(f"later {turn}")], atomic=True), [ok])
                self.assertEqual(await first.append([new, record(f"later {turn}")], atomic=True), [duplicate, duplicate])
        self.assertEqual(sum((await second.ends()).values()), 2 + 2 * 3)

    async def test_new_ids_cost_one_statement_and_known_ones_a_look(self) -> None:
        """A group of new ids is one commit and one way to Postgres and back."""
        log = await self.make_log()
        self.assertEqual(await self.looks(log, [record("a"), record("b")]), 0)
        self.assertEqual(await self.looks(log, [record("a"), record("c")]), 1)
        self.assertEqual(await self.looks(log, [record("d")]), 1, "the one after a known one is looked up")
        self.assertEqual(await self.looks(log, [record("e")]), 0)

    async def looks(self, log: PostgresLog, records: list[NewRecord]) -> int:
        """Append and return how many reads of the table of ids by their key that took."""
        with mock.patch.object(log, "_known", wraps=log._known) as known:
            await log.append(records, atomic=True)
        return known.await_count


class RecordsThatStandAlone(PostgresLogTestCase):
    """A call whose records have nothing to do with each other is written in as many groups as there are lanes."""

    def many(self, log: PostgresLog, number: int) -> list[NewRecord]:
        """Return records of many keys, in both lanes."""
        records = [record(f"id {n}", key=f"user {n % 7}", payload=str(n)) for n in range(number)]
        self.assertEqual(len({log._lane_of((one,)) for one in records}), 2)
        return records

    async def test_what_is_stored_is_stored_once_in_the_order_of_its_key(self) -> None:
        """New, known and conflicting ones."""
        log = await self.make_log()
        records = self.many(log, 40)
        await log.append(records[:10], atomic=True)
        changed = [one._replace(payload_hash=digest("x")) for one in records[5:10]]
        told = await log.append_each([*records[:5], *changed, *records[10:]])
        self.assertEqual(told, [Verdict.DUPLICATE] * 5 + [Verdict.CONFLICT] * 5 + [Verdict.OK] * 30)
        stored = [one for place in range(4) for one in await log.read(place, {Topic.WATCH: 0}, limit=100)]
        self.assertEqual(sorted(one.value for one in stored), sorted(one.value for one in records))
        for key in {one.key for one in records}:
            self.assertEqual([one.value for one in stored if one.key == key], [one.value for one in records if one.key == key])

    async def test_of_two_with_one_id_the_first_is_first_also_where_they_belong_to_different_lanes(self) -> None:
        """Nobody knows which lane is quicker."""
        log = await self.make_log()
        for n in range(20):
            first, second = (record(f"id {n}", key=f"user {n} {m}", payload=str(m)) for m in range(2))
            told = await log.append_each([first, record(f"more {n}"), second])
            self.assertEqual(told, [Verdict.OK, Verdict.OK, Verdict.CONFLICT])

    async def test_one_that_postgres_refuses_stands_alone_and_those_of_the_other_lane_are_told_once(self) -> None:
        """All others are new, and told so."""
        log = await self.make_log()
        records = [*self.many(log, 8), record("bad", key="a\x00b"), *(record(f"more {n}", key=f"user {n}") for n in range(8))]
        *before, bad = (await log.append_each(records))[:9]
        self.assertIsInstance(bad, Poison)
        self.assertEqual(before, [Verdict.OK] * 8)
        self.assertEqual(sum((await log.ends()).values()), 16)

    async def test_a_queue_has_room_for_all_of_a_call_or_takes_none_of_it(self) -> None:
        """What is refused for want of room was not stored."""
        log = await self.make_log(queue_records=10)
        records = self.many(log, 10)
        waiting = asyncio.ensure_future(log.append_each(records[:3]))
        await asyncio.sleep(0)
        with self.assertRaises(Unavailable):
            await log.append_each(records[2:])
        self.assertEqual(await waiting, [Verdict.OK] * 3)
        self.assertEqual(sum((await log.ends()).values()), 3)


class AValueThatPostgresRefuses(PostgresLogTestCase):
    """The door judges first; should it ever let something through, only its sender suffers."""

    async def test_a_refused_value_harms_no_neighbour_of_its_group(self) -> None:
        """Calls that share its commit are stored, and so are those that come after."""
        log = await self.make_log()
        bad = record("bad")._replace(key="a\x00b")
        calls = [record(), record("b"), bad, record("c"), record("worse")._replace(key="\ud800")]
        ended = await asyncio.gather(*(log.append([one], atomic=True) for one in calls[:4]), return_exceptions=True)
        self.assertIsInstance(ended[2], Poison)
        self.assertEqual([ended[0], ended[1], ended[3]], [[Verdict.OK]] * 3)
        self.assertEqual(await log.append([record("d")], atomic=True), [Verdict.OK])
        self.assertEqual(sum((await log.ends()).values()), 4)


class ADatabaseThatGoesAway(PostgresLogTestCase):
    """Faults of the infrastructure: nothing half-written, and the log goes on by itself."""

    async def test_nothing_is_half_written_when_the_connection_is_cut(self) -> None:
        """A writer whose connections are terminated tells its callers, and a repeat stores each record once."""
        log = await self.make_log()
        sent = [[record(f"{n} {part}", key=f"user {n}") for part in "xyz"] for n in range(60)]

        async def cut() -> None:
            for _ in range(8):
                await self.sql.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'headrace' AND datname = current_database()"
                )
                await asyncio.sleep(0.005)

        async def send(records: list[NewRecord]) -> int:
            failures = 0
            while True:
                try:
                    verdicts = await log.append(records, atomic=True)
                except Unavailable:
                    failures += 1
                    await asyncio.sleep(0.01)
                else:
                    self.assertEqual(len(set(verdicts)), 1)
                    return failures

        *failures, _ = await asyncio.gather(*(send(records) for records in sent), cut())
        follower = Follower(log)
        await follower.until(180)
        self.assertEqual(set(follower.values.values()), {1})
        self.assertEqual(sum((await log.ends()).values()), 180)
        self.assertEqual(await self.sql.fetchval("SELECT count(*) FROM headrace.door_ids"), 180)
        self.assertGreater(sum(one or 0 for one in failures), 0)

    async def test_a_stopped_server_is_unavailable_and_serves_again_after_its_return(self) -> None:
        """While Postgres is down every call says ``Unavailable`` soon; afterwards the same log works without being reopened."""
        home = Path(tempfile.mkdtemp(prefix="headrace-tests-log-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        home.chmod(0o755)  # noqa: ASYNC240 - one call
        server = EmbeddedPostgres(home, durable=False)
        self.url = await asyncio.to_thread(server.start)
        self.addCleanup(server.stop)
        database = self.database()
        await migrate_space(database, DEFAULT_SPACE)
        log = PostgresLog(database, space=DEFAULT_SPACE, partitions=1, queue_records=100)
        await log.open()
        await log.append([record("before")], atomic=True)
        await asyncio.to_thread(server.stop)
        for call in (
            log.append([record("while")], atomic=True),
            log.read(0, {Topic.WATCH: 0}, limit=1),
            log.ends(),
            log.begins(),
        ):
            with self.assertRaises(Unavailable):
                async with asyncio.timeout(8):
                    await call
        await asyncio.to_thread(server.start)
        self.assertEqual(await log.append([record("before"), record("while")], atomic=True), [Verdict.DUPLICATE, Verdict.OK])
        await log.close()
        await database.close()


class Retention(PostgresLogTestCase):
    """What the log keeps, and what it lets go of."""

    async def asyncSetUp(self) -> None:
        """Open a log and read the database's date."""
        await super().asyncSetUp()
        self.log = await self.make_log()
        self.now_ms: int = await self.sql.fetchval("SELECT (extract(epoch FROM now()) * 1000)::bigint")

    async def tables(self) -> set[str]:
        """Return the names of the day tables."""
        rows = await self.sql.fetch("SELECT tablename FROM pg_tables WHERE tablename ~ 'log_records_2'")
        return {row["tablename"] for row in rows}

    async def tend(self, applied: dict[tuple[Topic, int], int] | None = None, *, days_later: int = 0) -> None:
        """Tend the log as if so many days had passed."""
        await retention.tend(
            self.database(),
            space=DEFAULT_SPACE,
            now_ms=self.now_ms + days_later * DAY_MS,
            retention_hours=48,
            applied=await self.log.ends() if applied is None else applied,
        )

    async def test_an_opened_log_has_tables_for_today_and_the_days_to_come(self) -> None:
        """The first record already goes to its own day's table."""
        self.assertEqual(len(await self.tables()), retention.AHEAD + 1)
        await self.log.append([record()], atomic=True)
        self.assertEqual(await self.sql.fetchval("SELECT count(*) FROM headrace.log_records_otherwise"), 0)

    async def test_days_are_made_ahead_and_only_once(self) -> None:
        """Tending again changes nothing; a day later there is one more."""
        await self.tend()
        before = await self.tables()
        await self.tend()
        self.assertEqual(await self.tables(), before)
        await self.tend(days_later=1)
        self.assertEqual(len(await self.tables() - before), 1)

    async def test_several_processes_may_tend_at_once(self) -> None:
        """Workers that start together do not stumble over each other's new tables."""
        before = await self.tables()
        await asyncio.gather(*(self.tend(days_later=30) for _ in range(6)))
        self.assertEqual(len(await self.tables()), retention.AHEAD + 1)
        self.assertFalse(await self.tables() & before)

    async def test_records_of_the_table_of_the_rest_move_to_their_day(self) -> None:
        """A day without a table of its own gets one later, and its offsets stay contiguous."""
        for day in sorted(await self.tables()):
            await self.sql.execute(f"DROP TABLE headrace.{day}")
        await self.log.append([record() for _ in range(10)], atomic=True)
        await self.sql.execute('UPDATE headrace.log_records_otherwise SET day = day - 1 WHERE "offset" < 4')
        await self.tend()
        self.assertEqual(await self.sql.fetchval("SELECT count(*) FROM headrace.log_records_otherwise"), 0)
        self.assertEqual(len(await self.tables()), retention.AHEAD + 2)
        follower = Follower(self.log)
        await follower.until(10)

    async def test_days_can_be_made_while_writers_go_on(self) -> None:
        """A record on its way into the table of the rest neither hinders the new table nor is refused."""
        for day in sorted(await self.tables()):
            await self.sql.execute(f"DROP TABLE headrace.{day}")
        logs = [await self.make_log() for _ in range(3)]
        for _ in range(6):
            for day in sorted(await self.tables()):
                await self.sql.execute(f"DROP TABLE headrace.{day}")
            start = await self.log.ends()
            calls = asyncio.gather(
                *(logs[n % 3].append([record(key=f"user {n}")], atomic=True) for n in range(60)), self.tend()
            )
            await calls
            ends = await self.log.ends()
            self.assertEqual(sum(ends.values()) - sum(start.values()), 60)
            self.assertEqual(await self.sql.fetchval("SELECT count(*) FROM headrace.log_records"), 60)

    async def test_old_applied_days_are_dropped_and_offsets_go_on(self) -> None:
        """After the retention an applied day goes as a whole; the log begins behind it and counts on."""
        await self.log.append([record(key=f"user {n}", topic=topic) for n in range(20) for topic in TOPICS], atomic=True)
        ends = await self.log.ends()
        await self.tend(days_later=2)
        self.assertEqual(sum((await self.log.begins()).values()), 0)
        await self.tend(days_later=3)
        self.assertEqual(await self.log.begins(), ends)
        await self.log.append([record(key="user 1")], atomic=True)
        self.assertEqual(sum((await self.log.ends()).values()), sum(ends.values()) + 1)

    async def test_a_day_with_one_record_that_is_not_applied_is_never_dropped(self) -> None:
        """However old: what is not applied stays, and so does every later day."""
        await self.log.append([record(key=f"user {n}") for n in range(20)], atomic=True)
        applied = await self.log.ends()
        behind = next(place for place, end in applied.items() if end)
        applied[behind] -= 1
        before = await self.log.begins()
        await self.tend(applied, days_later=400)
        self.assertEqual(await self.log.begins(), before)
        await self.tend({}, days_later=400)
        self.assertEqual(await self.log.begins(), before)

    async def test_the_door_forgets_old_ids_but_not_those_of_declared_imports(self) -> None:
        """Six weeks are longer than the age the door admits; history has no such age."""
        now = [record(name)._replace(timestamp_ms=self.now_ms) for name in ("live", "import")]
        await self.log.append([now[0], now[1]._replace(kept=True)], atomic=True)
        await self.tend(days_later=41)
        self.assertEqual(await self.sql.fetchval("SELECT count(*) FROM headrace.door_ids"), 2)
        await self.tend(days_later=43)
        self.assertEqual([row["id"] for row in await self.sql.fetch("SELECT id FROM headrace.door_ids")], [digest("import")])
