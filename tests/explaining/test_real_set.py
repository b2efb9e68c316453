"""Three users of an imported set: an answer with its reasons and a "why not", each number against the tables by plain SQL.

The set is made from a seed: visitors of a large shop, with the skew, the short sessions, the repeats and the old times that
published sets have. The same is done to a real file where ``HEADRACE_TEST_REAL_SET`` names one, with options of ``headrace
import`` behind its name if it needs any:

    HEADRACE_TEST_REAL_SET="ratings.parquet --type rating_5=purchase" python -m unittest tests.explaining.test_real_set
"""

import asyncio
import csv
import os
import shlex
import subprocess
import sys
import unittest
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import ClassVar, Final

from tests.explaining import tables
from tests.explaining.checking import CheckingTestCase
from tests.support.loop import Loop

GIVEN: Final = "HEADRACE_TEST_REAL_SET"
K: Final = 5
BEGINS_MS: Final = 1_396_314_000_000
"""In April 2014, as one of the published sets does."""

LENGTHS: Final = """
SELECT user_id, count(DISTINCT e.value->>0) AS items FROM @gen.user_history, json_array_elements(entries) AS e (value)
GROUP BY user_id ORDER BY items DESC, user_id
"""
STRANGE: Final = """
SELECT p.item_id FROM @gen.item_popularity AS p
WHERE p.item_id <> ALL ($1::text[]) AND NOT EXISTS (
    SELECT FROM @gen.co_visitation AS c
    WHERE (c.low = p.item_id AND c.high = ANY ($1::text[])) OR (c.high = p.item_id AND c.low = ANY ($1::text[]))
) AND EXISTS (SELECT FROM @gen.co_visitation AS c WHERE p.item_id IN (c.low, c.high))
ORDER BY p.decayed DESC, p.item_id LIMIT 1
"""
"""The most popular item that met none of these and that met something."""


def made(file: Path, *, visitors: int = 900, items: int = 400) -> None:
    """Write the set: popularity by Zipf, sessions of a few clicks within one department, some items clicked again."""
    chance = Random("a shop of 2014")
    heights = [1 / rank for rank in range(1, items + 1)]
    rows: list[tuple[int, str, str, str]] = []
    for visitor in range(visitors):
        name, at = f"{20_000 + visitor * 7}", BEGINS_MS + chance.randrange(6 * 86_400_000)
        department = chance.choices(range(items), heights)[0] % 20
        clicked: list[int] = []
        for _ in range(1 + min(25, int(chance.expovariate(0.25)))):
            at += chance.randrange(1_000, 300_000)
            item = chance.choices(range(items), heights)[0]
            item = min(items - 1, item // 20 * 20 + department) if chance.random() < 0.9 else item
            item = chance.choice(clicked[-3:]) if clicked and chance.random() < 0.15 else item
            clicked.append(item)
            rows.append((at, name, f"{214_500_000 + item * 13}", chance.choices(("view", "click", "purchase"), (70, 25, 5))[0]))
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("user_id", "session_id", "item_id", "event_type", "ts_ms"))
        writer.writerows((user, user, item, kind, at) for at, user, item, kind in sorted(rows))


class ASet(CheckingTestCase):
    """A set from a seed, imported by the command."""

    async def asyncSetUp(self) -> None:
        """Import it as history, with the times it has."""
        await super().asyncSetUp()
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "headrace", "import", *self.given(), "--as-history"],
            env=os.environ | {"DATABASE_URL": self.url, "LOG_LEVEL": "ERROR", "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.say(done.stdout.strip())

    def given(self) -> list[str]:
        """Return the words of the command: the file, and options."""
        file = Path(self.enterContext(TemporaryDirectory())) / "shop.csv"
        made(file)
        return [str(file)]

    def say(self, _words: str) -> None:
        """Tell what was done, where somebody wants to read it."""

    async def test_for_three_users_each_number_is_that_of_the_tables_and_of_the_events(self) -> None:
        """The longest history, one in the middle, the shortest: items, scores, counts, decayed strengths, sums, verdicts."""
        async with Loop(self.url) as loop:
            await loop.follow()
            for user in await self.three(loop):
                with self.subTest(user=user):
                    self.checked = 0
                    told = await loop.explainer.recommend(user, None, K, record=False)
                    await self.check(loop, user, told)
                    self.say(f"\n{user}: {len(told.history)} events; shown {', '.join(told.items)}")
                    self.say(f"  {told.items[0]}: {' '.join(told.explanations[0].words)}")
                    await self.left_out(loop, user)
                    await self.outranked(loop, user)
                    await self.never(loop, user)
                    self.say(f"  {self.checked} numbers compared")

    async def three(self, loop: Loop) -> list[str]:
        """Return users with something to explain."""
        users = [row["user_id"] for row in await tables.rows(loop, LENGTHS) if row["items"] > 1]
        found: list[str] = []
        for some in (users, users[len(users) // 2 :], users[::-1]):
            for user in some:
                if user in found:
                    continue
                if sum(not one.seen for one in await tables.candidates(loop, user)) > K:
                    found.append(user)
                    break
        self.assertEqual(len(found), 3)
        return found

    async def left_out(self, loop: Loop, user: str) -> None:
        """Ask about the item of the newest event: left out as seen, and the event is named."""
        newest = (await tables.history(loop, user))[0]
        why = await loop.explainer.why(user, newest[0], k=K)
        self.assertEqual((why.verdict, why.by, why.place), ("filtered", "seen", None))
        self.assertEqual((why.history[0].event_id, why.history[0].item_id), (newest[4], newest[0]))
        self.assertIn(f"'{newest[0]}'", why.words[-1])
        self.say(f"  not {newest[0]}: {' '.join(why.words)}")

    async def outranked(self, loop: Loop, user: str) -> None:
        """Ask, with two shown, about the third: its score, its place, and the second's as the cut."""
        scores = [one for one in await tables.candidates(loop, user) if not one.seen]
        third = scores[2]
        why = await loop.explainer.why(user, third.item_id, k=2)
        if scores[1].score - third.score <= 1e-12:
            self.assertIn(why.verdict, ("outranked", "shown"), "of two that are alike either may be shown")
            return
        self.assertEqual((why.verdict, why.by), ("outranked", "top"))
        self.same(why.score, third.score)
        assert why.place is not None and why.cut is not None
        self.assertLessEqual(3, why.place)
        self.assertLessEqual(why.place, sum(one.score >= third.score - 1e-12 for one in scores))
        self.assertEqual(why.cut.place, 2)
        self.same(why.cut.score, scores[1].score)
        self.say(f"  not {third.item_id}: {' '.join(why.words)} Scores: {why.score}, cut {why.cut.score}.")

    async def never(self, loop: Loop, user: str) -> None:
        """Ask about the most popular item that met none of the user's: proposed by nobody, and what would have it proposed."""
        mine = [entry[0] for entry in await tables.history(loop, user)]
        found = await tables.rows(loop, STRANGE, mine)
        if not found:
            self.say("  not proposed: everything met something of theirs")
            return
        strange = found[0]["item_id"]
        why = await loop.explainer.why(user, strange, k=1)
        self.assertEqual((why.verdict, why.met, why.because), ("never_proposed", [], []))
        for take in why.takes:
            if take.item_id is not None:
                meetings, strength = await tables.meetings(loop, take.item_id, strange)
                self.assertEqual(take.figures["meetings"], meetings)
                told = take.figures["strength_now"]
                assert isinstance(told, float)
                self.same(told, strength)
                self.assertNotIn(take.item_id, mine)
        self.say(f"  not {strange}: {' '.join(why.words)}")


class ARealSet(ASet):
    """A published one, from a file of this machine."""

    words: ClassVar[str | None] = os.environ.get(GIVEN)

    @classmethod
    def setUpClass(cls) -> None:
        """Say that it is not done where there is no file."""
        if cls.words is None:
            _say(f"\n=== NO REAL SET IS CHECKED: {GIVEN} names no file; one made from a seed is ===")
            raise unittest.SkipTest(f"{GIVEN} is not set")
        super().setUpClass()

    def given(self) -> list[str]:
        """Return what the environment says."""
        return shlex.split(self.words or "")

    def say(self, words: str) -> None:
        """Print it: this is run to be read."""
        _say(words)


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    unittest.main()
