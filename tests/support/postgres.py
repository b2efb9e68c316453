"""A real Postgres for tests: one throwaway server a test process, one migrated template, a clone of it for each test.

``HEADRACE_TEST_DATABASE_URL`` names a server to use instead; its user must be allowed to create databases.
"""

import asyncio
import atexit
import contextlib
import os
import shutil
import tempfile
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import psutil

from headrace.embedded import processes
from headrace.embedded.postgres import EmbeddedPostgres
from tests.support.asyncs import PlainLoopTestCase

GIVEN: Final = "HEADRACE_TEST_DATABASE_URL"
FOLDERS: Final = Path("/tmp")  # not TMPDIR: it may be closed to the user that runs Postgres
PREFIX: Final = "headrace-tests-"
_numbers: Final = count(1)


class _Server:
    """The server of this test process, its template made on first use."""

    def __init__(self) -> None:
        self._url: str | None = None
        self._template: str | None = None

    def url(self) -> str:
        """Return the URL of the server's first database, starting the server when there is none yet."""
        if self._url is None:
            self._url = os.environ.get(GIVEN) or _throwaway()
        return self._url

    async def template(self) -> str:
        """Return the name of the migrated template database."""
        if self._template is None:
            name = f"headrace_test_{os.getpid()}_template"
            await self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
            if os.environ.get(GIVEN):
                atexit.register(lambda: asyncio.run(self.drop(name)))
            await _migrate(self.url_of(name))
            self._template = name
        return self._template

    def url_of(self, database: str) -> str:
        """Return the URL of another database of this server."""
        return urlsplit(self.url())._replace(path=f"/{database}").geturl()

    async def execute(self, statement: str) -> None:
        """Run a statement outside any transaction."""
        connection = await asyncpg.connect(await asyncio.to_thread(self.url))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def drop(self, database: str) -> None:
        """Drop a database and every connection to it."""
        await self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


SERVER: Final = _Server()


async def fresh_database(*, migrated: bool = True) -> str:
    """Return the URL of a new database of its own: migrated, or empty. ``drop_database`` takes it away again."""
    template = await SERVER.template() if migrated else "template0"
    name = f"headrace_test_{os.getpid()}_{next(_numbers)}"
    await SERVER.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return SERVER.url_of(name)


async def drop_database(url: str) -> None:
    """Drop a database that ``fresh_database`` made, closing whatever is still connected to it."""
    await SERVER.drop(urlsplit(url).path.removeprefix("/"))


class PostgresTestCase(PlainLoopTestCase):
    """A test with a migrated database of its own at ``self.url``."""

    url: str

    async def asyncSetUp(self) -> None:
        """Clone the template."""
        await super().asyncSetUp()
        self.url = await fresh_database()
        self.addAsyncCleanup(drop_database, self.url)

    async def admit(self, *, yes: bool) -> None:
        """Open or close this test's database to everybody, ending the connections it has."""
        name = urlsplit(self.url).path.removeprefix("/")
        await SERVER.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {yes}")
        if not yes:
            await SERVER.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


async def _migrate(url: str) -> None:
    if find_spec("headrace.wiring") is None:
        return
    from headrace import config, wiring  # noqa: PLC0415 - heavy, and only tests with a database need it

    await wiring.migrate(config.read({"DATABASE_URL": url}))


def _throwaway() -> str:
    _remove_remains()
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=FOLDERS))
    home.chmod(0o755)  # root's server runs as another user
    server = EmbeddedPostgres(home, durable=False)
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    atexit.register(server.stop)  # the last registered runs first
    return server.start()


def _remove_remains() -> None:
    """Remove the servers of test processes that were killed before they could."""
    for home in FOLDERS.glob(f"{PREFIX}*"):
        pid = home.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)) and os.access(home, os.W_OK):
            _remove(home)


def _remove(home: Path) -> None:
    data = home / "postgres/data"
    postmaster = processes.living(data)
    if postmaster is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(postmaster.pid)
            server.kill()
            server.wait(10)
    processes.end_orphans(data)
    shutil.rmtree(home, ignore_errors=True)
