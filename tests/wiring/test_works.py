"""Works that outlive a page: one of a kind at a time, and none that runs is forgotten."""

import asyncio
import unittest

from headrace.clock import SystemClock
from headrace.wiring.replays import Refused
from headrace.wiring.works import KEPT, Stage, Work, Works


class ManyWorks(unittest.IsolatedAsyncioTestCase):
    """A long one, with more short ones behind it than are kept."""

    async def asyncSetUp(self) -> None:
        """Begin them."""
        self.works = Works(SystemClock())
        self.long = self.works.begin("flip", "the long one", self.forever)
        for number in range(KEPT + 5):
            self.works.begin("compare", f"short {number}", self.short)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def forever(self, _work: Work) -> str:
        """Never end."""
        await asyncio.Event().wait()
        return ""

    async def short(self, _work: Work) -> str:
        """End at once."""
        return "done"

    async def test_one_that_runs_is_kept_and_is_the_only_one_of_its_kind(self) -> None:
        """Of the others the latest are kept."""
        self.assertIs(self.works.running("flip"), self.long)
        with self.assertRaises(Refused):
            self.works.begin("flip", "a second one", self.short)
        self.assertEqual(len(self.works.listed()), KEPT)
        self.assertEqual(self.works.listed()[0].about, f"short {KEPT + 4}")
        await self.works.close()

    async def test_closing_ends_it(self) -> None:
        """As if somebody had interrupted the command."""
        await self.works.close()
        self.assertEqual((self.long.stage, self.long.words), (Stage.FAILED, "the process that did it has ended"))
