"""A small proxy between a process of ours and a server, that cuts, delays or swallows what passes."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Self

Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CHUNK: Final = 65_536


def to_socket(path: Path) -> Callable[[], Awaitable[Opened]]:
    """Return a way to a server that listens on a Unix socket."""
    return lambda: asyncio.open_unix_connection(str(path))


def to_port(port: int) -> Callable[[], Awaitable[Opened]]:
    """Return a way to a server that listens on a port of this machine."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


class Proxy:
    """Listens on a free port of loopback. Harmless until told otherwise."""

    def __init__(self, reach: Callable[[], Awaitable[Opened]], port: int = 0) -> None:
        self.reach = reach
        self.port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.delay_s = 0.0
        self.accepts = True

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cut everything and stop listening."""
        self._flowing.set()
        self.cut()
        if self._server is not None:
            self._server.close()

    def cut(self) -> int:
        """Reset every connection and return how many there were."""
        cut = len(self._open)
        for writer in list(self._open):
            writer.transport.abort()
        return cut

    def swallow(self) -> None:
        """Keep every connection open and pass nothing on, as a machine does that has lost its power: half-open."""
        self._flowing.clear()

    def flow(self) -> None:
        """Pass on again, what was swallowed included."""
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.accepts:
            writer.transport.abort()
            return
        try:
            beyond_reader, beyond_writer = await self.reach()
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, beyond_writer}
        self._open |= ends
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, beyond_writer))
                group.create_task(self._pass_on(beyond_reader, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()
