"""A space that breaks, on a real Postgres: it is away alone, says why, and comes back when it is mended."""

import asyncio
import http.client
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import aiohttp
import asyncpg

from headrace import config, telemetry, wiring
from headrace.api import server
from headrace.api.spaces import Spaces
from headrace.config import Settings
from tests.acceptance.town import Town
from tests.support.loop import until
from tests.support.postgres import PostgresTestCase

HEADER = "X-Headrace-Space"
ANOTHER_LOG = "UPDATE headrace_shop.generations SET log = 'kafka elsewhere'"
OUR_LOG = "UPDATE headrace_shop.generations SET log = 'postgres'"


class Client:
    """Asks a process on this machine."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    async def __aenter__(self) -> Self:
        """Open a pool of connections."""
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self._session.close()

    async def ask(self, path: str, space: str | None = None, body: object = None) -> tuple[int, Any]:
        """Return the status and JSON, or text, of an answer."""
        headers = {} if space is None else {HEADER: space}
        method = "GET" if body is None else "POST"
        async with self._session.request(method, self._url + path, json=body, headers=headers) as answer:
            return answer.status, await (answer.text() if answer.content_type == "text/plain" else answer.json())

    async def says(self, status: int, path: str, space: str | None = None, body: object = None) -> bool:
        """Return whether the answer has this status."""
        return (await self.ask(path, space, body))[0] == status


class Degraded(Town):
    """A whole headrace of which some spaces are away."""

    def _ready(self) -> bool:
        try:
            status, answer = self.call("GET", "/readyz")
        except OSError:
            return False
        return status == http.client.OK and len(answer.get("missing", [])) == len(("shop", "video"))


class ASpaceThatBreaks(PostgresTestCase):
    """The default space, a shop and videos, with a worker inside the API."""

    def setUp(self) -> None:
        """Declare them."""
        super().setUp()
        self.file = Path(self.enterContext(TemporaryDirectory()), "spaces.toml")
        self.file.write_text("[shop]\n[video]\n")

    async def asyncSetUp(self) -> None:
        """Make them."""
        await super().asyncSetUp()
        environment = {
            "DATABASE_URL": self.url,
            "HEADRACE_SPACES": str(self.file),
            "API_EMBEDDED_WORKER_ENABLED": "true",
            "HEADRACE_STREAM_LEASE_MS": "1000",
            "LOG_LEVEL": "ERROR",
            "LOG_FORMAT": "console",
        }
        self.settings = config.read(environment)
        telemetry.configure(self.settings.telemetry)
        await wiring.migrate_all(self.settings)
        self.sql = await asyncpg.connect(self.url)
        self.addAsyncCleanup(self.sql.close)

    @asynccontextmanager
    async def serving(self, settings: Settings) -> AsyncIterator[Client]:
        """Serve all spaces on a free port, in this loop."""
        spaces = Spaces(settings.api, [one.space for one in settings.each()])
        async with wiring.api_spaces(settings, spaces):
            running = server.build(spaces)
            task = asyncio.create_task(running.serve(sockets=[listener := _listener()]))
            try:
                async with Client(listener.getsockname()[1]) as client:
                    yield client
            finally:
                running.stop()
                await task

    async def counts(self, client: Client, space: str | None, event_id: str) -> None:
        """Send an event and wait until a stranger is shown its item."""
        item = f"item of {event_id}"
        body = {"event_id": event_id, "user_id": "ada", "item_id": item, "event_type": "click", "ts": 1}
        body["ts"] = (await self.sql.fetchval("SELECT extract(epoch FROM now())::bigint")) - 5
        self.assertEqual((await client.ask("/event", space, body))[0], 200)

        async def shown() -> bool:
            status, answer = await client.ask("/reco?user_id=bob", space)
            return status == 200 and item in answer["items"]

        await until(shown, f"{item} is shown")

    async def test_a_space_on_another_log_is_away_alone_until_it_is_mended(self) -> None:
        """What an operator can mend is told in words; the process is degraded, the others take events and answer."""
        await self.sql.execute(ANOTHER_LOG)
        async with self.serving(self.settings) as client:

            async def told() -> bool:
                (missing,) = await self.missing(client)
                return missing.startswith("space shop: ") and "kafka elsewhere" in missing

            await until(told, "the shop is away, and why")
            for path in ("/readyz", "/reco?user_id=ada", "/trending", "/stream/worker"):
                self.assertEqual((await client.ask(path, "shop"))[0], 503, path)
            self.assertEqual((await client.ask("/healthz", "shop"))[0], 200)
            self.assertEqual((await client.ask("/readyz", "video"))[1]["status"], "ready")
            await self.counts(client, None, "event-1 of all")
            await self.counts(client, "video", "event-1 of all")
            self.assertIn("away: space shop", (await client.ask("/metrics/prometheus"))[1])
            await self.sql.execute(OUR_LOG)
            await until(lambda: client.says(200, "/readyz", "shop"), "the shop is back")
            await self.counts(client, "shop", "event-1 of all")
            await until(lambda: self.ready(client), "all are ready")

    async def test_everything_starts_by_one_command_though_a_space_is_broken(self) -> None:
        """One on another log, one whose tables are damaged: told by ``headrace migrate``, and ``headrace run`` has the rest."""
        await self.sql.execute(ANOTHER_LOG)
        await self.sql.execute("ALTER TABLE headrace_video.generations RENAME COLUMN log TO elsewhere")
        town = await asyncio.to_thread(Degraded, DATABASE_URL=self.url, HEADRACE_SPACES=str(self.file))
        try:
            migrated = await asyncio.to_thread(town.headrace, "migrate")
            self.assertEqual(migrated.returncode, 2, migrated.stdout)
            self.assertIn("space shop: ", migrated.stderr)
            self.assertIn("space video: it broke", migrated.stderr)
            async with Client(town.port) as client:
                await self.counts(client, None, "event-1 of the default")
                for space in ("shop", "video"):
                    self.assertEqual((await client.ask("/reco?user_id=ada", space))[0], 503, space)
        finally:
            await asyncio.to_thread(town.close)

    async def test_a_space_whose_tables_are_gone_while_it_runs_takes_no_other_with_it(self) -> None:
        """A bug, as far as we know: the space is away, its traceback is in the log, the others go on."""
        async with self.serving(self.settings) as client:
            await until(lambda: self.ready(client), "all are ready")
            await self.counts(client, "video", "event-1 of video")
            await self.sql.execute("ALTER TABLE headrace_video_g1.partitions RENAME TO elsewhere")
            await until(lambda: client.says(503, "/readyz", "video"), "the videos are away")
            self.assertEqual(await self.missing(client), ["space video: it broke; the log has its traceback"])
            await self.counts(client, None, "event-2 of the default")
            await self.counts(client, "shop", "event-2 of the shop")
            await self.sql.execute("ALTER TABLE headrace_video_g1.elsewhere RENAME TO partitions")
            await until(lambda: client.says(200, "/readyz", "video"), "the videos are back")
            await self.counts(client, "video", "event-3 of video")

    async def test_the_default_space_may_break_as_well(self) -> None:
        """Requests without a header are told to come back; the process lives, and the others answer."""
        async with self.serving(self.settings) as client:
            await until(lambda: self.ready(client), "all are ready")
            await self.sql.execute("ALTER TABLE headrace_g1.partitions RENAME TO elsewhere")
            await until(lambda: client.says(503, "/reco?user_id=ada"), "the default space is away")
            self.assertEqual((await client.ask("/healthz"))[0], 200)
            self.assertEqual(await self.missing(client), ["space default: it broke; the log has its traceback"])
            self.assertIn('reco_snapshot_generation{space="shop"}', (await client.ask("/metrics/prometheus"))[1])
            await self.counts(client, "shop", "event-1 of the shop")
            await self.sql.execute("ALTER TABLE headrace_g1.elsewhere RENAME TO partitions")
            await until(lambda: self.ready(client), "all are ready")
            await self.counts(client, None, "event-1 of the default")

    async def test_a_worker_works_on_the_spaces_that_it_can_and_stops_in_time(self) -> None:
        """With the shop on another log, the videos' events are applied; asked to stop, it does not wait for the shop."""
        await self.sql.execute(ANOTHER_LOG)
        async with wiring.workers(self.settings) as workers:
            working = asyncio.create_task(workers.run())
            video = self.settings.of("video")
            async with wiring.looked_at(video) as (ground, generation):
                operations = ground.operations(generation)
                await until(lambda: operations.alive(1000), "a worker on the videos")
            workers.stop()
            async with asyncio.timeout(10):
                await working
        left = await self.sql.fetchval("SELECT count(*) FROM headrace_video_g1.partitions WHERE owner IS NOT NULL")
        self.assertEqual(left, 0, "its partitions are given back")

    async def missing(self, client: Client) -> list[str]:
        """Return what a degraded process tells of the one space that is missing to it, as soon as all others are ready."""
        found: list[str] = []

        async def one() -> bool:
            status, answer = await client.ask("/readyz")
            found[:] = answer.get("missing", [])
            return status == 200 and answer["status"] == "degraded" and len(found) == 1

        await until(one, "one space alone is missing")
        return found

    async def ready(self, client: Client) -> bool:
        """Return whether the whole process is ready."""
        return bool((await client.ask("/readyz"))[1].get("status") == "ready")


def _listener() -> socket.socket:
    """Return a socket that listens on a free port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    listener.settimeout(0)
    return listener
