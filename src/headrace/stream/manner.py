"""How a worker goes about a generation: whether its records are the live ones, and whether it gives way to others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headrace.clock import Clock

GENTLE_RECORDS = 500
"""Records of a batch of a generation that is being built: a batch holds up the live ones for as long as it computes."""


REST = 2.0
"""A gentle one rests so many times as long as its batch took. Twice: answers then take no longer than twice the time."""

KEPT_AFTER_MS = 30 * 86_400_000
"""An event that old when it arrived is imported history, unless the door is told to admit older or younger ones only."""


class Manner:
    """One generation's way of being worked on; changed while it runs, when it becomes the main one or has caught up.

    The metrics of live records are those of the ``main`` generation alone. A ``gentle`` one takes one partition at a time and
    rests twice as long as each batch took: live ingest goes first. An event that was older than ``kept_after_ms`` when it
    arrived is history, whose id is remembered for good.
    """

    def __init__(self, clock: Clock, *, generation: int = 0, main: bool = True, gentle: bool = False) -> None:
        self.kept_after_ms = KEPT_AFTER_MS
        self.generation = generation
        self.main = main
        self.gentle = gentle
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
            began = self._clock.monotonic()
            yield
            await asyncio.sleep(REST * (self._clock.monotonic() - began))
