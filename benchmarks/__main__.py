"""``make bench``: measure rows, keep what was found as JSON, write the page."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from benchmarks import machine, page, results, wrk
from benchmarks.gates import BY_NAME, ROWS
from benchmarks.measures import MEASURES, Bench
from benchmarks.measures.bench import NotMeasured
from benchmarks.progress import Progress
from benchmarks.results import OtherKind, Results, RowResult, Stamp
from benchmarks.stores import Stores, remove_remains
from benchmarks.world import FULL, QUICK
from headrace import telemetry
from headrace.clock import SystemClock
from headrace.embedded.home import default_home
from headrace.evaluation.page import NoPlots, matplotlib

DATA: Final = "HEADRACE_BENCH_DATA"
NOT_ALL: Final = 3
WORTH_SAYING: Final = 0.2
"""Cores that others use before a row."""
_console: Final = Console(soft_wrap=True)


def bench(
    *,
    rows: Annotated[list[str] | None, typer.Option("--rows", metavar="NAME,…", help="Which rows; all without it.")] = None,
    without: Annotated[list[str] | None, typer.Option("--without", metavar="NAME,…", help="Which rows to leave out.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small world and two seconds each: does the harness work?")] = False,
    data: Annotated[
        Path | None, typer.Option(envvar=DATA, metavar="FOLDER", help="Where retailrocket_seq.parquet and ml100k.parquet are.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the page goes; docs/ without it, beside the cache for --quick.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where built stores are kept.")] = None,
    only_page: Annotated[bool, typer.Option("--page", help="Measure nothing: write the page anew from the JSON.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Show the rows and about how long each takes.")] = False,
) -> None:
    """Measure the rows one after the other; each is kept as soon as it is found, beside what was measured before."""
    chosen = _chosen(rows, without)
    if show:
        for row in ROWS:
            _console.print(f"{row.name:15} about {row.minutes:3g} min  {row.title}", markup=False, highlight=False)
        return
    home = (cache or default_home(machine.ROOT) / "benchmarks").absolute()
    folder = out or (home / "quick" if quick else machine.ROOT / "docs")
    try:
        matplotlib()
        kept = results.load(folder / "benchmarks.json", quick=quick)
    except (NoPlots, OtherKind) as error:
        _console.print(str(error), markup=False)
        raise typer.Exit(2) from None
    telemetry.configure(telemetry.TelemetrySettings(log_level="WARNING", log_format="console"))
    left: list[str] = []
    if not only_page:
        with Progress(_console) as progress:
            stores = Stores(home, QUICK if quick else FULL, data, progress)
            left = _measure(chosen, Bench(stores, progress, SystemClock(), quick), kept, folder)
    for file in page.write(kept, folder):
        _console.print(f"wrote {file}", markup=False, highlight=False)
    for line in page.table(kept):
        _console.print(line, markup=False, highlight=False)
    for words in left:
        _console.print(f"NOT MEASURED: {words}", style="bold red", markup=False)
    if left:
        raise typer.Exit(NOT_ALL)


def _measure(chosen: Sequence[str], bench: Bench, kept: Results, folder: Path) -> list[str]:
    """Measure rows, saving each; return what was left out and why."""
    minutes = sum(BY_NAME[name].minutes for name in chosen)
    bench.progress.say(
        f"{len(chosen)} rows" + ("" if bench.quick else f", about {minutes:g} minutes, and 10 more to build the stores")
    )
    bench.stores.folder.mkdir(parents=True, exist_ok=True)
    remove_remains(bench.stores.folder)
    left = []
    for name in chosen:
        bench.progress.row(name)
        load, busy = machine.load(), machine.busy()
        began, at = bench.clock.monotonic(), datetime.fromtimestamp(bench.clock.now_ms() / 1000, UTC)
        if busy > WORTH_SAYING and not bench.quick:
            bench.progress.say(f"{name}: the machine was not idle before ({busy:.1f} cores were busy)")
        try:
            measured = asyncio.run(MEASURES[name](bench))
        except (NotMeasured, wrk.NoWrk) as reason:
            left.append(f"{name}: {reason}")
            bench.progress.say(f"{name}: NOT MEASURED: {reason}")
            continue
        took = bench.clock.monotonic() - began
        stamp = Stamp(machine.commit(), f"{at:%Y-%m-%d %H:%M} UTC", took, load, machine.described(), machine.versions(), busy)
        kept.put(RowResult(name, stamp, measured))
        results.save(folder / "benchmarks.json", kept)
        for one in measured.figures:
            bench.progress.say(f"{name}: {one.name} {one.value:.4g} ({one.low:.4g}–{one.high:.4g}), after {took:.0f} s")
    return left


def _chosen(rows: list[str] | None, without: list[str] | None) -> list[str]:
    wanted = _names(rows) or [row.name for row in ROWS]
    unwanted = _names(without)
    return [row.name for row in ROWS if row.name in wanted and row.name not in unwanted]


def _names(given: list[str] | None) -> list[str]:
    names = [name for text in given or [] for name in text.split(",") if name]
    if unknown := [name for name in names if name not in BY_NAME]:
        raise typer.BadParameter(f"there is no row {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    return names


if __name__ == "__main__":
    os.chdir(machine.ROOT)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(bench)
    app()
