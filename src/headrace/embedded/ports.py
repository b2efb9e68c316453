"""Free ports of loopback, for what is started beside others."""

import secrets
import socket
from typing import Final

HOST: Final = "127.0.0.1"
PORTS: Final = range(20_000, 32_000)
"""Below those that systems hand to outgoing connections by themselves, so that none of them takes one before it is used."""

TRIES: Final = 1_000


def free_port(*, row: int = 1) -> int:
    """Return a port of loopback that nothing listens on at the moment, nor on the ``row - 1`` ports after it.

    Raises ``OSError`` where none can be found.
    """
    for _ in range(TRIES):
        port = PORTS.start + secrets.randbelow(len(PORTS) - row + 1)
        if all(_free(port + later) for later in range(row)):
            return port
    message = f"no free port was found on {HOST} between {PORTS.start} and {PORTS.stop}"
    raise OSError(message)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
