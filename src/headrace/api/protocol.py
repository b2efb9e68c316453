"""The HTTP protocol of a connection, with two bounds that the server's own lacks: how large and how late a head may be."""

import asyncio
from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from headrace.api.problem import PROBLEM_JSON, problem

LARGEST_HEAD: Final = 64 * 1024
HEAD_TIMEOUT_S: Final = 10


class Protocol(HttpToolsProtocol):
    """Closes a connection whose request head grows beyond 64 KiB or takes longer than 10 s."""

    _head_open = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._head_done()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start to count a head."""
        super().on_message_begin()
        self._head_open = True

    def on_headers_complete(self) -> None:
        """Stop counting: what follows is a body, which the application bounds."""
        self._head_open = False
        if self._head_timer is not None:
            self._head_done()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Parse what came; refuse a head that has grown too large."""
        super().data_received(data)
        if self._head_open:
            if self._head_timer is None:
                self._await_head()
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD and not self.transport.is_closing():
                self._refuse(431, "The request's head is too large")

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, in the one shape of a refusal."""
        self._refuse(400, msg)

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self.timeout_keep_alive_handler)

    def _head_done(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: int, title: str) -> None:
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
