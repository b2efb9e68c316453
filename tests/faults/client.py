"""A small HTTP client that never hides what happened: a status, or an error that leaves the outcome unknown."""

import asyncio
import json
from typing import Any, NamedTuple

LONGEST_S = 20.0


class Answer(NamedTuple):
    """A whole answer; header names are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        """Return the body's JSON."""
        return json.loads(self.body)


class Unheard(Exception):
    """No answer: refused, reset, cut short or too late. What became of the request is not known."""


class Client:
    """One kept-alive connection to one address, opened again when it was lost. One request at a time."""

    def __init__(self, port: int, *, longest_s: float = LONGEST_S) -> None:
        self._port = port
        self._longest_s = longest_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> Answer:
        """Return the answer to a GET; raises ``Unheard``."""
        return await self._ask(f"GET {path} HTTP/1.1\r\nhost: test\r\n\r\n".encode())

    async def post(self, path: str, body: bytes) -> Answer:
        """Return the answer to a POST of JSON; raises ``Unheard``."""
        return await self._send("POST", path, body)

    async def put(self, path: str, body: bytes) -> Answer:
        """Return the answer to a PUT of JSON; raises ``Unheard``."""
        return await self._send("PUT", path, body)

    def close(self) -> None:
        """Let go of the connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()

    async def _send(self, method: str, path: str, body: bytes) -> Answer:
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return await self._ask(head.encode() + body)

    async def _ask(self, request: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._longest_s):
                reader, writer = self._streams or await asyncio.open_connection("127.0.0.1", self._port)
                self._streams = reader, writer
                writer.write(request)
                await writer.drain()
                return await self._answer(reader)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            self.close()
            raise Unheard(f"{type(error).__name__}: {error}") from error
        except asyncio.CancelledError:
            self.close()
            raise

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(head[0].split(" ")[1]), headers, body)
