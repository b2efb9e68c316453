"""The rows that are measured: what each is to reach, and how to tell whether it did."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Gate:
    """One figure's target: ``gate`` must be met, ``stretch`` is hoped for; ``least`` says whether more is better."""

    name: str
    unit: str
    gate: float | None
    stretch: float | None
    least: bool = True

    def met(self, value: float) -> bool | None:
        """Return whether the gate is met; None where there is none."""
        return None if self.gate is None else self._holds(value, self.gate)

    def stretched(self, value: float) -> bool | None:
        """Return whether the stretch is met; None where there is none."""
        return None if self.stretch is None else self._holds(value, self.stretch)

    def told(self, target: float | None) -> str:
        """Return a target in words."""
        return "–" if target is None else f"{'≥' if self.least else '≤'} {target:,g}{self.unit and ' ' + self.unit}"

    def _holds(self, value: float, target: float) -> bool:
        return value >= target if self.least else value <= target


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the page: one or more figures measured together. ``minutes`` is about how long a full run of it takes."""

    name: str
    title: str
    minutes: float
    gates: tuple[Gate, ...]


def _ratio(gate: float, stretch: float, limit: str) -> tuple[Gate, ...]:
    return (Gate(f"of {limit}", "", gate, stretch),)


GET: Final = "the empty GET handler"
POST: Final = "the empty POST handler"
INSERTS: Final = "bare unnest inserts"

ROWS: Final = (
    Row("reco", "`/reco`, 64 connections, autolog off", 3, _ratio(0.30, 0.45, GET)),
    Row(
        "rules",
        "`/reco` under rules: a catalogue with attributes, a filter, two boosts, a pin, at most two per category",
        7,
        (
            *_ratio(0.18, 0.30, GET),
            Gate("for each item with six attributes", "bytes", None, None, least=False),
            Gate("an item switched off under load: its last answer after", "ms", None, None, least=False),
        ),
    ),
    Row(
        "autolog",
        "`/reco` with autolog on, durable, sustained for a minute, all archived 10 s later",
        12,
        _ratio(0.08, 0.20, GET),
    ),
    Row(
        "mixed",
        "500 `/reco`/s with autolog on and 500 events/s together for 5 minutes",
        6,
        (
            Gate("`/reco` p99", "ms", 25, 10, least=False),
            Gate("event to visible p99, by the metric", "ms", 250, 100, least=False),
            Gate("event to visible p99, seen from outside", "ms", 250, 100, least=False),
            Gate("errors", "", 0, 0, least=False),
        ),
    ),
    Row("event", "`/event` acknowledged, 64 connections", 4, _ratio(0.25, 0.50, POST)),
    Row("applied", "`/event` acknowledged and applied, sustained for a minute", 8, _ratio(0.10, 0.25, POST)),
    Row(
        "batch", "`/log/batch` of 100 watches, acknowledged and applied, sustained for a minute", 9, _ratio(0.08, 0.20, INSERTS)
    ),
    Row(
        "drain-sessions",
        "one worker draining a backlog, all features: RetailRocket sessions",
        8,
        (Gate("events applied", "/s", 12_000, 25_000),),
    ),
    Row(
        "drain-ratings",
        "one worker draining a backlog, all features: MovieLens 100K",
        2,
        (Gate("events applied", "/s", 4_000, 10_000),),
    ),
    Row(
        "growth",
        "cost as data grows: `/reco` p99 at 2,000,000 pairs over that at 200,000",
        3,
        (Gate("p99 over p99", "", 1.3, 1.1, least=False),),
    ),
    Row(
        "explain",
        "for information: an answer with its reasons, and a why-not, at 2,000,000 pairs",
        3,
        (
            Gate("p50 with reasons", "ms", None, None, least=False),
            Gate("p50 of a why-not", "ms", None, None, least=False),
            Gate("p50 without", "ms", None, None, least=False),
            Gate("processor, with reasons over without", "", None, None, least=False),
        ),
    ),
    Row(
        "memory",
        "20 minutes of mixed load after 10 of warm-up, caches full: slope of private memory",
        32,
        (
            Gate("API", "MB/min", 1, 0, least=False),
            Gate("worker", "MB/min", 1, 0, least=False),
        ),
    ),
    Row(
        "replica",
        "a replica with 2,000,000 pairs",
        2,
        (
            Gate("ready after", "s", 10, None, least=False),
            Gate("private memory, no user cached", "MB", 330, None, least=False),
            Gate("for each cached user", "bytes", None, None, least=False),
        ),
    ),
    Row(
        "console",
        "the console's pages over 1,067,296 events and 2,000 dead letters, and `/reco` while somebody looks",
        7,
        (
            Gate("slowest page, opened for the first time", "ms", 200, 100, least=False),
            Gate("slowest page, by the server", "ms", 200, 100, least=False),
            Gate("slowest page, in a browser, where a link leads to it", "ms", 200, 100, least=False),
            Gate("slowest page, in a browser, in a tab of its own", "ms", 200, 100, least=False),
            Gate("`/reco` p99 with the console open", "ms", 25, 10, least=False),
            Gate("over that without it", "", 1.3, 1.1, least=False),
        ),
    ),
    Row(
        "plain",
        "for information: the plain service (SQL per request) beside ours",
        4,
        (
            Gate("ours over plain, `/reco`", "", None, None),
            Gate("ours over plain, `/event`", "", None, None),
        ),
    ),
)
BY_NAME: Final = {row.name: row for row in ROWS}
