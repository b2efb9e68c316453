"""The HTTP protocol of a connection: the short way of hot requests, and bounds that the server's own lacks.

A request's head may be 64 KiB large and 10 s late; beyond so many connections a request is told to come back.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final, cast

import msgspec
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from headrace.api import exchange, plain
from headrace.api.exchange import Direct, Exchange
from headrace.api.problem import PROBLEM_JSON, problem, unavailable
from headrace.api.query import SPACE_HEADER
from headrace.api.reply import Reply
from headrace.api.stopping import given_up
from headrace.errors import Unavailable

MOST_CONNECTIONS: Final = 2048
LARGEST_HEAD: Final = 64 * 1024
SENT_TOGETHER: Final = 16
HEAD_TIMEOUT_S: Final = 10
SPACE: Final = SPACE_HEADER.lower().encode()


class Protocol(HttpToolsProtocol):
    """Closes a connection whose request head grows beyond 64 KiB or takes longer than 10 s; answers hot requests itself."""

    direct: ClassVar[Direct | None] = None
    """Who answers hot requests that name no space."""
    elsewhere: ClassVar[Mapping[bytes, Direct]]
    """Who answers those that name one, by its name; who is not there is answered for on the common way."""
    most_connections: ClassVar[int] = MOST_CONNECTIONS
    outbox: ClassVar[list[tuple[asyncio.Transport, bytes, bool]]]
    """Answers of this round of the loop, of all connections of one server."""
    inbox: ClassVar[list[tuple[Callable[[Exchange, float], None], Exchange, float]]]
    """Requests of this round that wait for theirs: who begins it, and the moment at which it had come whole."""

    _always: tuple[Sequence[tuple[bytes, bytes]], bytes] = ((), b"")
    _one_too_many = False
    _space: bytes | None = None
    _head_open = True
    _between = True
    """Whether the parser waits for the first byte of a request."""
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _idle_timer: asyncio.TimerHandle | None = None
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for the first head."""
        super().connection_made(transport)
        self._one_too_many = len(self.connections) > self.most_connections
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._head_done()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start to count a head."""
        super().on_message_begin()
        self._space = None
        self._head_open = True
        self._between = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header as the server does, and note which space is named; two are told apart on the common way."""
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        elif name == SPACE:
            self._space = value.strip(b" \t") if self._space is None else b""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Stop counting: what follows is a body, which the application bounds."""
        self._head_open = False
        if self._head_timer is not None:
            self._head_done()
        if self._one_too_many:
            self._turn_away()
            return
        direct = self.direct if self._space is None else self.elsewhere.get(self._space)
        if direct is not None and self._is_hot(direct):
            self.cycle = Exchange(direct, cast("Scope", self.scope))  # type: ignore[assignment]
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body."""
        cycle: object = self.cycle
        if isinstance(cycle, Exchange):
            cycle.body += body
        elif cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Take a hot request that has come whole."""
        self._between = True
        cycle: object = self.cycle
        if not isinstance(cycle, Exchange):
            if cycle is not None:
                super().on_message_complete()
            return
        self._ask(cycle)

    def data_received(self, data: bytes) -> None:
        """Take what came; refuse a head that has grown too large."""
        if self._between and self.direct is not None and self._take_plain(data, self.direct):
            return
        super().data_received(data)
        cycle: object = self.cycle
        if isinstance(cycle, Exchange) and cycle.more_body and not self.transport.is_closing():
            self._go_the_common_way(cycle)
        if self._head_open:
            if self._head_timer is None:
                self._await_head()
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD and not self.transport.is_closing():
                self._refuse(431, "The request's head is too large")

    def _take_plain(self, data: bytes, direct: Direct) -> bool:
        """Take a plain request of a hot route past the parser; tell whether it was one."""
        found = plain.read(data)
        if found is None or self._one_too_many or self._is_busy() or self.flow.write_paused or self.transport.is_closing():
            return False
        scope, body = found
        if not direct.is_hot(scope["method"], scope["path"]):
            return False
        self._unset_keepalive_if_required()
        if self._head_timer is not None:
            self._head_done()
        self._head_open = False
        exchange = Exchange(direct, scope)
        exchange.body = body
        self.cycle = exchange  # type: ignore[assignment]
        self._ask(exchange)
        return True

    def _ask(self, asked: Exchange) -> None:
        """Let a request be answered when all that have come in this round of the loop are read.

        Reading and answering are each a lot of code: a processor that turns from one to the other for each request has
        forgotten the one when it comes back.
        """
        asked.more_body = False
        inbox = self.inbox
        if not inbox:
            self.loop.call_soon(self._answer)
        inbox.append((self._begin, asked, asked.direct.now()))

    def _answer(self) -> None:
        """Answer all that wait."""
        asked = self.inbox.copy()
        self.inbox.clear()
        for begin, one, came in asked:
            begin(one, came)

    def _begin(self, cycle: Exchange, came: float) -> None:
        begun = cycle.direct.begin(cycle.scope, cycle.body, came)
        if isinstance(begun, Reply):
            self._finish(cycle, begun)
        else:
            cast("set[asyncio.Future[Reply]]", self.tasks).add(begun)  # which the server waits for when it stops, then cancels
            begun.add_done_callback(partial(self._finish_later, cycle))

    def shutdown(self) -> None:
        """Begin to close, behind the answers that are ready."""
        self._answer()
        self._send_posted()
        super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, in the one shape of a refusal."""
        self._refuse(400, msg)

    def _is_busy(self) -> bool:
        cycle: object = self.cycle
        return cycle is not None and not self.cycle.response_complete

    def _is_hot(self, direct: Direct) -> bool:
        """Tell whether this request can be answered directly, as far as its head shows; fills in its scope if so."""
        if self._is_busy() or self.expect_100_continue or self.flow.write_paused:
            return False
        parser = self.parser
        path, _, query = self.url.partition(b"?")
        scope = self.scope
        scope["method"] = parser.get_method().decode("latin-1")
        scope["path"] = path.decode("latin-1")
        scope["query_string"] = query
        return (
            direct.is_hot(scope["method"], scope["path"])
            and b"#" not in query
            and parser.get_http_version() == "1.1"
            and bool(parser.should_keep_alive())
            and not parser.should_upgrade()
        )

    def _go_the_common_way(self, cycle: Exchange) -> None:
        """Hand a request whose body is still on its way to the server's own cycle, which waits with a deadline."""
        self.cycle = None  # type: ignore[assignment]
        super().on_headers_complete()
        if cycle.body:
            super().on_body(cycle.body)

    def _finish_later(self, cycle: Exchange, promise: asyncio.Future[Reply]) -> None:
        cast("set[asyncio.Future[Reply]]", self.tasks).discard(promise)
        if promise.cancelled():  # by the server, whose grace after a stop is over
            self._finish(cycle, given_up())
            self._send_posted()
        else:
            self._finish(cycle, promise.result())

    def _finish(self, cycle: Exchange, reply: Reply) -> None:
        cycle.response_complete = True
        if self.transport.is_closing():
            return
        headers = self.server_state.default_headers
        if self._always[0] is not headers:
            self._always = (headers, exchange.lines(headers))
        self._post(exchange.written(reply, self._always[1], keep_alive=cycle.keep_alive), last=not cycle.keep_alive)
        if self.pipeline:
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_whether_idle)

    def _look_whether_idle(self) -> None:
        """Close a connection that nothing came on for too long; a timer for each answer would cost as much as its reading."""
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        self._idle_timer = None
        if self._is_busy() or not self._between or self.timeout_keep_alive_task is not None:
            return
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._look_whether_idle)
        else:
            self.timeout_keep_alive_handler()

    def _post(self, data: bytes, *, last: bool = False) -> None:
        """Send at the end of this round of the loop, or at once where enough is waiting; ``last`` closes behind it.

        A client that sleeps until its answer comes must be woken, which costs the sender more than all else of a write: the
        answers of one round wake it once.
        """
        outbox = self.outbox
        if not outbox:
            self.loop.call_soon(self._send_posted)
        outbox.append((self.transport, data, last))
        if len(outbox) >= SENT_TOGETHER:
            self._send_posted()

    def _send_posted(self) -> None:
        for transport, data, last in self.outbox:
            transport.write(data)
            if last:
                transport.close()
        self.outbox.clear()

    def _turn_away(self) -> None:
        """Answer 503 and close: better some are told to come back than that all wait."""
        self.cycle = None  # type: ignore[assignment]
        self._answer()
        self._send_posted()
        away = unavailable(Unavailable("api", f"{self.most_connections} connections are open, which is as many as may"))
        self.transport.write(exchange.written(away, b"", keep_alive=False))
        self.transport.close()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self.timeout_keep_alive_handler)

    def _head_done(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: int, title: str) -> None:
        self._answer()
        self._send_posted()
        body = msgspec.json.encode(problem(status, title))
        head: list[Any] = [
            STATUS_LINE[status],
            b"content-type: ",
            PROBLEM_JSON,
            b"\r\ncontent-length: ",
            str(len(body)).encode(),
            b"\r\nconnection: close\r\n\r\n",
        ]
        self.transport.write(b"".join([*head, body]))
        self.transport.close()
