"""The migrations make the schema that the queries, the page of tables and several processes at once rely on."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import asyncpg

import headrace
from headrace import config, wiring
from headrace.config import Settings
from headrace.store import migrations
from headrace.store.pool import Database
from headrace.store.settings import DatabaseSettings
from headrace.store.sql import Queries, named, place
from tests.store import schema
from tests.support.postgres import PostgresTestCase, drop_database, fresh_database

SOURCES = Path(headrace.__file__).parent
FILES = sorted(SOURCES.rglob("queries.sql"))


def one_connection(url: str, group: str) -> Settings:
    """Return the settings of a process with a single connection."""
    settings = config.read({"DATABASE_URL": url, "KAFKA_WORKER_GROUP_ID": group})
    return replace(settings, database=replace(settings.database, pool_min=1, pool_max=1))


class Migrations(PostgresTestCase):
    """Each is applied once, whoever comes first."""

    async def test_migrating_again_changes_nothing(self) -> None:
        """A database that is up to date is left as it is."""
        before = await schema.page(self.url)
        sql = await asyncpg.connect(self.url)
        self.addAsyncCleanup(sql.close)
        applied = (
            "SELECT name, applied_at FROM headrace.migrations UNION ALL SELECT name, applied_at FROM headrace_g1.migrations"
        )
        done = await sql.fetch(applied)
        await wiring.migrate(config.read({"DATABASE_URL": self.url}))
        self.assertEqual(await sql.fetch(applied), done)
        self.assertEqual(await schema.page(self.url), before)

    async def test_several_processes_may_migrate_an_empty_database_at_once(self) -> None:
        """One makes the tables, the others find them made: one generation, one set of partitions."""
        url = await fresh_database(migrated=False)
        self.addAsyncCleanup(drop_database, url)
        settings = [one_connection(url, group) for group in ("one", "one", "two", "one", "two", "one")]
        await asyncio.gather(*(wiring.migrate(one) for one in settings))
        self.assertEqual(await schema.page(url), await schema.page(self.url))
        sql = await asyncpg.connect(url)
        self.addAsyncCleanup(sql.close)
        generations = await sql.fetch("SELECT number, group_id FROM headrace.generations")
        self.assertEqual({row["number"] for row in generations}, {1, 2})
        self.assertEqual({row["group_id"] for row in generations}, {"one", "two"})
        for number in (1, 2):
            self.assertEqual(await sql.fetchval(f"SELECT count(*) FROM headrace_g{number}.partitions"), 4)
        self.assertEqual(await sql.fetchval("SELECT generation FROM headrace.live"), 1)

    async def test_a_start_waits_for_nobody_once_all_is_made(self) -> None:
        """A process that sleeps with a lock in its hands does not keep another from starting."""
        sql = await asyncpg.connect(self.url)
        self.addAsyncCleanup(sql.close)
        await sql.execute(
            "SELECT pg_advisory_lock(x) FROM unnest($1::bigint[]) AS x", [migrations.LOCK, 0x67656E65, 0x64617973, 0x6C6F6700]
        )
        async with sql.transaction():
            await sql.execute(
                "UPDATE headrace_g1.partitions SET epoch = epoch + 1; UPDATE headrace.log_heads SET next_offset = 0"
            )
            async with asyncio.timeout(5):
                await wiring.migrate(config.read({"DATABASE_URL": self.url}))

    async def test_a_migration_that_fails_leaves_nothing_and_is_done_again(self) -> None:
        """Each stands in a transaction of its own."""
        url = await fresh_database(migrated=False)
        self.addAsyncCleanup(drop_database, url)
        sql = await asyncpg.connect(url)
        self.addAsyncCleanup(sql.close)
        await sql.execute("CREATE SCHEMA headrace; CREATE TABLE headrace.imports (odd int)")
        settings = config.read({"DATABASE_URL": url})
        with self.assertRaises(asyncpg.DuplicateTableError):
            await wiring.migrate(settings)
        self.assertIsNone(await sql.fetchval("SELECT to_regclass('headrace.log_heads')"))
        await sql.execute("DROP TABLE headrace.imports")
        await wiring.migrate(settings)
        self.assertEqual(await schema.page(url), await schema.page(self.url))

    async def test_the_page_of_tables_is_up_to_date(self) -> None:
        """``docs/reference/schema.md`` shows the tables that the migrations make."""
        now = await schema.page(self.url)
        self.assertEqual(schema.PAGE.read_text(), now, "write it anew: ./venv/bin/python -m tests.store.schema")

    async def test_every_table_has_a_sentence(self) -> None:
        """A reader of the schema is told what each table is for, except archives, whose columns are the contract's."""
        sql = await asyncpg.connect(self.url)
        self.addAsyncCleanup(sql.close)
        bare = await sql.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace IN ('headrace'::regnamespace, 'headrace_g1'::regnamespace)"
            " AND relkind IN ('r', 'p', 'v') AND NOT relispartition AND obj_description(oid, 'pg_class') IS NULL"
        )
        self.assertEqual({row["relname"] for row in bare}, {"migrations", "interactions", "watches", "impression_lists"})


class TheQueries(PostgresTestCase):
    """SQL by name."""

    async def test_every_query_can_be_prepared(self) -> None:
        """Each fits the schema that the migrations make."""
        sql = await asyncpg.connect(self.url)
        self.addAsyncCleanup(sql.close)
        for file in FILES:
            for name, text in named(file.read_text()).items():
                with self.subTest(file=file.name, query=name):
                    await sql.prepare(place(text, space="headrace", generation=1, source=1))

    def test_every_query_has_a_name_of_its_own_and_a_sentence(self) -> None:
        """A name, a sentence of purpose with a full stop, and the statement."""
        for file in FILES:
            text = file.read_text()
            queries = named(text)
            self.assertEqual(text.count("-- name: "), len(queries), "a name stands twice, or lacks its sentence")
            for line, following in pairwise(text.splitlines()):
                if line.startswith("-- name: "):
                    self.assertRegex(following, r"^-- .*\.$", line)
            self.assertTrue(all(queries.values()))

    def test_every_query_is_used(self) -> None:
        """A query that nobody asks for is taken away."""
        code = "".join(path.read_text() for path in SOURCES.rglob("*.py"))
        for file in FILES:
            unused = {name for name in named(file.read_text()) if f'"{name}"' not in code}
            self.assertEqual(unused, set(), file)

    def test_a_space_must_be_a_plain_identifier(self) -> None:
        """It becomes part of statements."""
        for odd in ("", "Headrace", "a b", 'a"; DROP', "1a", "a" * 50):
            with self.assertRaises(ValueError):
                Queries("headrace.store", space=odd)

    async def test_a_pool_of_one_connection_is_enough(self) -> None:
        """No part takes a second connection while it holds one."""
        async with asyncio.timeout(20), wiring.worker(one_connection(self.url, "another")) as worker:
            running = asyncio.create_task(worker.run())
            while len(worker.owned) < 4:  # noqa: ASYNC110 - it has no bell for this
                await asyncio.sleep(0.01)
            worker.stop()
            await running

    async def test_a_database_is_named_or_refused(self) -> None:
        """Without an address nothing can be connected to, and that is said at once."""
        with self.assertRaises(ValueError):
            Database(DatabaseSettings(None))
