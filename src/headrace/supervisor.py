"""Keeps processes running: starts them, says so when one dies, starts it again with growing patience, stops them in time."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from headrace.clock import Clock
from headrace.telemetry import log

PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running, by a name for people and its command line."""

    name: str
    command: Sequence[str]


@dataclass(slots=True)
class Backoff:
    """How long to wait before the next try: doubling, and forgotten after a good while without a failure. Seconds."""

    first: float = 0.5
    longest: float = 30.0
    good_while: float = 60.0
    _next: float = field(default=0.0, init=False)

    def after(self, lived: float) -> float:
        """Return the wait after something lived for so long."""
        if lived >= self.good_while or not self._next:
            self._next = self.first
        wait = self._next
        self._next = min(self._next * 2, self.longest)
        return wait


class Supervisor:
    """Runs children until it is told to stop.

    Their output is ours. Each has a session of its own, so that Ctrl-C reaches us alone and they are stopped in order:
    SIGTERM to all, ten seconds, SIGKILL.
    """

    def __init__(self, children: Sequence[Child], environment: Mapping[str, str], clock: Clock) -> None:
        self._children = children
        self._environment = environment
        self._clock = clock
        self._living: dict[str, asyncio.subprocess.Process] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Keep all children running until ``stop`` is set, then stop them; returns when the last has ended."""
        keepers = [asyncio.create_task(self._keep(child, Backoff())) for child in self._children]
        stopped = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*keepers, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # a keeper never ends by itself: this raises what broke it
        finally:
            for task in (*keepers, stopped):
                task.cancel()
            await asyncio.gather(*keepers, stopped, return_exceptions=True)
            await self._end()

    def kill(self) -> None:
        """End all children at once, for the second Ctrl-C of somebody in a hurry."""
        for process in self._living.values():
            _signal(process, signal.SIGKILL)

    async def _keep(self, child: Child, backoff: Backoff) -> None:
        while True:
            began = self._clock.monotonic()
            process = await asyncio.create_subprocess_exec(*child.command, env=self._environment, start_new_session=True)
            self._living[child.name] = process
            code = await process.wait()
            del self._living[child.name]
            wait = backoff.after(self._clock.monotonic() - began)
            log.error("process_died", process=child.name, pid=process.pid, ended=ending(code), restart_in_s=wait)
            await asyncio.sleep(wait)

    async def _end(self) -> None:
        ending_now = list(self._living.values())
        for process in ending_now:
            _signal(process, signal.SIGTERM)
        waits = [asyncio.create_task(process.wait()) for process in ending_now]
        if not waits:
            return
        _, late = await asyncio.wait(waits, timeout=PATIENCE_S)
        if late:
            log.error("process_killed", message=f"{len(late)} did not stop within {PATIENCE_S:g} s")
            self.kill()
            await asyncio.wait(late)


async def keep_alive(
    lives: Callable[[], Awaitable[bool]], revive: Callable[[], Awaitable[None]], *, name: str, every_s: float = 0.5
) -> None:
    """Look whether something that is not our child still lives, and revive it with growing patience, until cancelled.

    ``revive`` may fail quietly: it is tried again as long as ``lives`` says no.
    """
    backoff = Backoff()
    lived = 0.0
    while True:
        await asyncio.sleep(every_s)
        lived += every_s
        if await lives():
            continue
        wait = backoff.after(lived)
        log.error("process_died", process=name, restart_in_s=wait)
        await asyncio.sleep(wait)
        await revive()
        lived = 0.0


def ending(code: int) -> str:
    """Return how a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
