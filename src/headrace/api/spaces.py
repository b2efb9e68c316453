"""Several spaces behind one address: a request goes to the one that its header names, without it to the default one.

Each space is a whole application over services of its own, so nothing behind this module knows that there are others. A space
may be away while the others answer: it is then answered for here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace import telemetry
from headrace.api import problem
from headrace.api.answers import Health
from headrace.api.application import Application, decline
from headrace.api.exchange import Direct
from headrace.api.patience import within
from headrace.api.query import SPACE_HEADER
from headrace.api.reply import Reply, json_reply, send_reply
from headrace.api.services import Readiness, Services
from headrace.api.settings import ApiSettings
from headrace.clock import Clock, SystemClock
from headrace.config.spaces import DEFAULT
from headrace.errors import Rejected, Unavailable, Violation
from headrace.telemetry import merging
from headrace.telemetry.spaces import counted_in

HEADER: Final = SPACE_HEADER.lower().encode()
AWAY: Final = "headrace.away"
"""Where the scope of a guest's request tells that its space is away, and that another one's guest is asked to say so."""

NOWHERE: Final = "?"
"""Where requests are counted that name no space of ours."""

STARTING_S: Final = 60.0
"""How long a process counts as starting at most: until then it is not ready while a space of it has not answered yet."""

_NOT_YET: Final = "it is being opened"
_UNKNOWN: Final = Violation(
    SPACE_HEADER, "must name one space that HEADRACE_SPACES declares here; leave the header out for the default one"
)


Choosing: TypeAlias = Callable[[Scope], str | None]
"""Tells which space a guest's request is for that has no header; None of a request that is no guest's."""

Host: TypeAlias = Callable[..., AbstractAsyncContextManager[Application]]
"""Makes a space's services an application, with guests in it perhaps, and keeps it as long as its block lasts."""


@dataclass(frozen=True, slots=True)
class Away:
    """A space that does not answer now, and why."""

    space: str
    reason: str


def nobody(_scope: Scope) -> None:
    """Choose no space for anybody: whoever sends no header means the default one."""


@asynccontextmanager
async def _alone(services: Services) -> AsyncIterator[Application]:
    yield Application(services)


class Spaces:
    """The ASGI application over all spaces of a process; ``open`` and ``close`` let each come and go."""

    def __init__(
        self,
        settings: ApiSettings,
        names: Sequence[str] = (DEFAULT,),
        clock: Clock | None = None,
        *,
        host: Host = _alone,
        choosing: Choosing = nobody,
    ) -> None:
        self.settings = settings
        self._host = host
        self._choosing = choosing
        self._names = tuple(names)
        self._clock = clock or SystemClock()
        self._began = self._clock.monotonic()
        self._closed = dict.fromkeys(names, _NOT_YET)
        self._several = len(names) > 1
        self._services: dict[str, Services] = {}
        self._applications: dict[str, ASGIApp] = {}
        self._settled: set[str] = set()
        self._changed: Callable[[Direct | None], None] | None = None
        self._default: Direct | None = None
        self.elsewhere: dict[bytes, Direct] = {}
        """Who answers hot requests with a header, by what it says; no space that is closed."""

    @classmethod
    def alone(cls, services: Services) -> "Spaces":
        """Return the default space as the only one."""
        spaces = cls(services.settings)
        spaces.open(DEFAULT, services)
        return spaces

    def watch(self, changed: Callable[[Direct | None], None]) -> None:
        """Have it called with whoever answers hot requests without a header, now and whenever that changes."""
        self._changed = changed
        changed(self._default)

    @asynccontextmanager
    async def opened(self, space: str, services: Services) -> AsyncIterator[None]:
        """Let a space be answered from these services, by the application that the host makes of them.

        With the end of the block the application ends; ``close`` tells what is answered from then on.
        """
        async with self._host(self._with_the_others(space, services)) as application:
            self._put(space, services, application)
            yield

    def open(self, space: str, services: Services) -> None:
        """Let a space be answered from these services from now on, by the routes alone."""
        with counted_in("" if space == DEFAULT else space):
            application = Application(self._with_the_others(space, services))
        self._put(space, services, application)

    def _with_the_others(self, space: str, services: Services) -> Services:
        if not self._several:
            return services
        services = replace(services, worker_metrics=self.worker_metrics, space=space, spaces=self._names)
        return replace(services, readiness=self.readiness) if space == DEFAULT else services

    def _put(self, space: str, services: Services, application: Application) -> None:
        if space == DEFAULT:
            self._applications[space] = application
            self._turn_to(application)
        else:
            door = _Door(space, application)
            self._applications[space] = door
            self.elsewhere[space.encode()] = door
        self._services[space] = services
        self._closed.pop(space, None)

    def close(self, space: str, reason: str) -> None:
        """Let a space be away from now on, and tell why."""
        self._closed[space] = reason
        self._settled.add(space)
        self._services.pop(space, None)
        self._applications.pop(space, None)
        self.elsewhere.pop(space.encode(), None)
        if space == DEFAULT:
            self._turn_to(None)

    def readiness(self) -> Readiness:
        """Return whether this process can answer: with some spaces away it still does for the others.

        Until each space has answered or broken once, and for a minute at most, the process is starting and not ready.
        """
        found = {space: self._readiness_of(space) for space in (*self._services, *self._closed)}
        self._settled.update(space for space, one in found.items() if one.status != "unavailable")
        default = found[DEFAULT]
        missing = list(default.missing) if DEFAULT in self._services else []
        for space, one in sorted(found.items()):
            if one.status != "ready" and not (space == DEFAULT and missing):
                missing.append(f"space {space}: {', '.join(one.missing) or one.status}")
        starting = found.keys() - self._settled and self._clock.monotonic() - self._began < STARTING_S
        if starting or all(one.status == "unavailable" for one in found.values()):
            return Readiness(status="unavailable", missing=missing)
        return Readiness(status="degraded" if missing else "ready", missing=missing, snapshot_age_ms=default.snapshot_age_ms)

    async def worker_metrics(self) -> str:
        """Return the workers' metrics of all spaces as one page; a space whose figures are away is told of in a comment."""
        away = [f"space {space}: {reason}" for space, reason in self._closed.items()]

        async def ask(space: str, services: Services) -> list[tuple[str, bool]]:
            try:
                return [(await within(services.worker_metrics()), True)]
            except Unavailable as error:
                away.append(f"space {space}: {error}")
                return []

        told = await asyncio.gather(*(ask(space, services) for space, services in self._services.items()))
        pages = [page for one in told for page in one]
        lines = (f"# the workers' figures are away: {' '.join(one.split())}\n" for one in away)
        return merging.merge(pages) + "".join(lines)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await decline(scope, receive, send)
            return
        given = {value.strip(b" \t") for name, value in scope["headers"] if name == HEADER}
        chosen = self._choosing(scope) if self._several and not given else None
        if chosen is not None:
            await self._answer_guest(chosen if chosen in self._names else DEFAULT, scope, receive, send)
            return
        space = DEFAULT if not given else given.pop().decode("latin-1")
        application = None if given else self._applications.get(space)
        if application is not None:
            await application(scope, receive, send)
        elif given or space not in self._closed:
            with counted_in(NOWHERE):
                telemetry.API_REQUESTS.labels("4xx").inc()
            await send_reply(send, problem.rejection(Rejected(422, "There is no such space", (_UNKNOWN,))))
        else:
            await self._stand_in(space, scope, receive, send)

    async def _answer_guest(self, space: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from the chosen space; of one that is away another one's guest says so, and a browser can choose again."""
        application = self._applications.get(space)
        if application is None and self._applications:
            application = next(iter(self._applications.values()))
            scope = {**scope, AWAY: Away(space, self._closed[space])}
        if application is not None:
            await application(scope, receive, send)
        else:
            await self._stand_in(space, scope, receive, send)

    async def _stand_in(self, space: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for a space that is away; what concerns the process is told all the same."""
        path = scope["path"]
        if path == "/metrics/prometheus" and self._applications:
            await next(iter(self._applications.values()))(scope, receive, send)
            return
        if path == "/healthz":
            reply = json_reply(Health())
        elif path == "/readyz":
            reply = problem.readiness(self.readiness() if space == DEFAULT else self._readiness_of(space))
        else:
            reply = problem.unavailable(Unavailable(f"the space {space}", self._closed[space]))
            with counted_in("" if space == DEFAULT else space):
                telemetry.API_REQUESTS.labels("5xx").inc()
        await send_reply(send, reply)

    def _readiness_of(self, space: str) -> Readiness:
        services = self._services.get(space)
        return Readiness(status="unavailable", missing=[self._closed[space]]) if services is None else services.readiness()

    def _turn_to(self, default: Application | None) -> None:
        self._default = default
        self.elsewhere.pop(DEFAULT.encode(), None)
        if default is not None:
            self.elsewhere[DEFAULT.encode()] = default
        if self._changed is not None:
            self._changed(default)


class _Door:
    """A space beside the default one: what happens behind its door is counted as its own."""

    def __init__(self, space: str, application: Application) -> None:
        self._space = space
        self._application = application
        self.now = self._application.now

    def is_hot(self, method: str, path: str) -> bool:
        """Return whether this is a hot route's request."""
        return self._application.is_hot(method, path)

    def begin(self, scope: Scope, body: bytes, came: float) -> Reply | asyncio.Future[Reply]:
        """Return a hot route's answer, or the promise of it: tasks begun here stay in the space."""
        with counted_in(self._space):
            return self._application.begin(scope, body, came)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        with counted_in(self._space):
            await self._application(scope, receive, send)
