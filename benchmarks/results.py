"""What a run found, as JSON: rows measured at different times stand in one file, each with its commit and time."""

from pathlib import Path
from typing import Any

import msgspec

from benchmarks.figures import Spread
from benchmarks.gates import ROWS


class Figure(msgspec.Struct, frozen=True):
    """One figure of a row: its gate's name, the median, and the range over the rounds (equal where there was one)."""

    name: str
    value: float
    low: float
    high: float


class Plot(msgspec.Struct, frozen=True):
    """Something to draw: named curves of (x, y). ``kind`` is ``latency`` (x a percentile) or ``time`` (x minutes)."""

    title: str
    kind: str
    unit: str
    curves: dict[str, list[tuple[float, float]]]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What measuring one row gave: its figures, what was done in words, every round's numbers, and what to draw."""

    figures: list[Figure]
    notes: list[str] = []
    rounds: list[dict[str, Any]] = []
    plots: list[Plot] = []


class Stamp(msgspec.Struct, frozen=True):
    """Where and when a row was measured; ``commit`` ends in ``+`` where the tree had changes of its own."""

    commit: str
    at: str
    seconds: float
    load_before: float
    machine: str
    versions: dict[str, str]
    busy_before: float | None = None
    """Cores that others used just before; None in rows measured before this was looked at, which have the load alone."""


class RowResult(msgspec.Struct, frozen=True):
    """A measured row with its stamp."""

    row: str
    stamp: Stamp
    measured: Measured


class Results(msgspec.Struct):
    """All rows measured so far; ``quick`` results say only that the harness works."""

    quick: bool
    rows: dict[str, RowResult] = {}

    def put(self, result: RowResult) -> None:
        """Take a row in; it replaces an older one of its name."""
        self.rows[result.row] = result
        self.rows = {row.name: self.rows[row.name] for row in ROWS if row.name in self.rows}


class OtherKind(ValueError):
    """The file holds quick results and full ones were to be merged in, or the other way round."""


def figure(name: str, found: Spread) -> Figure:
    """Return a figure from a spread over rounds."""
    return Figure(name, found.median, found.low, found.high)


def single(name: str, value: float) -> Figure:
    """Return a figure that was measured once."""
    return Figure(name, value, value, value)


def load(path: Path, *, quick: bool) -> Results:
    """Return the results of a file, or none where there is no file; raises ``OtherKind``."""
    if not path.exists():
        return Results(quick)
    found = msgspec.json.decode(path.read_bytes(), type=Results)
    if found.quick != quick:
        raise OtherKind(f"{path} holds {'quick' if found.quick else 'full'} results: name another folder by --out")
    return found


def save(path: Path, results: Results) -> None:
    """Write the results; a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    new.replace(path)
