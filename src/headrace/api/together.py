"""Events of several requests, taken by one call: what comes in one round of the loop goes through the door together.

A call of its own for each request costs a task, its steps and a place in the log's queue; a bunch of them costs that once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from headrace.errors import Rejected, Unavailable
from headrace.events.types import Event
from headrace.log.port import Verdict

AcceptEach = Callable[[Sequence[Event]], Awaitable[list[Verdict | Rejected]]]
"""The door, for events that have nothing to do with each other; see ``Intake.accept_each``."""

Settle = Callable[[Verdict | Exception], None]
"""Hears what became of an event: its verdict, or why there is none."""


class Together:
    """Gathers the events of a round of the loop, and takes them by one call."""

    def __init__(self, accept_each: AcceptEach) -> None:
        self._accept_each = accept_each
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
            return await self._accept_each(events)
        except Unavailable as error:
            return [error] * len(events)
        except Exception as error:  # noqa: BLE001 -- whatever it is, whoever waits is told
            return [error] if len(events) == 1 else [(await self._outcomes([event]))[0] for event in events]
