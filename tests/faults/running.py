"""Tries the rows one after the other; those that mostly wait, beside each other."""

import argparse
import asyncio
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Final

from headrace.embedded.kafka import Broker
from tests.faults import report
from tests.faults.report import Line
from tests.faults.rows.catalogue import ROWS
from tests.faults.trial import LogKind, Row, Trial, Tried
from tests.support.kafka import discard, own_broker

LOGS: Final[dict[str, tuple[LogKind, ...]]] = {
    "postgres": ("postgres",),
    "kafka": ("kafka",),
    "both": ("postgres", "kafka"),
}
LONGEST_ROW_S: Final = 3600.0


def main() -> int:
    """Run what the command line asks for; 0 where every row holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--log", choices=LOGS, default="postgres", help="the log that carries the events")
    parser.add_argument("--rows", default="", help=f"some rows alone, of: {', '.join(row.key for row in ROWS)}")
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the stated sizes, for a quick look")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--report", type=Path, help="where to write the table as Markdown and, beside it, as JSON")
    given = parser.parse_args()
    wanted = [key for key in given.rows.replace(",", " ").split() if key]
    unknown = sorted(set(wanted) - {row.key for row in ROWS})
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}")
    rows = [row for row in ROWS if not wanted or row.key in wanted]
    began = time.monotonic()
    lines: list[Line] = []
    for log in LOGS[given.log]:
        with _broker(log) as broker:
            lines += asyncio.run(_run(rows, Trial(log, given.scale, given.seed, broker)))
    sys.stdout.write(f"\n{report.table(lines)}\n\n")
    failed = [line for line in lines if not line.holds]
    took = time.monotonic() - began
    sys.stdout.write(
        f"{len(lines) - len(failed)} of {len(lines)} rows hold; {took / 60:.1f} minutes at scale {given.scale:g}\n"
    )
    if given.report is not None:
        given.report.parent.mkdir(parents=True, exist_ok=True)
        given.report.with_suffix(".md").write_text(report.markdown(lines))
        given.report.with_suffix(".json").write_text(report.as_json(lines))
    return 1 if failed else 0


@contextmanager
def _broker(log: LogKind) -> Iterator[Broker | None]:
    """Yield a broker of our own that runs, where the log is Kafka."""
    if log == "postgres":
        yield None
        return
    broker = own_broker()
    try:
        broker.start()
        sys.stdout.write(f"Apache Kafka {broker.version} at {broker.bootstrap}\n")
        yield broker
    finally:
        discard(broker)


async def _run(rows: Sequence[Row], trial: Trial) -> list[Line]:
    """Try the busy rows one by one, then the idle ones together; return them in the order of the table."""
    lines: dict[str, Line] = {}
    async with AsyncExitStack() as stack:
        if {"kills", "replay"} <= {row.key for row in rows}:
            trial.stack = stack
        for row in rows:
            if row.key == "replay":
                lines[row.key] = await _try(row, trial)
                await stack.aclose()
                trial.stack = trial.left = None
            elif not row.idle:
                lines[row.key] = await _try(row, trial)
    idle = [row for row in rows if row.idle]
    lines |= zip((row.key for row in idle), await asyncio.gather(*(_try(row, trial) for row in idle)), strict=True)
    return [lines[row.key] for row in rows]


async def _try(row: Row, trial: Trial) -> Line:
    began = time.monotonic()
    tried: Tried | None = None
    if trial.log not in row.elsewhere:
        try:
            async with asyncio.timeout(LONGEST_ROW_S):
                tried = await row.attempt(trial)
        except Exception as error:  # noqa: BLE001 - a row that breaks is a row that does not hold; the others go on
            traceback.print_exc()
            tried = Tried(wrong=[f"{type(error).__name__}: {error}"])
    line = Line(row, trial.log, tried, time.monotonic() - began)
    verdict = "n/a" if tried is None else "holds" if line.holds else "DOES NOT HOLD"
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {trial.log} {row.key}: {verdict}, {line.seconds:.0f} s\n")
    sys.stdout.flush()
    return line
