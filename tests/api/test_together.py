"""Events of one round of the loop go through the door by one call, and each sender hears of its own."""

import asyncio
import unittest
from collections.abc import Sequence

from headrace.api.together import Together
from headrace.errors import Rejected, Unavailable
from headrace.events.types import Event
from headrace.log.port import Verdict
from tests.stream.world import view


class Door:
    """Answers by an event's item, and notes how many came together."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def accept_each(self, events: Sequence[Event]) -> list[Verdict | Rejected]:
        """Take them when the door is open."""
        self.calls.append([event.event_id for event in events])
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return [Rejected(422, "on purpose", ()) if event.event_id == "refused!" else Verdict.OK for event in events]


class Rounds(unittest.IsolatedAsyncioTestCase):
    """What comes, round by round."""

    async def asyncSetUp(self) -> None:
        """Open a door."""
        self.door = Door()
        self.together = Together(self.door.accept_each)
        self.told: dict[str, Verdict | Exception] = {}

    def take(self, *names: str) -> None:
        """Hand in events by these ids."""
        for name in names:
            self.together.take(view("tent", event_id=name), lambda outcome, name=name: self.told.update({name: outcome}))  # type: ignore[misc]

    async def turns(self, number: int = 5) -> None:
        """Let the loop turn."""
        for _ in range(number):
            await asyncio.sleep(0)

    async def test_what_comes_in_one_round_is_one_call_and_the_next_round_does_not_wait_for_it(self) -> None:
        """While the first call is at the door the second goes there as well."""
        self.door.open.clear()
        self.take("evt-a", "evt-b")
        await self.turns()
        self.take("evt-c")
        await self.turns()
        self.assertEqual((self.door.calls, self.told), ([["evt-a", "evt-b"], ["evt-c"]], {}))
        self.door.open.set()
        await self.turns()
        self.assertEqual(self.told, dict.fromkeys(("evt-a", "evt-b", "evt-c"), Verdict.OK))

    async def test_one_that_is_refused_hears_it_alone(self) -> None:
        """Those beside it are taken."""
        self.take("evt-a", "refused!", "evt-b")
        await self.turns()
        self.assertIsInstance(self.told.pop("refused!"), Rejected)
        self.assertEqual(self.told, {"evt-a": Verdict.OK, "evt-b": Verdict.OK})

    async def test_a_door_that_is_away_is_told_to_each_and_the_next_are_taken(self) -> None:
        """Whatever it raises."""
        for error in (Unavailable("log", "on purpose"), RuntimeError("a bug")):
            self.door.error = error
            self.take("evt-a", "evt-b")
            await self.turns()
            self.assertEqual(self.told, {"evt-a": error, "evt-b": error})
        self.door.error = None
        self.take("evt-a")
        await self.turns()
        self.assertEqual(self.told["evt-a"], Verdict.OK)
