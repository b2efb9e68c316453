"""Events of several requests, taken by one call: what comes in one round of the loop goes through the door together.

A call of its own for each request costs a task, its steps and a place in the log's queue; a bunch of them costs that once.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from headrace import telemetry
from headrace.api.services import Intake
from headrace.events.types import Event
from headrace.log.port import Verdict

Settle = Callable[[Verdict | Exception], None]
"""Hears what became of an event: its verdict, or why there is none."""

AT_ONCE: Final = 2
"""Bunches on their way at the same time: while one goes to disk there is something to do for the other."""

PATIENCE_S: Final = 0.05
"""So long events wait for a bunch on its way; then they queue at the log behind it, whose deadline holds for all that do."""


class Together:
    """Gathers events while others are on their way, and takes them by one call."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._gathered: list[tuple[Event, Settle]] = []
        self._taking: set[asyncio.Task[None]] = set()
        self._patience: asyncio.TimerHandle | None = None

    def take(self, event: Event, settle: Settle) -> None:
        """Take an event with all others of this round; ``settle`` is called once, and must not raise."""
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._begin)
        self._gathered.append((event, settle))

    def _begin(self) -> None:
        if len(self._taking) < AT_ONCE:
            self._go()
        elif self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(PATIENCE_S, self._go)

    def _go(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        gathered, self._gathered = self._gathered, []
        if gathered:
            task = asyncio.create_task(self._take(gathered))
            self._taking.add(task)
            task.add_done_callback(self._arrived)

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._taking.discard(task)
        if len(self._taking) < AT_ONCE:
            self._go()

    async def _take(self, gathered: Sequence[tuple[Event, Settle]]) -> None:
        try:
            outcomes: Sequence[Verdict | Exception] = await self._intake.accept_each([event for event, _ in gathered])
        except Exception as error:  # noqa: BLE001 -- whatever it is, each who waits is told
            telemetry.log.debug("events_not_taken", reason=str(error), count=len(gathered))
            outcomes = [error] * len(gathered)
        for (_, settle), outcome in zip(gathered, outcomes, strict=True):
            settle(outcome)
