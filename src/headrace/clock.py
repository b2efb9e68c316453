"""Where time comes from: the only module that asks the operating system what time it is."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time; handed to whatever stamps or waits."""

    def now_ms(self) -> int:
        """Return the wall clock in Unix milliseconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go backwards, for durations and deadlines."""
        ...

    def computed(self) -> float:
        """Return the seconds of a processor that this thread has used."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Return the wall clock in Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def computed(self) -> float:
        """Return the seconds of a processor that this thread has used."""
        return time.thread_time()


class FixedClock:
    """A clock that stands still until it is moved, for tests and replays."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return the set time in Unix milliseconds."""
        return self._now_ms

    def monotonic(self) -> float:
        """Return the set time in seconds."""
        return self._now_ms / 1000

    def computed(self) -> float:
        """Return the set time in seconds: whoever has this clock computes all the while."""
        return self._now_ms / 1000

    def advance(self, milliseconds: int) -> None:
        """Move the clock forward by so many milliseconds."""
        self._now_ms += milliseconds
