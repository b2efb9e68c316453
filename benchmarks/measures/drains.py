"""Rows about one worker alone, behind a backlog of real events."""

import asyncio
from pathlib import Path
from typing import Any, Final

from benchmarks import figures
from benchmarks.measures.bench import Bench, NotMeasured, cores
from benchmarks.results import Measured, Plot, figure

RATINGS: Final = ("rating_5=purchase", "rating_4=click", "rating_3=view", "rating_2=view", "rating_1=view")
LOOK_S: Final = 0.1
PATIENCE_S: Final = 1200.0


async def drain_sessions(bench: Bench) -> Measured:
    """Drain RetailRocket's sessions."""
    return await _drain(bench, "retailrocket_seq.parquet", ())


async def drain_ratings(bench: Bench) -> Measured:
    """Drain MovieLens 100K: few people, few items, long sessions, so that almost every event moves ten pairs."""
    return await _drain(bench, "ml100k.parquet", tuple(word for one in RATINGS for word in ("--type", one)))


async def _drain(bench: Bench, name: str, options: tuple[str, ...]) -> Measured:
    file = _given(bench, name)
    limited = ("--limit", "20000") if bench.quick else ()
    store = await bench.stores.backlog(file, (*options, *limited))
    rounds: list[dict[str, Any]] = []
    curves: dict[str, list[tuple[float, float]]] = {}
    for number in range(bench.rounds(3)):
        async with bench.station(store, api=False, worker=False, bare=False) as station:
            whole = await station.backlog()
            bench.progress.step(f"a worker drains {whole:,} events")
            process = await station.start_worker()
            deadline = bench.clock.monotonic() + PATIENCE_S
            while (left := await station.backlog()) == whole:
                process.check()
                await asyncio.sleep(LOOK_S / 5)
            began, at_first, before = bench.clock.monotonic(), left, station.cpu_seconds()
            points = [(0.0, 0.0)]
            while left:
                process.check()
                if bench.clock.monotonic() > deadline:
                    raise TimeoutError(f"{left:,} events still wait after {PATIENCE_S:g} s")
                await asyncio.sleep(LOOK_S)
                left = await station.backlog()
                points.append(((bench.clock.monotonic() - began) / 60, float(at_first - left)))
            seconds = bench.clock.monotonic() - began
            used = cores(before, station.cpu_seconds(), seconds)
            dead = sum(one.dead for one in await station.partitions())
            curves[f"round {number + 1}"] = points
            rounds.append(
                {
                    "target": "worker",
                    "events": whole,
                    "dead_letters": dead,
                    "seconds": round(seconds, 2),
                    "per_s": round(at_first / seconds, 1),
                    "cores": {name: round(share, 3) for name, share in used.items()},
                }
            )
    rates = figures.spread([one["per_s"] for one in rounds])
    notes = [
        (
            f"{rounds[0]['events']:,} events in the log, into empty features, counted from the first batch that was "
            "applied until nothing "
            f"waits (looked at every {LOOK_S:g} s). {max(one['dead_letters'] for one in rounds)} dead letters."
        )
    ]
    plot = Plot(f"draining {name.split('.', maxsplit=1)[0]}", "time", "events applied", curves)
    return Measured(figures=[figure("events applied", rates)], notes=notes, rounds=rounds, plots=[plot])


def _given(bench: Bench, name: str) -> Path:
    folder = bench.stores.data
    if folder is None:
        raise NotMeasured(
            f"{name} is needed: say where it is by --data FOLDER or HEADRACE_BENCH_DATA; it is not in the repository"
        )
    if not (folder / name).exists():
        raise NotMeasured(f"{folder / name} is not there; it is not in the repository")
    return folder / name
