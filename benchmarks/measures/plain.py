"""For information: the plain service beside ours, both with the same answers."""

from typing import Any

from benchmarks import figures
from benchmarks.measures.bench import Bench, good, troubles
from benchmarks.results import Measured, Plot, figure


async def plain(bench: Bench) -> Measured:
    """Answers a second, then events applied a second, ours and the plain one's, round about."""
    rounds: list[dict[str, Any]] = []
    ratios: dict[str, list[float]] = {"/reco": [], "/event": []}
    curves: dict[str, list[tuple[float, float]]] = {}
    load = {"/reco": ("reco", bench.paths(autolog=False)), "/event": ("event", bench.events())}
    async with bench.station(await bench.stores.whole(), api=False, bare=False) as station:
        bench.progress.step("the plain tables are made")
        await station.start_plain()
        await station.start_api(HEADRACE_SERVING_RECIPE="rules-v1")
        await bench.known(station)
        for path, (script, lines) in load.items():
            for target in ("plain", "api"):
                await bench.burst(station, target, script, lines, seconds=bench.seconds(5))
            for _ in range(bench.rounds(3)):
                await station.drained(600)
                simple, one = await bench.burst(station, "plain", script, lines, seconds=bench.seconds(10))
                rounds.append(one | {"path": path})
                began = bench.clock.monotonic()
                ours, one = await bench.burst(station, "api", script, lines, seconds=bench.seconds(10))
                rounds.append(one | {"path": path})
                # Plain has applied what it answers; ours has when its worker has caught up.
                await station.drained(600)
                rate = good(ours) if path == "/reco" else good(ours) * ours.seconds / (bench.clock.monotonic() - began)
                ratios[path].append(rate / good(simple))
                curves |= {f"ours {path}": ours.latency, f"plain {path}": simple.latency}
    notes = [
        (
            "The plain service: FastAPI, a pool of 10 connections, three statements for `/reco`; for `/event` a "
            "transaction with a "
            "statement for each row it touches. Both answer by `rules-v1`, and a test says that the answers are equal. "
            "Ours counts events "
            "when they are applied."
        ),
        *troubles(rounds),
    ]
    return Measured(
        figures=[figure(f"ours over plain, `{path}`", figures.spread(found)) for path, found in ratios.items()],
        notes=notes,
        rounds=rounds,
        plots=[Plot("ours and the plain service, 64 connections", "latency", "ms", curves)],
    )
