"""``headrace trace`` as it is typed."""

import asyncio
import json
import os
import sys

import msgspec

from headrace.stream.receipts import Receipt, Status
from tests.receipts.world import ReceiptsTestCase
from tests.stream.world import raw, record, view, watch


class Typed(ReceiptsTestCase):
    """A process of its own, on a database where things happened."""

    async def typed(self, *words: str, code: int = 0) -> str:
        """Run the command and return what it printed: its answer, or its complaint."""
        process = await self.started(*words)
        said, complained = await process.communicate()
        self.assertEqual(process.returncode, code, complained.decode())
        self.assertNotIn("Traceback", complained.decode())
        return (said or complained).decode()

    async def started(self, *words: str) -> asyncio.subprocess.Process:
        """Start the command."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "headrace", "trace", *words,
            env=os.environ | {"DATABASE_URL": self.url, "LOG_LEVEL": "ERROR", "COLUMNS": "120"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def test_the_timeline_tells_each_step(self) -> None:
        """Waiting without a worker, applied, visible; a conflict; a dead letter; as JSON the whole receipt."""
        await self.take(view("tent", event_id="readme-1"), watch("film", event_id="readme-2"))
        told = await self.typed("readme-1")
        for words in (
            "readme-1  waiting  view of tent by anna",
            "no worker is alive",
            "acknowledged",
            "reco_interaction, partition",
        ):
            self.assertIn(words, told)
        await self.drain()
        await self.replica("the one that answers").report(await self.changes())
        await self.send(record(view("stove", event_id="readme-1")), raw(b'{"event_id":"readme-3"}'))
        await self.drain()
        told = await self.typed("readme-1")
        self.assertRegex(told, r"applied +as number \d of its partition, in generation 1, in a batch of 2")
        self.assertRegex(told, r"\u2264 \+\d+ ms +visible +in API process the one that, generation 1")
        self.assertRegex(told, r"dead letter +reco_interaction:\d:1: id_conflict")
        self.assertRegex(await self.typed("readme-3"), r"readme-3  dead lettered\s+It could not be applied \(wrong_schema: ")
        found = msgspec.json.decode(await self.typed("readme-2", "--json"), type=Receipt)
        self.assertEqual(found, await self.receipt("readme-2"))

    async def test_what_is_unknown_exits_with_1_and_says_what_that_can_mean(self) -> None:
        """What is no id is a complaint."""
        said = await self.typed("never sent", code=1)
        self.assertIn("older than what is kept", said)
        self.assertIn("never sent", await self.typed("never sent", "--json", "--follow", "--patience", "0.5", code=1))
        self.assertEqual(
            await self.typed("x" * 129, code=2), "headrace: an event_id has 8 to 64 characters, and this one has 129\n"
        )

    async def test_following_waits_until_it_is_visible(self) -> None:
        """It may begin before the event is there."""
        process = await self.started("to be sent", "--follow", "--json")
        await self.take(view(event_id="to be sent"))
        await self.drain()
        replica = self.replica("one")
        done = asyncio.create_task(process.communicate())
        while not done.done():
            await replica.report(await self.changes())
            await asyncio.wait([done], timeout=0.2)
        said, complained = done.result()
        self.assertEqual(process.returncode, 0, complained)
        self.assertEqual(json.loads(said)["status"], Status.VISIBLE)

    async def test_following_ends_where_it_was_put_aside_and_gives_up_after_a_while(self) -> None:
        """Dead is the end of it; of what still waits the last receipt is printed, and the exit code says so."""
        await self.send(raw(b'{"event_id":"put aside"}'))
        await self.drain()
        self.assertEqual(json.loads(await self.typed("put aside", "--follow", "--json"))["status"], Status.DEAD_LETTERED)
        await self.take(view(event_id="still waiting"))
        self.assertIn("waiting", await self.typed("still waiting", "--follow", "--patience", "1", code=1))
