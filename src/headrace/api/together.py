"""Events of several requests, taken by one call: what comes in one round of the loop goes through the door together.

A call of its own for each request costs a task, its steps and a place in the log's queue; a bunch of them costs that once.
"""

import asyncio
from collections.abc import Callable, Sequence

from headrace import telemetry
from headrace.api.services import Intake
from headrace.events.types import Event
from headrace.log.port import Verdict

Settle = Callable[[Verdict | Exception], None]
"""Hears what became of an event: its verdict, or why there is none."""


class Together:
    """Gathers the events of a round."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._gathered: list[tuple[Event, Settle]] = []
        self._taking: set[asyncio.Task[None]] = set()

    def take(self, event: Event, settle: Settle) -> None:
        """Take an event with all others of this round; ``settle`` is called once, and must not raise."""
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._begin)
        self._gathered.append((event, settle))

    def _begin(self) -> None:
        gathered, self._gathered = self._gathered, []
        task = asyncio.create_task(self._take(gathered))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def _take(self, gathered: Sequence[tuple[Event, Settle]]) -> None:
        try:
            outcomes: Sequence[Verdict | Exception] = await self._intake.accept_each([event for event, _ in gathered])
        except Exception as error:  # noqa: BLE001 -- whatever it is, each who waits is told
            telemetry.log.debug("events_not_taken", reason=str(error), count=len(gathered))
            outcomes = [error] * len(gathered)
        for (_, settle), outcome in zip(gathered, outcomes, strict=True):
            settle(outcome)
