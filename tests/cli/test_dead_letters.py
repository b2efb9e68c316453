"""``headrace dead-letters`` as an operator uses it: list, show, redrive, mend, drop."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from headrace.events import codec
from headrace.log.port import Topic, partition_of
from tests.stream.world import StreamTestCase, raw, view

PLACE = partition_of("anna", 4)
FIRST, SECOND, THIRD = (f"reco_interaction:{PLACE}:{n}" for n in range(3))


class DeadLettersCommand(StreamTestCase):
    """Three records that died of two causes, and one that died of its id."""

    async def asyncSetUp(self) -> None:
        """Bury them."""
        await super().asyncSetUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        await self.send(raw(b"noise"), raw(b"more noise"), raw(b"\xff\xfe\x00", topic=Topic.WATCH))
        await self.send(view("jam", event_id="same id"), view("tea", event_id="same id"))
        await self.drain()

    async def call(self, *words: str, code: int = 0) -> str:
        """Run the command and return what it prints; its exit code is as expected and there is no traceback."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "headrace", "dead-letters", *words],
            env=os.environ | {"DATABASE_URL": self.url, "LOG_LEVEL": "ERROR", "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code != 2 else done.stderr

    async def open(self) -> list[str]:
        """Return the positions of the letters that are open."""
        rows = await self.rows(
            "SELECT source_topic, source_partition, source_offset FROM @gen.dead_letters WHERE state = 'open'"
        )
        return sorted(":".join(map(str, row)) for row in rows)

    async def test_the_list_groups_by_cause_and_leads_on(self) -> None:
        """Counts, topics, an example that can be copied into the next command; the same as JSON."""
        told = await self.call("list")
        self.assertRegex(told, rf"bad_json: .*│ +2 │.*{FIRST}")
        self.assertRegex(told, "id_conflict: .*│ +1 │")
        self.assertIn(f"headrace dead-letters show {FIRST}", told)
        causes = json.loads(await self.call("list", "--json"))["causes"]
        self.assertEqual(
            [(one["error_type"], one["count"]) for one in causes], [("bad_json", 2), ("bad_utf8", 1), ("id_conflict", 1)]
        )
        self.assertEqual(causes[0]["example"], FIRST)

    async def test_one_is_shown_whole_with_what_to_do(self) -> None:
        """Text as text, other bytes in hex, raw bytes for mending."""
        told = await self.call("show", FIRST, f"reco_watch:{PLACE}:0")
        self.assertRegex(
            told, r"(?s)reason +bad_json: .*payload +5 bytes, sha256 [0-9a-f]{64}\n +noise\n +to do +Mend the sender"
        )
        self.assertIn("    ff fe 00\n", told)
        self.assertEqual(await self.call("show", FIRST, "--raw"), "noise")
        (one,) = json.loads(await self.call("show", "--cause", "bad_utf8", "--json"))
        self.assertEqual((one["payload_base64"], one["state"], one["counted_at"]), ("//4A", "open", None))

    async def test_a_mended_record_counts_and_its_letter_says_where(self) -> None:
        """Refused as it is; with another payload it goes through the log and counts once."""
        told = await self.call("redrive", FIRST, SECOND, code=1)
        self.assertRegex(told, f"(?s){FIRST}: refused: .*bad_json.*; mend it with --payload.*2 refused")
        (self.folder / "mended.json").write_bytes(codec.encode(view("bread", event_id="own id 1")))
        self.assertIn("1 redriven", await self.call("redrive", FIRST, "--payload", str(self.folder / "mended.json")))
        self.assertIn("not counted yet", await self.call("show", FIRST))
        await self.drain()
        self.assertEqual(await self.counted(), {"jam": 1, "bread": 1})
        self.assertIn(f"its event counts, from reco_interaction:{PLACE}:4", await self.call("show", FIRST))
        self.assertRegex(await self.call("redrive", FIRST, code=1), "refused: it was redriven already")
        await self.assert_proven()

    async def test_an_upgrade_is_followed_by_redriving_a_cause(self) -> None:
        """What this version can read goes in, all else stays open with its reason; JSON says the same."""
        await self.sql.execute(
            f"UPDATE {self.gen}.dead_letters SET payload = $1, payload_bytes = $2 WHERE source_offset = 1",
            codec.encode(view("bread")),
            len(codec.encode(view("bread"))),
        )
        told = json.loads(await self.call("redrive", "--all", "--json", code=1))
        self.assertEqual((told["redriven"], told["duplicate"], told["refused"]), (1, 0, 3))
        self.assertEqual(await self.open(), sorted([FIRST, f"reco_interaction:{PLACE}:3", f"reco_watch:{PLACE}:0"]))
        await self.drain()
        self.assertEqual(await self.counted(), {"jam": 1, "bread": 1})

    async def test_dropping_asks_first_and_ends_the_matter(self) -> None:
        """Without a terminal it wants --yes; a dropped letter is not open and not redriven."""
        self.assertIn("say --yes", await self.call("drop", "--cause", "bad_json", code=2))
        self.assertEqual(len(await self.open()), 4)
        self.assertIn("Dropped 2 dead letters.", await self.call("drop", "--cause", "bad_json", "--yes"))
        self.assertEqual(json.loads(await self.call("drop", "--all", "--yes", "--json")), {"dropped": 2})
        self.assertIn("No dead letters that are open.", await self.call("list"))
        self.assertIn("bad_json", await self.call("list", "--state", "dropped"))
        self.assertRegex(await self.call("redrive", SECOND, code=1), "refused: it was dropped already")
        self.assertIn("no open dead letter at all", await self.call("drop", "--all", "--yes", code=2))

    async def test_what_is_not_said_clearly_is_refused_in_one_line(self) -> None:
        """Nothing chosen, two choices at once, no position, a payload for many, a position without a letter."""
        for words, line in (
            (("redrive",), "say which ones"),
            (("drop", FIRST, "--all"), "say which ones"),
            (("show", "17"), "17: a position is TOPIC:PARTITION:OFFSET"),
            (("redrive", "--all", "--payload", __file__), "--payload mends one record"),
            (("show", "--cause", "nothing"), "no dead letter with the cause 'nothing'"),
            (("show", "--cause", "bad_json", "--raw"), "--raw prints one record"),
        ):
            with self.subTest(words):
                told = await self.call(*words, code=2)
                self.assertIn(line, told)
                self.assertEqual(len(told.strip().splitlines()), 1)
        self.assertIn("no dead letter of this position", await self.call("redrive", FIRST, "reco_watch:0:99", code=1))
