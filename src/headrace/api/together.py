"""Events of several requests, taken by one call: what comes while others are at the door goes through it together.

A call of its own for each request costs a task, its steps and a place in the log's queue; a bunch of them costs that once.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from headrace.api.services import Intake
from headrace.errors import Unavailable
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
        """Take an event with others; ``settle`` is called once, and must not raise."""
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
        events = [event for event, _ in gathered]
        stopping = Unavailable("the API", "this process stops")
        outcomes: Sequence[Verdict | Exception] = [stopping] * len(events)
        try:
            outcomes = await self._outcomes(events)
        finally:
            for (_, settle), outcome in zip(gathered, outcomes, strict=True):
                settle(outcome)

    async def _outcomes(self, events: Sequence[Event]) -> Sequence[Verdict | Exception]:
        """Return what became of each; a bug of ours that one of them meets is its sender's alone."""
        try:
            return await self._intake.accept_each(events)
        except Unavailable as error:
            return [error] * len(events)
        except Exception as error:  # noqa: BLE001 -- whatever it is, whoever waits is told
            return [error] if len(events) == 1 else [(await self._outcomes([event]))[0] for event in events]
