"""The whole HTTP application: limits and figures around hot routes and framework alike, and the outermost catch."""

import asyncio
from collections.abc import MutableMapping
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace import telemetry
from headrace.api import bodies, problem
from headrace.api.hot import Handler, Hot, Single
from headrace.api.pages import build
from headrace.api.reply import Reply, send_reply
from headrace.api.services import Services
from headrace.api.together import Together
from headrace.api.window import Window
from headrace.errors import Rejected, Unavailable
from headrace.events.types import Event
from headrace.log.port import Verdict

_MEASURED: Final = frozenset({"/reco", "/recommend"})
_PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Asked by machines about this process; not part of what users were answered."""


class Application:
    """The ASGI application. A hot route is found by one look into a dict; everything else goes to the framework."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self.now = services.clock.monotonic
        self._timeout_s = float(settings.body_timeout_s)
        # Of the space that this is made for: looked for once, not at every answer.
        self._families = {family: telemetry.API_REQUESTS.labels(f"{family}xx") for family in (2, 3, 4, 5)}
        self._observe = telemetry.API_LATENCY.here().observe
        self._observe_answer = telemetry.ANSWER_LATENCY.here().observe  # counts in the other one as well
        self.window = Window(settings.metrics_window_sec, settings.metrics_max_samples, services.clock)
        hot = Hot(services)
        self._hot = hot.routes
        self._singles = hot.singles
        self._together = Together(services.intake.accept_each)
        self._reco = hot.reco
        self._reco_now = hot.reco_now
        self._methods: dict[str, list[str]] = {}
        for method, path in self._hot:
            self._methods.setdefault(path, []).append(method)
        self.pages = build(services, self.window)
        self._guests: dict[str, ASGIApp] = {}

    def host(self, path: str, guest: ASGIApp) -> None:
        """Let another application answer all that is asked below this path, ``/console``; it is not counted."""
        self._guests[path.removeprefix("/")] = guest

    @property
    def hot_routes(self) -> list[tuple[str, str]]:
        """Return the method and path of every hot route."""
        return list(self._hot)

    def is_hot(self, method: str, path: str) -> bool:
        """Return whether this is a hot route's request."""
        return (method, path) in self._hot

    def begin(self, scope: Scope, body: bytes, came: float) -> Reply | asyncio.Future[Reply]:
        """Return a hot route's answer where nothing must be waited for, otherwise the promise of it; neither raises."""
        route = scope["method"], scope["path"]
        single = self._singles.get(route)
        handler = self._hot[route]
        begun: Reply | asyncio.Future[Reply] | None = None
        try:
            if single is not None:
                begun = self._taken(single, scope, single.judge(body), came)
            elif handler == self._reco:
                begun = self._reco_now(scope)
        except Exception as error:  # noqa: BLE001 -- the outermost loop, as below
            begun = _refusal(error, scope)
        if begun is None:
            return asyncio.create_task(self._answered(handler, scope, body, came))
        if isinstance(begun, Reply):
            self._count(scope["path"], begun.status, came)
        return begun

    def _taken(self, single: Single, scope: Scope, event: Event, came: float) -> asyncio.Future[Reply]:
        """Return the promise of an event's answer, which is taken together with others."""
        promise: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def settle(outcome: Verdict | Exception) -> None:
            reply = _refusal(outcome, scope) if isinstance(outcome, Exception) else single.told(event, outcome)
            self._count(scope["path"], reply.status, came)
            if not promise.done():
                promise.set_result(reply)

        self._together.take(event, settle)
        return promise

    async def _answered(self, handler: Handler, scope: Scope, body: bytes, started: float) -> Reply:
        """Return a hot route's answer, whatever becomes of it, and count it."""
        try:
            reply = await handler(scope, body)
        except Exception as error:  # noqa: BLE001 -- the outermost loop: a bug of ours ends one request, loudly, not the process
            reply = _refusal(error, scope)
        self._count(scope["path"], reply.status, started)
        return reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await decline(scope, receive, send)
            return
        started = self.now()
        unread: bodies.Unread | None = None
        try:
            body = await bodies.read(scope, receive, self._timeout_s)
            started = self.now()
            handler = self._hot.get((scope["method"], scope["path"]))
            if handler is not None:
                await send_reply(send, await self._answered(handler, scope, body, started))
                return
            reply = self._refused_method(scope)
            if reply is None:
                guest = self._guests.get(scope["path"].lstrip("/").partition("/")[0])
                await self._ask(guest or self.pages, scope, body, send, None if guest is not None else started)
                return
        except bodies.Gone:
            return
        except bodies.Unread as error:
            unread = error
            reply = problem.rejection(error)
        except Exception as error:  # noqa: BLE001 -- as above
            reply = _refusal(error, scope)
        self._count(scope["path"], reply.status, started)
        if unread is None:
            await send_reply(send, reply)
        else:
            await self._send_last(receive, send, reply)

    async def _send_last(self, receive: Receive, send: Send, reply: Reply) -> None:
        """Answer at once and close; what is still on its way is thrown away first, or its sender would not read the answer."""
        await send_reply(send, reply._replace(headers=((b"connection", b"close"),)), more=True)
        if reply.status == 413:
            await bodies.drain(receive, self._timeout_s)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _refused_method(self, scope: Scope) -> Reply | None:
        methods = self._methods.get(scope["path"])
        return None if methods is None else problem.wrong_method(scope["method"], methods)

    async def _ask(self, asked: ASGIApp, scope: Scope, body: bytes, send: Send, started: float | None) -> None:
        """Have the framework or a guest answer; what began at None is not counted."""
        begun = False
        without_body = scope["method"] == "HEAD"
        if without_body:  # a GET whose answer keeps its body to itself
            scope = {**scope, "method": "GET"}

        async def receive_again() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send_counted(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                if started is not None:
                    self._count(scope["path"], message["status"], started)
            elif without_body:
                message = {**message, "body": b""}
            await send(message)

        try:
            await asked(scope, receive_again, send_counted)
        except Exception:
            if not begun:
                raise
            telemetry.log.exception("request_failed", method=scope["method"], path=scope["path"])

    def _count(self, path: str, status: int, started: float) -> None:
        if path in _PROBES:
            return
        now = self.now()
        latency_ms = (now - started) * 1000
        self._families[status // 100].inc()
        if path in _MEASURED:
            self._observe_answer(latency_ms)
            self.window.add(status, latency_ms, now)
        else:
            self._observe(latency_ms)


def _refusal(error: Exception, scope: Scope) -> Reply:
    """Return what an error is answered with."""
    if isinstance(error, Rejected):
        return problem.rejection(error)
    if isinstance(error, Unavailable):
        return problem.unavailable(error)
    telemetry.log.error("request_failed", method=scope["method"], path=scope["path"], exc_info=error)
    return problem.internal()


async def decline(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what is no request: the server's beginning and end, and a WebSocket, which is closed."""
    if scope["type"] == "lifespan":
        for stage in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{stage}.complete"})
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
