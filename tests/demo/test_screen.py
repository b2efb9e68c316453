"""What is shown says what is simulated, and fits figures that are not there yet."""

import io
import unittest

from rich.console import Console

from headrace.clock import FixedClock
from headrace.demo import screen
from headrace.demo.client import ApiAway, Client
from headrace.demo.figures import figures_of
from headrace.demo.meter import Group
from headrace.demo.plan import Plan
from headrace.demo.theatre import Theatre


class ScreenTests(unittest.IsolatedAsyncioTestCase):
    """A picture, a line and a summary."""

    def setUp(self) -> None:
        """Make a demonstration of twenty seconds that has been running for fifteen."""
        self.clock = FixedClock(1_760_000_000_000)
        self.plan = Plan(seconds=20.0)
        self.theatre = Theatre(self.plan, Client(self.plan.url, self.clock), self.clock)
        self.clock.advance(15_000)

    def shown(self, thing: object) -> str:
        """Return what a console shows of it."""
        console = Console(file=io.StringIO(), width=120)
        console.print(thing)
        return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]

    def test_it_is_said_to_be_simulated(self) -> None:
        """In the first line and in the figures."""
        self.assertIn("SIMULATED", screen.TITLE)
        self.assertTrue(figures_of(self.plan, self.theatre, final=True).simulated)

    def test_before_anything_was_measured_there_are_dashes(self) -> None:
        """No division by nought, no invented figure."""
        figures = figures_of(self.plan, self.theatre, final=False)
        for shown in (self.shown(screen.picture(figures, 20)), self.shown(screen.summary(figures)), screen.line(figures)):
            self.assertIn("-", shown)

    def test_figures_and_errors_are_shown(self) -> None:
        """Both groups, both ends."""
        self.theatre.meter.asked(Group.LEARNED, 1.0, 2.5, 20)
        self.theatre.meter.took(Group.LEARNED, 1.0)
        self.theatre.meter.errors["/reco 503"] += 3
        shown = self.shown(screen.summary(figures_of(self.plan, self.theatre, final=True)))
        self.assertIn("5.0 %", shown)
        self.assertIn("2.5 ms", shown)
        self.assertIn("3 x /reco 503", shown)

    async def test_an_api_that_is_not_there_is_one_line_that_says_how_to_start_it(self) -> None:
        """Port 1 is closed everywhere."""
        async with Client("http://127.0.0.1:1", self.clock) as client:
            with self.assertRaisesRegex(ApiAway, "headrace run"):
                await client.check()
            with self.assertRaises(ApiAway):
                await Theatre(self.plan, client, self.clock).play()

    async def test_an_address_that_is_none_is_said(self) -> None:
        """A slip in --url."""
        async with Client("localhost:8080", self.clock) as client:
            with self.assertRaises(ApiAway):
                await client.check()
