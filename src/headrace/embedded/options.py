"""How the server is set: durable by default, sized for one machine, reachable through its socket alone."""

import os
from pathlib import Path
from typing import Final

DURABLE: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    # Compressing the page that is first touched after a checkpoint takes three times the work of the change itself.
    "wal_compression": "off",
}
THROWAWAY: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "autovacuum_naptime": "1h",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
ALWAYS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "100",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # One file a weekday, overwritten a week later. Errors of statements are told to the client, who reports them: without
    # these the file holds starts, stops and what kills sessions, so it cannot grow with the traffic.
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_min_messages": "log",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}
SMALL_SHARED_MEMORY: Final = 256 * 1024 * 1024


def server_options(*, sockets: Path, logs: Path, durable: bool) -> list[str]:
    """Return the server's ``-c`` arguments. ``durable`` false gives up every crash for speed: only for throwaway servers."""
    options = {
        **ALWAYS,
        **(DURABLE if durable else THROWAWAY),
        "unix_socket_directories": str(sockets),
        "log_directory": str(logs),
        "dynamic_shared_memory_type": "posix" if _roomy_shared_memory() else "mmap",
    }
    return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]


def _roomy_shared_memory() -> bool:
    """Return whether parallel queries find room in ``/dev/shm``: containers often give it 64 MB only."""
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except OSError:
        return False
    return found.f_bavail * found.f_frsize >= SMALL_SHARED_MEMORY
