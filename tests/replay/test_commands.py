"""``headrace replay`` as it is typed, against a real database."""

import asyncio
import json
import os
import sys
import unittest

from headrace import wiring
from headrace.evaluation.differing import difference, overlap, rank_biased_overlap
from tests.replay.world import ReplayTestCase, traffic
from tests.stream.world import wait_until


class Typed(ReplayTestCase):
    """Each command as a process of its own; a crew does the work."""

    async def typed(self, *words: str, code: int = 0, **environment: str) -> str:
        """Run a command and return what it printed: its answer, or its complaint."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "headrace", *words,
            env=os.environ | {"DATABASE_URL": self.url, "LOG_LEVEL": "ERROR", "COLUMNS": "200"} | environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complained = await process.communicate()
        self.assertEqual(process.returncode, code, complained.decode())
        return (complained if code else said).decode()

    async def test_a_replay_from_start_to_drop(self) -> None:
        """Start, status, verify, diff, flip, back, drop: each says what it did, and JSON where it is asked for."""
        complaint = await self.typed("replay", "start", code=2)
        self.assertEqual(complaint, "headrace: generation 1 has archived nothing yet: there is nothing to replay\n")
        await self.send(*traffic(11, 300))
        await self.drain()
        await self.ledger.leave("tester")
        said = await self.typed("replay", "start", HEADRACE_FEATURE_WINDOW="1")
        self.assertIn("Generation 2 is built from the archive of generation 1", said)
        self.assertIn("generation 2 is being built already", await self.typed("replay", "start", code=2))
        self.assertRegex(await self.typed("replay", "flip", code=2), "still being built.*; --force takes it as it is")
        async with wiring.worker(self.settings) as crew:
            working = asyncio.create_task(crew.run())

            async def followed() -> bool:
                newest = "SELECT state = 'followed' FROM headrace.generations ORDER BY number DESC LIMIT 1"
                return bool(await self.sql.fetchval(newest))

            await wait_until(followed, "it has caught up", seconds=90)
            found = json.loads(await self.typed("replay", "status", "--json"))["generations"]
            self.assertEqual([(one["state"], one["left"]) for one in found], [("followed", 0), ("followed", 0)])
            self.assertIn("equal", await self.typed("verify", "--generation", "2"))
            found = json.loads(await self.typed("replay", "diff", "--json", "--users", "10"))
            self.assertEqual((found["live"], found["generation"], found["users"]), (1, 2, 10))
            self.assertLess(found["rank_biased_overlap"], 1)
            self.assertEqual(found["settings"], {"window": [10, 1]})
            shown = await self.typed("replay", "diff", "--users", "10")
            self.assertIn("counted with window 1 instead of 10", shown)
            self.assertIn("rank-biased overlap", shown)
            self.assertIn("Answers come from generation 2; before from 1.", await self.typed("replay", "flip"))
            self.assertIn("archive of 1", await self.typed("replay", "status"))
            flipped = json.loads(await self.typed("replay", "back", "--json"))
            self.assertEqual((flipped["before"], flipped["now"]), (2, 1))
            self.assertIn("the one that is read", await self.typed("replay", "drop", "1", "--yes", code=2))
            self.assertEqual(await self.typed("replay", "drop", "2", "--yes"), "Generation 2 is gone.\n")
            await self.typed("replay", "start")
            await wait_until(followed, "the next one has caught up", seconds=90)
            found = json.loads(await self.typed("replay", "diff", "--json"))
            self.assertEqual((found["generation"], found["settings"], found["equal"]), (3, {}, 1))
            crew.stop()
            await working
        complaint = await self.typed("verify", "--generation", "2", code=2)
        self.assertIn("headrace: there is no generation 2 any more; there are: 1, 3\n", complaint)


class Differing(unittest.TestCase):
    """How much two lists have in common, by hand."""

    def test_equal_lists_overlap_whole_and_strangers_not_at_all(self) -> None:
        """1 and 0, whatever the length; two empty lists are equal."""
        for lists in (["a"], ["a", "b", "c"], []):
            self.assertAlmostEqual(rank_biased_overlap(lists, lists), 1)
            self.assertEqual(overlap(lists, lists), 1)
        self.assertEqual(rank_biased_overlap(["a", "b"], ["c", "d"]), 0)

    def test_rank_biased_overlap_of_two_is_worked_out_by_hand(self) -> None:
        """Two items exchanged: nothing in common at the first place, all at the second: p^2 + (1-p)/p · p^2."""
        self.assertAlmostEqual(rank_biased_overlap(["a", "b"], ["b", "a"], 0.9), 0.9**2 + 0.1 / 0.9 * 0.9**2)

    def test_a_change_at_the_top_counts_more_than_one_at_the_end(self) -> None:
        """That is what the bias is for."""
        best = ["a", "b", "c", "d"]
        self.assertLess(rank_biased_overlap(best, ["x", "b", "c", "d"]), rank_biased_overlap(best, ["a", "b", "c", "x"]))

    def test_gained_and_lost_are_counted_over_all_lists(self) -> None:
        """Two users lose the kayak to the tent; one sees no change."""
        found = difference(
            [("ada", ["kayak"], ["tent"]), ("bob", ["kayak", "rope"], ["tent", "rope"]), ("cyd", ["rope"], ["rope"])], most=1
        )
        self.assertAlmostEqual(found.equal, 1 / 3)
        self.assertAlmostEqual(found.overlap, (0 + 1 / 2 + 1) / 3)
        self.assertEqual([(one.item_id, one.before, one.after) for one in found.gained], [("tent", 0, 2)])
        self.assertEqual([(one.item_id, one.before, one.after) for one in found.lost], [("kayak", 2, 0)])
        self.assertEqual([one.user_id for one in found.changed], ["ada"])
