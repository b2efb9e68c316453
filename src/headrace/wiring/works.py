"""Work that takes longer than a page is open: it goes on in this process, tells how far it is, and how it ended is kept."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from headrace import telemetry
from headrace.clock import Clock
from headrace.errors import Unavailable
from headrace.wiring.replays import Refused

KEPT: Final = 20


class Stage(StrEnum):
    """Where a work stands."""

    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(slots=True)
class Work:
    """One work: ``about`` says what it does, ``words`` how far it is or how it ended, ``found`` what it brought."""

    number: int
    kind: str
    about: str
    began_ms: int
    stage: Stage = Stage.RUNNING
    words: str = ""
    ended_ms: int | None = None
    found: object = None

    def tell(self, words: str) -> None:
        """Say how far it is."""
        self.words = words


class Works:
    """The works of one page, at most one of a kind at a time; those that run and the latest are remembered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._works: deque[Work] = deque()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._number = 0

    def begin(self, kind: str, about: str, job: Callable[[Work], Awaitable[str]]) -> Work:
        """Start a work and return at once; ``job`` returns the words that it ends with. Raises ``Refused`` while one runs."""
        running = self.running(kind)
        if running is not None:
            raise Refused(f"{running.about} is under way: wait until it has ended")
        self._number += 1
        work = Work(self._number, kind, about, self._clock.now_ms())
        self._works.appendleft(work)
        ended = [one for one in self._works if one.stage is not Stage.RUNNING]
        for one in ended[max(0, KEPT - len(self._works) + len(ended)) :]:
            self._works.remove(one)
        task = self._tasks[work.number] = asyncio.create_task(self._run(work, job))
        task.add_done_callback(lambda _: self._tasks.pop(work.number, None))
        return work

    def running(self, kind: str) -> Work | None:
        """Return the work of this kind that is under way."""
        return next((one for one in self._works if one.kind == kind and one.stage is Stage.RUNNING), None)

    def listed(self) -> list[Work]:
        """Return the works, the newest first."""
        return list(self._works)

    def numbered(self, number: int) -> Work | None:
        """Return a work; None where it is remembered no more."""
        return next((one for one in self._works if one.number == number), None)

    async def close(self) -> None:
        """End what runs, as if somebody had interrupted the command that does the same."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, work: Work, job: Callable[[Work], Awaitable[str]]) -> None:
        try:
            work.words = await job(work)
            work.stage = Stage.DONE
        except Refused as refused:
            work.words, work.stage = str(refused), Stage.REFUSED
        except Unavailable as error:
            work.words, work.stage = str(error), Stage.FAILED
        except Exception:  # noqa: BLE001 -- the outermost loop of this work: a bug of ours ends it, loudly, not the process
            telemetry.log.exception("work_failed", work=work.about)
            work.words, work.stage = "a bug of ours ended it; the log of the API has it", Stage.FAILED
        finally:
            if work.stage is Stage.RUNNING:
                work.words, work.stage = "the process that did it has ended", Stage.FAILED
            work.ended_ms = self._clock.now_ms()
