"""How a worker goes about a generation: whether its records are the live ones, and whether it gives way to others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headrace.clock import Clock

GENTLE_RECORDS = 500
"""Records of a batch of a generation that is being built: a batch holds up the live ones for as long as it computes."""

REST = 1.0
"""A gentle one, alone on its machine, rests so many times as long as its batch kept a processor: half of one is for it."""

AND_POSTGRES = 2.0
"""A batch is about as much work to Postgres as to its worker: .70 and .73 of a core (docs/benchmarks.md, drain-sessions)."""

KEPT_AFTER_MS = 30 * 86_400_000
"""An event that old when it arrived is imported history, unless the door is told to admit older or younger ones only."""


class Manner:
    """One generation's way of being worked on; changed while it runs, when it becomes the main one or has caught up.

    The metrics of live records are those of the ``main`` generation alone. A ``gentle`` one takes one partition at a time and
    rests after each batch: live ingest goes first. ``mates`` is how many processes of this machine work on the generation, this
    one included; the more they are the longer each rests, so that together they take about what one would. An event that was
    older than ``kept_after_ms`` when it arrived is history, whose id is remembered for good.

    A batch that waits for a processor behind other processes does not rest for that: on a machine that is busy all the time,
    a replay was hardly faster than what came in meanwhile. What this thread does for others within it counts as the batch's.
    """

    def __init__(self, clock: Clock, *, generation: int = 0, main: bool = True, gentle: bool = False) -> None:
        self.kept_after_ms = KEPT_AFTER_MS
        self.generation = generation
        self.main = main
        self.gentle = gentle
        self.mates = 1
        self._clock = clock
        self._turn = asyncio.Lock()

    def limit(self, most: int) -> int:
        """Return how many records a batch takes where it may take ``most``."""
        return min(most, GENTLE_RECORDS) if self.gentle else most

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for this partition's turn; rest behind it. A generation that is not gentle never waits."""
        if not self.gentle:
            yield
            return
        async with self._turn:
            began, computed = self._clock.monotonic(), self._clock.computed()
            yield
            took, busy = self._clock.monotonic() - began, AND_POSTGRES * (self._clock.computed() - computed)
            await asyncio.sleep(self.rest(min(took, busy)))

    def rest(self, busy: float) -> float:
        """Return how long a gentle one rests after a batch that kept a processor busy for so long, in the same unit."""
        return ((1 + REST) * self.mates - 1) * busy
