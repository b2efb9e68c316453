"""Reads a request's body within its limits: 8 MiB, and no longer than a body may take to arrive."""

import asyncio
from typing import Final

from starlette.types import Receive, Scope

from headrace.errors import Rejected, Violation

LARGEST_BODY: Final = 8 * 1024 * 1024
LARGEST_DRAINED: Final = 64 * 1024 * 1024
"""How much of a body that is too large is read and thrown away, so that its sender gets to read the answer."""


class Unread(Rejected):
    """The body was refused before its end: the connection is of no further use."""


class Gone(Exception):
    """The client went away; nobody waits for an answer."""


async def read(scope: Scope, receive: Receive, timeout_s: float) -> bytes:
    """Return the whole body; raises ``Unread`` (408, 413), ``Rejected`` (400) or ``Gone``.

    A body is given up after ``timeout_s``, and after half of that without a byte, so one that stops is always cut in time.
    """
    declared = _declared_length(scope)
    if declared is None:
        return b""
    if declared > LARGEST_BODY:
        raise _too_large()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    parts: list[bytes] = []
    size = 0
    more = True
    try:
        while more:
            async with asyncio.timeout_at(min(deadline, loop.time() + timeout_s / 2)):
                message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > LARGEST_BODY:
                raise _too_large()
            parts.append(part)
            more = message.get("more_body", False)
    except TimeoutError:
        raise Unread(408, "The body did not arrive in time", (Violation("", f"{size} bytes came"),)) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def drain(receive: Receive, timeout_s: float) -> None:
    """Throw away what still comes of a refused body, up to a bound in bytes and time; memory does not grow."""
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            while size < LARGEST_DRAINED:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _declared_length(scope: Scope) -> int | None:
    """Return the declared length, 0 where the body comes in chunks, None where there is no body."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 20 else LARGEST_BODY + 1
        if name == b"transfer-encoding":
            return 0
    return None


def _too_large() -> Unread:
    return Unread(413, "The body is too large", (Violation("", f"a body has at most {LARGEST_BODY} bytes"),))
