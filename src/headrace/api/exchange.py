"""A hot request past the server's own machinery: read in one piece, answered by one write, without messages between.

Half of what a bare handler costs is the server's: two messages out, one in, a task and an event for each request. A request
of a hot route that came whole needs none of that. Everything else takes the common way: a body that comes in pieces (whose
deadlines stand there), pipelined requests, HTTP/1.0, a client that does not read.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from headrace.api.reply import Reply

KEEP_OPEN: Final = b"\r\n"
CLOSE: Final = b"\r\nconnection: close\r\n"


class Direct(Protocol):
    """An application that answers requests of its hot routes without messages."""

    @property
    def now(self) -> Callable[[], float]:
        """Return the clock that ``begin`` is told the time by."""
        ...

    def is_hot(self, method: str, path: str) -> bool:
        """Return whether this is a request that ``begin`` takes."""
        ...

    def begin(self, scope: Scope, body: bytes, came: float) -> Reply | asyncio.Future[Reply]:
        """Return the answer where nothing must be waited for, otherwise the promise of it; neither raises.

        The request had come whole at the moment ``came`` of ``now``.
        """
        ...


class Nobody:
    """Stands where the server keeps whom to wake when a body goes on: nobody waits."""

    def set(self) -> None:
        """Do nothing."""


NOBODY: Final = Nobody()


class Exchange:
    """One request and its answer; stands where the server keeps its own cycle, with the attributes that the server looks at."""

    __slots__ = ("body", "direct", "disconnected", "keep_alive", "message_event", "more_body", "response_complete", "scope")

    def __init__(self, direct: Direct, scope: Scope) -> None:
        self.direct = direct
        self.scope = scope
        self.body = b""
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True
        self.message_event = NOBODY


def written(reply: Reply, always: bytes, *, keep_alive: bool) -> bytes:
    """Return the answer as it goes over the line; ``always`` are the header lines that every answer has."""
    parts: list[bytes] = [
        STATUS_LINE[reply.status],
        always,
        b"content-type: ",
        reply.content_type,
        b"\r\ncontent-length: %d" % len(reply.body),
    ]
    for name, value in reply.headers:
        parts += (b"\r\n", name, b": ", value)
    parts += (KEEP_OPEN if keep_alive else CLOSE, b"\r\n", reply.body)
    return b"".join(parts)


def lines(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return headers as lines."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)
