"""Many small appends, one commit: while one group is being written the next one gathers."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from headrace import telemetry
from headrace.errors import Poison, Unavailable
from headrace.log.port import NewRecord, Verdict

LARGEST_GROUP: Final = 1000
"""Records in one commit; a larger call is written whole, on its own."""

MOST_TURNS: Final = 5
"""Turns of the loop that a group waits for others at most: what has arrived is read in them, and no time is spent idle."""


@dataclass(frozen=True, slots=True)
class Call:
    """One caller's records and the promise of their verdicts."""

    records: Sequence[NewRecord]
    atomic: bool
    done: asyncio.Future[list[Verdict]]


Write = Callable[[Sequence[Call]], Awaitable[None]]
"""Writes calls in one transaction and settles each call's future; raises ``Unavailable`` or ``Poison`` when none is written."""


class Grouping:
    """A bounded queue in front of one writer that is flushed whenever the writer is idle, with all that has arrived by then."""

    def __init__(self, write: Write, *, queue_records: int) -> None:
        self._write = write
        self._bound = queue_records
        self._waiting: deque[Call] = deque()
        self._records = 0
        self._writer: asyncio.Task[None] | None = None

    async def append(self, records: Sequence[NewRecord], *, atomic: bool) -> list[Verdict]:
        """Join the next group and return its verdicts; raises ``Unavailable`` at once where the queue is full."""
        if self._records + len(records) > self._bound and self._records:
            raise Unavailable("log", f"{self._records} events wait to be written, which is as many as may")
        call = Call(records, atomic, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._records += len(records)
        if self._writer is None:
            self._writer = asyncio.create_task(self._flush())
        return await call.done

    async def close(self) -> None:
        """Write what waits, then stop."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    async def _flush(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                telemetry.INTAKE_QUEUE.set(self._records)
                group = self._take()
                try:
                    await self._settle(group)
                finally:
                    self._records -= sum(len(call.records) for call in group)
                    telemetry.INTAKE_QUEUE.set(self._records)
        finally:
            self._writer = None

    async def _gather(self) -> None:
        """Let those who are at the door already come in, for as long as each turn of the loop brings more of them."""
        waiting = 0
        for _ in range(MOST_TURNS):
            if len(self._waiting) == waiting or self._records >= LARGEST_GROUP:
                return
            waiting = len(self._waiting)
            await asyncio.sleep(0)

    async def _settle(self, group: Sequence[Call]) -> None:
        """Write a group; an error is its callers' to see, and never keeps the next group waiting."""
        writing = asyncio.ensure_future(self._write(group))
        try:
            await asyncio.wait([writing])
        except asyncio.CancelledError:
            writing.cancel()
            _fail([*group, *self._waiting], Unavailable("log", "the process is stopping"))
            self._waiting.clear()
            raise
        error = Unavailable("log", "the write was broken off") if writing.cancelled() else writing.exception()
        if isinstance(error, Poison) and len(group) > 1:
            # One caller's value is refused: each is written alone, so that its neighbours are not.
            for call in group:
                await self._settle([call])
        elif error is not None:
            _fail(group, error)

    def _take(self) -> list[Call]:
        group: list[Call] = []
        size = 0
        while self._waiting and (not group or size + len(self._waiting[0].records) <= LARGEST_GROUP):
            call = self._waiting.popleft()
            group.append(call)
            size += len(call.records)
        return group


def _fail(calls: Sequence[Call], error: BaseException) -> None:
    for call in calls:
        if not call.done.done():
            call.done.set_exception(error)
