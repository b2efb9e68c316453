"""The row about reasons: what an answer costs that tells them, and a why-not, beside a plain answer of the same people."""

from random import Random
from typing import Any

from benchmarks import figures, world
from benchmarks.measures.bench import SEED, Bench, good, troubles
from benchmarks.results import Measured, Plot, figure
from benchmarks.wrk import Burst

PLAIN, TOLD, WHY = "`/reco`", "`/reco?explain=true`", "`/explain`"


async def explain(bench: Bench) -> Measured:
    """Latency with one connection, so that nothing waits for another answer, and CPU of the API, round about."""
    rounds: list[dict[str, Any]] = []
    p50: dict[str, list[float]] = {PLAIN: [], TOLD: [], WHY: []}
    cpu_ms: dict[str, list[float]] = {PLAIN: [], TOLD: [], WHY: []}
    curves: dict[str, list[tuple[float, float]]] = {}
    asked = questions(bench)
    async with bench.station(await bench.stores.whole(), worker=False, bare=False) as station:
        await bench.known(station)
        for paths in asked.values():
            await bench.burst(station, "api", "reco", paths, seconds=bench.seconds(3), connections=1)
        for number in range(bench.rounds(5)):
            for name in asked if number % 2 else reversed(asked):
                found, one = await bench.burst(station, "api", "reco", asked[name], seconds=bench.seconds(10), connections=1)
                rounds.append(one | {"asked": name})
                p50[name].append(found.ms(50))
                cpu_ms[name].append(_cpu_ms(found, one))
                curves[name.strip("`")] = found.latency
    cpu = {name: figures.spread(values) for name, values in cpu_ms.items()}
    notes = [
        (
            f"Of the API's processor an answer takes {cpu[PLAIN].median:.2f} ms, one of 20 items with its reasons "
            f"{cpu[TOLD].median:.2f} ms, a why-not {cpu[WHY].median:.2f} ms; the time that is spent in Postgres comes to the "
            "latencies alone. One connection, 20 items, autolog off, no worker; the items of the why-nots are drawn evenly "
            "from the catalogue."
        ),
        *troubles(rounds),
    ]
    return Measured(
        figures=[
            figure("p50 with reasons", figures.spread(p50[TOLD])),
            figure("p50 of a why-not", figures.spread(p50[WHY])),
            figure("p50 without", figures.spread(p50[PLAIN])),
            figure("processor, with reasons over without", figures.spread(figures.ratios(cpu_ms[TOLD], cpu_ms[PLAIN]))),
        ],
        notes=notes,
        rounds=rounds,
        plots=[Plot("An answer, one with its reasons, and a why-not, one connection", "latency", "ms", curves)],
    )


def questions(bench: Bench) -> dict[str, list[str]]:
    """Return what is asked by what it is called: the same people in the same order, an item each for the why-nots."""
    plain = bench.paths(autolog=False)
    chance = Random(f"{SEED} why not")
    items = bench.stores.size.items
    return {
        PLAIN: plain,
        TOLD: [f"{path}&explain=true" for path in plain],
        WHY: [
            f"/explain?{path.partition('?')[2].removesuffix('&x_autolog_impressions=false')}"
            f"&item_id={world.item_id(chance.randrange(items))}"
            for path in plain
        ],
    }


def _cpu_ms(found: Burst, one: dict[str, Any]) -> float:
    return float(one["cores"]["api"]) * found.seconds * 1000 / max(1.0, good(found) * found.seconds)
