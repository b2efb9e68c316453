"""``--space`` and ``headrace spaces`` as an operator uses them."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from headrace import config, wiring
from headrace.events.types import Interaction
from headrace.intake import Intake
from tests.support.loop import until
from tests.support.postgres import PostgresTestCase

ROWS = "user_id,item_id,ts,session_id\nada,{0},2026-01-01T00:00:00Z,s\nada,{0} too,2026-01-01T00:01:00Z,s\n"


class SpacesOnTheCommandLine(PostgresTestCase):
    """The default space, a shop and videos."""

    def setUp(self) -> None:
        """Declare them."""
        super().setUp()
        self.folder = Path(self.enterContext(TemporaryDirectory()))
        self.file = self.folder / "spaces.toml"
        self.file.write_text("[shop]\n[video]\nHEADRACE_SERVING_RECIPE = 'rules-v1'\n")

    async def call(self, *words: str, code: int = 0) -> str:
        """Run a command and return what it prints; its exit code is as expected and there is no traceback."""
        environment = {"DATABASE_URL": self.url, "LOG_LEVEL": "ERROR", "COLUMNS": "200", "HEADRACE_SPACES": str(self.file)}
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "headrace", *words],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code != 2 else done.stderr

    async def listed(self) -> dict[str, tuple[bool, int, int]]:
        """Return what the list tells: whether each is declared, its generations, and how many processes are at work."""
        spaces = json.loads(await self.call("spaces", "list", "--json"))["spaces"]
        return {one["space"]: (one["declared"], one["generations"], one["at_work"]) for one in spaces}

    async def test_import_verify_and_stream_see_their_space_alone(self) -> None:
        """A file goes into the shop: it is proven there, and nowhere else is anything."""
        path = self.folder / "rows.csv"
        path.write_text(ROWS.format("tent"))
        await self.call("migrate")
        await self.call("import", str(path), "--event-type", "view", "--as-history", "--space", "shop")
        self.assertIn("2 events recomputed", await self.call("verify", "--space", "shop"))
        for words in (("--space", "video"), ("--space", "default"), ()):
            self.assertIn(": 0 events recomputed", await self.call("verify", *words))
        self.assertIn("group shop.reco-stream-worker-v1", await self.call("stream", "status", "--space", "shop"))
        self.assertIn("group reco-stream-worker-v1", await self.call("stream", "status"))
        self.assertIn("No dead letters", await self.call("dead-letters", "list", "--space", "shop"))
        self.assertIn("rules-v1", await self.call("recipes", "show", "rules-v1", "--space", "video"))
        self.assertIn("generations", await self.call("replay", "status", "--json", "--space", "shop"))
        for command in (("verify",), ("stream", "status"), ("dead-letters", "list"), ("replay", "status"), ("recipes",)):
            self.assertIn("there is no space 'toys'", await self.call(*command, "--space", "toys", code=2))

    async def test_a_space_is_listed_and_taken_away_for_good(self) -> None:
        """Declared ones with and without data; one that is declared no more keeps its data until it is dropped."""
        found = await self.listed()
        self.assertEqual(found, {"default": (True, 1, 0), "shop": (True, 0, 0), "video": (True, 0, 0)})
        await self.call("migrate")
        self.assertEqual((await self.listed())["video"], (True, 1, 0))
        self.file.write_text("[shop]\n")
        self.assertEqual((await self.listed())["video"], (False, 1, 0))
        self.assertIn("say --yes", await self.call("spaces", "drop", "video", code=2))
        self.assertEqual(
            await self.call("spaces", "drop", "video", "--yes"), "Dropped the schemas headrace_video_g1, headrace_video.\n"
        )
        self.assertEqual(await self.listed(), {"default": (True, 1, 0), "shop": (True, 1, 0)})
        self.assertIn("there is no space video with any data", await self.call("spaces", "drop", "video", "--yes", code=2))

    async def test_the_default_space_and_what_is_none_cannot_be_dropped(self) -> None:
        """Neither by its name, nor by that of a schema, nor by anything that is no name."""
        await self.call("migrate")
        for name in ("default", "g1", "shop_g1", "headrace; DROP SCHEMA headrace", "Shop", ""):
            self.assertIn("that could be dropped", await self.call("spaces", "drop", name, "--yes", code=2))
        self.assertEqual(await self.listed(), {"default": (True, 1, 0), "shop": (True, 1, 0), "video": (True, 1, 0)})

    async def test_a_space_at_work_is_not_dropped(self) -> None:
        """As long as a worker is heard of; what it has stays."""
        shop = config.read({"DATABASE_URL": self.url, "HEADRACE_SPACES": str(self.file)}, space="shop")
        async with wiring.workers(shop) as worker:
            working = asyncio.create_task(worker.run())

            async def heard_of() -> bool:
                return (await self.listed())["shop"][2] > 0

            await until(heard_of, "the worker is heard of")
            self.assertIn("the space shop is at work in", await self.call("spaces", "drop", "shop", "--yes", code=2))
            worker.stop()
            await working
        self.assertEqual((await self.listed())["shop"], (True, 1, 0), "it has left")
        await self.call("spaces", "drop", "shop", "--yes")

    async def test_a_space_that_lost_its_tables_can_still_be_taken_away(self) -> None:
        """A restore that broke off leaves such a one."""
        await self.call("migrate")
        connection = await asyncpg.connect(self.url)
        await connection.execute("DROP TABLE headrace_video.workers; DROP SCHEMA headrace_video_g1 CASCADE")
        await connection.close()
        self.assertEqual((await self.listed())["video"], (True, 0, 0))
        self.assertEqual(await self.call("spaces", "drop", "video", "--yes"), "Dropped the schemas headrace_video.\n")

    async def test_a_worker_of_one_space_leaves_the_others_alone(self) -> None:
        """What is sent to the videos waits for a worker of theirs."""
        everything = config.read({"DATABASE_URL": self.url, "HEADRACE_SPACES": str(self.file)})
        for name in ("shop", "video"):
            async with wiring.opened(everything.of(name)) as (ground, _):
                now = ground.clock.now_ms()
                viewed = Interaction(event_id="event-1 of all", user_id="ada", item_id=name, event_type="view", ts_ms=now)
                await Intake(ground.log, ground.clock).accept([viewed])
        async with wiring.workers(everything.of("shop")) as worker:
            working = asyncio.create_task(worker.run())
            connection = await asyncpg.connect(self.url)

            async def applied() -> bool:
                return bool(await connection.fetchval("SELECT count(*) FROM headrace_shop_g1.interactions"))

            await until(applied, "the shop's event is applied")
            self.assertEqual(await connection.fetchval("SELECT count(*) FROM headrace_video_g1.interactions"), 0)
            await connection.close()
            worker.stop()
            await working
