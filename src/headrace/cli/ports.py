"""Addresses to listen on, looked at before anything is started."""

import socket
from ipaddress import ip_address

from headrace.cli.complaints import Complaint


def check_free(host: str, port: int) -> None:
    """Raise ``Complaint`` where nothing can listen on this address: taken, not ours to take, or not of this machine."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = error.strerror or error
        raise Complaint(
            f"the API cannot listen on {host}:{port}: {reason}; set API_PORT (or API_HOST) to a free one"
        ) from error


def first_free(host: str, port: int, tries: int = 50) -> int:
    """Return the first port from this one on that can be listened on; this one where none of so many can."""
    for candidate in range(port, min(65_536, port + tries)):
        try:
            check_free(host, candidate)
        except Complaint:
            continue
        return candidate
    return port


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches the address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
