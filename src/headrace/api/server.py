"""Runs the API until it is told to stop."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Generator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from headrace import telemetry
from headrace.api.exchange import Direct
from headrace.api.protocol import Protocol
from headrace.api.services import Services
from headrace.api.settings import ApiSettings
from headrace.api.spaces import Spaces
from headrace.api.stopping import Stopping

BACKLOG: Final = 2048
IDLE_S: Final = 75
"""How long a connection may stay open on which nothing comes."""

GRACE_S: Final = 8
"""How long requests in flight may take after a stop: the process is to be gone within 10 s, services included."""


class CannotListen(OSError):
    """The address cannot be listened on; the message is one line for the operator."""


class Server(uvicorn.Server):
    """The HTTP server without its own handling of signals: whoever starts it decides when it stops."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals alone."""
        yield

    def stop(self) -> None:
        """Take no more requests, finish those in flight, and end ``serve``."""
        self.should_exit = True


def listen(settings: ApiSettings) -> socket.socket:
    """Return a bound socket; raises ``CannotListen`` where the port is taken or the address is not ours."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, number)
    except OSError as error:
        raise CannotListen(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        hint = "; set API_PORT to a free one" if "in use" in (error.strerror or "") else ""
        raise CannotListen(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}{hint}") from None
    listener.settimeout(0)
    return listener


def build(services: Services | Spaces) -> Server:
    """Return a server over these services; ``serve(sockets=[...])`` runs it until its ``should_exit`` is set."""
    spaces = services if isinstance(services, Spaces) else Spaces.alone(services)
    bound = type("Bound", (Protocol,), {"elsewhere": spaces.elsewhere, "outbox": [], "inbox": []})

    def turn(direct: Direct | None) -> None:
        bound.direct = direct  # type: ignore[attr-defined]  # the class was made just now

    spaces.watch(turn)
    return over(Stopping(spaces), bound)


def over(application: ASGIApp, protocol: type[Protocol] | None = None) -> Server:
    """Return a server over any application, set as ours is: what is compared with ours runs on the same.

    ``protocol`` may take requests that are hot past the server's machinery.
    """
    config = uvicorn.Config(
        application,
        http=protocol or type("Bound", (Protocol,), {"elsewhere": {}, "outbox": [], "inbox": []}),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here asks who the client is, so nobody need be trusted to say it
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config)


async def serve(services: Services | Spaces, listener: socket.socket | None = None) -> None:
    """Serve until SIGTERM or SIGINT, finish what is in flight within some seconds, and return.

    Call it on a uvloop loop. ``listener`` is a socket from ``listen``; without one the settings' address is listened on,
    which raises ``CannotListen``.
    """
    settings = services.settings
    if listener is None:
        listener = listen(settings)
    server = build(services)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    host, port = listener.getsockname()[:2]
    telemetry.log.info("api_listening", host=host, port=port)
    try:
        await server.serve(sockets=[listener])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        listener.close()
    telemetry.log.info("api_stopped")
