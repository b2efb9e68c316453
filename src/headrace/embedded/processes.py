"""Which server processes live on a data folder, as its ``postmaster.pid`` and the process table tell."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

READY: Final = "ready"
LINES: Final = 8


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server as its lock file tells: its process, the folder of its socket, and whether it takes connections."""

    pid: int
    sockets: Path | None
    ready: bool


def lock_file(data: Path) -> Path:
    """Return the file that a server writes while it lives, and leaves behind when it is killed."""
    return data / "postmaster.pid"


def told(data: Path) -> Postmaster | None:
    """Return what the lock file says, true or not; None where there is no readable one."""
    try:
        lines = lock_file(data).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    if not lines or not lines[0].strip().isdigit():
        return None
    sockets = Path(lines[4]) if len(lines) > 4 and lines[4] else None
    return Postmaster(int(lines[0]), sockets, len(lines) >= LINES and lines[LINES - 1].strip() == READY)


def living(data: Path) -> Postmaster | None:
    """Return the server that lives on a data folder.

    A lock file alone proves nothing: after a power cut its number may be another program's. The process must be a
    ``postgres`` that works in this folder.
    """
    postmaster = told(data)
    if postmaster is None:
        return None
    try:
        process = psutil.Process(postmaster.pid)
    except psutil.NoSuchProcess:
        return None
    return postmaster if _works_in(process, data) else None


def alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_orphans(data: Path, *, patience_s: float = 5.0) -> None:
    """End the sessions that outlived a killed server and still hold its memory; call it only where no server lives."""
    orphans = [process for process in psutil.process_iter() if _works_in(process, data)]
    for process in orphans:
        _signal(process, signal.SIGQUIT)
    _, stubborn = psutil.wait_procs(orphans, timeout=patience_s)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=patience_s)


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        if not process.name().startswith("postgres") or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return Path(process.cwd()) == data.resolve()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return
