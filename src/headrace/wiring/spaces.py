"""All spaces of a process, each with a ground of its own under one pool of connections: one that breaks is begun again alone.

A process whose only space is the default one runs as if there were nothing else: what breaks it ends it, and the supervisor
starts it again. Beside others, a space that breaks is let go of, told of, and begun again with growing patience.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Final

from headrace import telemetry
from headrace.api.services import Spaces
from headrace.clock import Clock, SystemClock
from headrace.config import ConfigurationError, Settings
from headrace.config.spaces import DEFAULT
from headrace.errors import Unavailable
from headrace.log.port import PartitionsDiffer
from headrace.serving.recipes import RecipeError
from headrace.store.bindings import LogDiffers
from headrace.store.pool import Database
from headrace.telemetry.spaces import counted_in
from headrace.wiring.crew import Crew
from headrace.wiring.processes import api_services, background, migrate, worker

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
GOOD_WHILE_S: Final = 60.0
_OPERATORS: Final = (ConfigurationError, LogDiffers, PartitionsDiffer, RecipeError)
"""What an operator can mend is told in a line; anything else is our bug and keeps its traceback."""


@asynccontextmanager
async def api_spaces(settings: Settings, spaces: Spaces) -> AsyncIterator[None]:
    """Have every space opened to ``spaces``, and closed and opened again where it breaks; yield at once."""
    if not settings.others:
        async with api_services(settings) as services, spaces.opened(settings.space, services):
            yield
        return
    clock = SystemClock()
    async with _pooled(settings) as pool:

        def kept(one: Settings) -> Coroutine[None, None, None]:
            async def live() -> None:
                async with api_services(one, pool) as services, spaces.opened(one.space, services):
                    await asyncio.Event().wait()

            def again(reason: str) -> bool:
                spaces.close(one.space, reason)
                return True

            return _keep(one.space, live, again, clock)

        async with background(*map(kept, settings.each())):
            yield


class Workers:
    """The crews of all spaces."""

    def __init__(self, settings: Settings, pool: Database, clock: Clock) -> None:
        self._settings = settings
        self._pool = pool
        self._clock = clock
        self._crews: dict[str, Crew] = {}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask every crew to finish its running batches; spaces that have none yet are let go of. Then ``run`` returns."""
        self._stopping.set()
        for crew in self._crews.values():
            crew.stop()

    async def run(self) -> None:
        """Work on every space until stopped."""
        lives = {asyncio.create_task(self._life(one)): one.space for one in self._settings.each()}
        try:
            await self._stopping.wait()
            for life, space in lives.items():
                if space not in self._crews:  # it waits for Postgres, or for another try
                    life.cancel()
            await asyncio.wait(lives)
        finally:
            for life in lives:
                life.cancel()

    async def _life(self, settings: Settings) -> None:
        async def live() -> None:
            try:
                async with worker(settings, self._pool) as crew:
                    if not self._stopping.is_set():
                        self._crews[settings.space] = crew
                        await crew.run()
            finally:
                self._crews.pop(settings.space, None)

        await _keep(settings.space, live, lambda _reason: not self._stopping.is_set(), self._clock)


@asynccontextmanager
async def workers(settings: Settings) -> AsyncIterator[Crew | Workers]:
    """Yield a process's workers on all spaces, ready to run; where there is one alone, it is waited for here."""
    if not settings.others:
        with counted_in("" if settings.space == DEFAULT else settings.space):
            async with worker(settings) as crew:
                yield crew
        return
    async with _pooled(settings) as pool:
        yield Workers(settings, pool, SystemClock())


async def migrate_all(settings: Settings) -> dict[str, str]:
    """Bring every space's tables up to date; return why that could not be done, by space, where others could go on.

    Raises ``Unavailable``, and whatever breaks a space that is the only one.
    """
    broken: dict[str, str] = {}
    for one in settings.each():
        try:
            await migrate(one)
        except Unavailable:
            raise
        except Exception as error:  # as in `_keep`: one space's bug must not hold up the others
            if not settings.others:
                raise
            broken[one.space] = _told(one.space, error, restart_in_s=None)
    return broken


async def _keep(space: str, live: Callable[[], Awaitable[None]], again: Callable[[str], bool], clock: Clock) -> None:
    """Let a space live until its life ends by itself; ``again`` hears why it broke, and tells whether to begin anew."""
    wait_s = FIRST_WAIT_S
    with counted_in("" if space == DEFAULT else space):
        while True:
            began = clock.monotonic()
            try:
                await live()
            except Exception as error:  # noqa: BLE001 -- the outermost loop of a space: its bug must not end the others
                wait_s = FIRST_WAIT_S if clock.monotonic() - began > GOOD_WHILE_S else wait_s
                if not again(_told(space, error, restart_in_s=wait_s)):
                    return
            else:
                return
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def _told(space: str, error: Exception, *, restart_in_s: float | None) -> str:
    """Log what broke a space, with the traceback of what is our bug, and return it in a line."""
    broke = _innermost(error)
    operators = isinstance(broke, _OPERATORS)
    told: dict[str, object] = {"reason": str(broke)} if operators else {"exc_info": error}
    telemetry.log.error("space_broke", restart_in_s=restart_in_s, space=space, **told)
    return " ".join(str(broke).split()) if operators else "it broke; the log has its traceback"


@asynccontextmanager
async def _pooled(settings: Settings) -> AsyncIterator[Database]:
    pool = Database(settings.database)
    try:
        yield pool
    finally:
        await pool.close()


def _innermost(error: BaseException) -> BaseException:
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
