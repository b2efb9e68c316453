"""Who uses a server: several processes may, and the last one to leave stops it.

Two files, locked by the kernel, which forgets a killed process by itself. The *gate* is held while a server is started or
stopped; *users* is shared by everyone for as long as they use it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.embedded.errors import EmbeddedPostgresError


class Users:
    """Our place among the users of one server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place: int | None = None

    @contextmanager
    def gate(self, *, patience_s: float = 120.0) -> Iterator[None]:
        """Hold the right to start or stop the server; raises ``EmbeddedPostgresError`` when another keeps it too long."""
        held = os.open(self._folder / "gate.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            deadline = time.monotonic() + patience_s
            while not _lock(held, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    who = f"another process has been starting or stopping the Postgres in {self._folder}"
                    raise EmbeddedPostgresError(f"{who} for {patience_s:g} s")
                time.sleep(0.02)
            yield
        finally:
            os.close(held)

    def enter(self) -> None:
        """Become one of the users; call it inside the gate."""
        self._place = os.open(self._folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o644)
        _lock(self._place, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """Give up our place and return whether we were the last; call it inside the gate."""
        if self._place is None:
            return False
        last = _lock(self._place, fcntl.LOCK_EX)
        os.close(self._place)
        self._place = None
        return last


def _lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
