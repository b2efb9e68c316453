"""wrk, the load generator in C: as fast as the answers come or at a rate, over so many connections."""

import asyncio
import os
import resource
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

SCRIPTS: Final = Path(__file__).with_name("lua")
CONNECTIONS: Final = 64
MARK: Final = "MEASURED "
MISSING: Final = "wrk is not installed, and these rows are measured with it: apt-get install wrk"
_runs: Final = count(1)


class NoWrk(RuntimeError):
    """wrk is not installed; the message says how to get it."""


class Burst(msgspec.Struct, frozen=True):
    """What one run of wrk measured; ``latency`` are (percentile, milliseconds), ``cpu_seconds`` what wrk itself used.

    ``refused`` answers had a status of 400 or more, ``broken`` requests had no answer; both must be 0 for a figure to count.
    """

    seconds: float
    answered: int
    bytes: int
    refused: int
    broken: int
    latency: list[tuple[float, float]]
    cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Return answers in a second."""
        return self.answered / self.seconds

    def ms(self, percentile: float) -> float:
        """Return a latency that was asked for in the script; raises ``KeyError`` for another."""
        return dict(self.latency)[percentile]


async def once(url: str, lines: Sequence[str], *, seconds: float) -> None:
    """Get every one of these paths at least once, in bursts of so many seconds."""
    at = 0
    while at < len(lines):
        found = await run("reco", url, lines[at:], seconds=seconds, connections=8, in_order=True)
        if found.answered <= 8:
            raise RuntimeError(f"{url} answers next to nothing")
        at += found.answered - 8  # so many may have been under way at the end


async def run(
    script: str,
    url: str,
    lines: Sequence[str],
    *,
    seconds: float,
    connections: int = CONNECTIONS,
    threads: int = 1,
    in_order: bool = False,
    rate: float | None = None,
) -> Burst:
    """Run one of our scripts over these lines against a URL; every run makes its own event ids. Raises ``NoWrk``.

    ``in_order`` begins with the first line, else somewhere; at the last one it goes round. With a ``rate``, so many requests a
    second are sent where answers come as quickly, each latency counted from its sending and not from when it was due; else as
    many as are answered.
    """
    program = shutil.which("wrk")
    if program is None:
        raise NoWrk(MISSING)
    scripts = (script, "told") if rate is None else (script, "paced", "told")
    with TemporaryDirectory(prefix="headrace-bench-") as folder:
        file, whole = Path(folder) / "lines", Path(folder) / "script.lua"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        whole.write_text("".join((SCRIPTS / f"{name}.lua").read_text(encoding="utf-8") for name in scripts))
        number = f"{os.getpid()}{next(_runs):04d}"
        words = (program, f"-t{threads}", f"-c{connections}", f"-d{round(seconds)}s", "--timeout", "10s", "-s", str(whole), url)
        before = _children_cpu()
        process = await asyncio.create_subprocess_exec(
            *words,
            "--",
            str(file),
            number,
            "first" if in_order else "any",
            *(() if rate is None else (f"{rate / threads:.3f}",)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    # The children that end meanwhile are wrk alone: everything else runs until the row's end.
    return parse(said.decode(errors="replace"), cpu_seconds=_children_cpu() - before)


def parse(said: str, *, cpu_seconds: float = 0.0) -> Burst:
    """Return what wrk's words hold; raises ``ValueError`` where our script's line is missing, with what wrk said instead."""
    line = next((line for line in said.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise ValueError(f"wrk measured nothing: {said.strip() or 'it said nothing'}")
    return msgspec.structs.replace(msgspec.json.decode(line.removeprefix(MARK), type=Burst), cpu_seconds=cpu_seconds)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
