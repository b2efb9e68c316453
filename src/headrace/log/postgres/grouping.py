"""Many small appends, one commit: while one group is being written the next one gathers.

Groups of different lanes are written at the same time, so that one does not wait while another's commit goes to disk.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class _Lane:
    """Calls that are written one group after the other, and who writes them."""

    waiting: deque[Call] = field(default_factory=deque)
    writer: asyncio.Task[None] | None = None


class Grouping:
    """A bounded queue in front of a writer a lane; each is flushed whenever it is idle, with all that has arrived by then.

    ``lane_of`` tells from a call's records which lane it takes: calls of one lane are written in the order they came.
    """

    def __init__(
        self, write: Write, *, queue_records: int, lanes: int = 1, lane_of: Callable[[Sequence[NewRecord]], int] = lambda _: 0
    ) -> None:
        self._write = write
        self._bound = queue_records
        self._lanes = [_Lane() for _ in range(lanes)]
        self._lane_of = lane_of
        self._records = 0

    async def append(self, records: Sequence[NewRecord], *, atomic: bool) -> list[Verdict]:
        """Join the next group and return its verdicts; raises ``Unavailable`` at once where the queue is full."""
        (call,) = self.join((records,), atomic=atomic)
        return await call

    def join(self, parts: Sequence[Sequence[NewRecord]], *, atomic: bool) -> list[asyncio.Future[list[Verdict]]]:
        """Join the next groups and return a promise a part; raises ``Unavailable`` where the queue has no room for all."""
        records = sum(map(len, parts))
        if self._records + records > self._bound and self._records:
            raise Unavailable("log", f"{self._records} events wait to be written, which is as many as may")
        return [self._join(part, atomic=atomic) for part in parts]

    def _join(self, records: Sequence[NewRecord], *, atomic: bool) -> asyncio.Future[list[Verdict]]:
        call = Call(records, atomic, asyncio.get_running_loop().create_future())
        lane = self._lanes[self._lane_of(records)]
        lane.waiting.append(call)
        self._records += len(records)
        if lane.writer is None:
            lane.writer = asyncio.create_task(self._flush(lane))
        return call.done

    async def close(self) -> None:
        """Write what waits, then stop."""
        while writers := [lane.writer for lane in self._lanes if lane.writer is not None]:
            await asyncio.wait(writers)

    async def _flush(self, lane: _Lane) -> None:
        try:
            while lane.waiting:
                await self._gather(lane)
                telemetry.INTAKE_QUEUE.set(self._records)
                group = self._take(lane)
                try:
                    await self._settle(lane, group)
                finally:
                    self._records -= sum(len(call.records) for call in group)
                    telemetry.INTAKE_QUEUE.set(self._records)
        finally:
            lane.writer = None

    async def _gather(self, lane: _Lane) -> None:
        """Let those who are at the door already come in, for as long as each turn of the loop brings more of them."""
        waiting = 0
        for _ in range(MOST_TURNS):
            if len(lane.waiting) == waiting or self._records >= LARGEST_GROUP:
                return
            waiting = len(lane.waiting)
            await asyncio.sleep(0)

    async def _settle(self, lane: _Lane, group: Sequence[Call]) -> None:
        """Write a group; an error is its callers' to see, and never keeps the next group waiting."""
        writing = asyncio.ensure_future(self._write(group))
        try:
            await asyncio.wait([writing])
        except asyncio.CancelledError:
            writing.cancel()
            _fail([*group, *lane.waiting], Unavailable("log", "the process is stopping"))
            lane.waiting.clear()
            raise
        error = Unavailable("log", "the write was broken off") if writing.cancelled() else writing.exception()
        if isinstance(error, Poison) and len(group) > 1:
            # One caller's value is refused: each is written alone, so that its neighbours are not.
            for call in group:
                await self._settle(lane, [call])
        elif error is not None:
            _fail(group, error)

    @staticmethod
    def _take(lane: _Lane) -> list[Call]:
        group: list[Call] = []
        size = 0
        while lane.waiting and (not group or size + len(lane.waiting[0].records) <= LARGEST_GROUP):
            call = lane.waiting.popleft()
            group.append(call)
            size += len(call.records)
        return group


def _fail(calls: Sequence[Call], error: BaseException) -> None:
    for call in calls:
        if not call.done.done():
            call.done.set_exception(error)
