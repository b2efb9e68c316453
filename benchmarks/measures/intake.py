"""Rows about taking events in: acknowledged, and acknowledged and applied."""

from typing import Any, Final

from benchmarks import figures, inserts
from benchmarks.measures.bench import Bench, good, troubles
from benchmarks.results import Measured, Plot, figure
from benchmarks.station import Station
from headrace.log.port import Topic

BATCH: Final = 100
BATCH_CONNECTIONS: Final = 8
GROUPS: Final = (100, 1000)
PATIENCE_S: Final = 900.0


async def event(bench: Bench) -> Measured:
    """Events acknowledged a second, the worker running, against the empty handler, round about."""
    rounds: list[dict[str, Any]] = []
    ours: list[float] = []
    limits: list[float] = []
    curves: dict[str, list[tuple[float, float]]] = {}
    bodies = bench.events()
    async with bench.station(await bench.stores.whole()) as station:
        await bench.warm(station, "event", bodies, "bare", "api")
        for number in range(bench.rounds(5)):
            for target in ("bare", "api") if number % 2 else ("api", "bare"):
                found, one = await bench.burst(station, target, "event", bodies, seconds=bench.seconds(10))
                rounds.append(one)
                (ours if target == "api" else limits).append(good(found))
                curves["/event" if target == "api" else "empty handler"] = found.latency
                bench.progress.step("the worker catches up")
                await station.drained(PATIENCE_S)
        await station.stop("worker")
        found, one = await bench.burst(station, "api", "event", bodies, seconds=bench.seconds(10))
        rounds.append(one | {"target": "api, no worker"})
        alone = good(found)
    notes = [
        (
            f"{_rate(ours)} events/s against {_rate(limits)} posts/s of the same bytes. The worker applies meanwhile; "
            f"before each round it has caught up. Without a worker, so that door and Postgres have the cores to themselves, "
            f"{alone:,.0f} events/s ({alone / figures.spread(limits).median:.3f} of the empty handler). CPU an event, of the "
            f"round in the middle: {_each(rounds, figures.spread(ours).median)}."
        ),
        *troubles(rounds),
    ]
    plot = Plot("`/event`, 64 connections, closed loop", "latency", "ms", curves)
    ratio = figure("of the empty POST handler", figures.spread(figures.ratios(ours, limits)))
    return Measured(figures=[ratio], notes=notes, rounds=rounds, plots=[plot])


async def applied(bench: Bench) -> Measured:
    """Events of a minute over the time until the last of them is applied, against the empty handler."""
    rounds: list[dict[str, Any]] = []
    ratios: list[float] = []
    rates: list[float] = []
    bodies = bench.events()
    for _ in range(bench.rounds(3)):
        async with bench.station(await bench.stores.whole()) as station:
            await bench.warm(station, "event", bodies, "bare", "api")
            limit, one = await bench.burst(station, "bare", "event", bodies, seconds=bench.seconds(10))
            rounds.append(one)
            one = await _until_applied(bench, station, "event", bodies, Topic.INTERACTION, 1, 64)
            rounds.append(one)
            rates.append(one["applied_per_s"])
            ratios.append(one["applied_per_s"] / good(limit))
    notes = [f"{_rate(rates)} events/s: {_method(rounds)}", *troubles(rounds)]
    return Measured(figures=[figure("of the empty POST handler", figures.spread(ratios))], notes=notes, rounds=rounds)


async def batch(bench: Bench) -> Measured:
    """Watches of a minute in batches of 100 over the time until the last is applied, against bare inserts of 100 rows."""
    rounds: list[dict[str, Any]] = []
    ratios: list[float] = []
    rates: list[float] = []
    bare: dict[int, list[float]] = {group: [] for group in GROUPS}
    watches = bench.watches()
    for _ in range(bench.rounds(3)):
        async with bench.station(await bench.stores.whole(), bare=False) as station:
            await bench.warm(station, "batch", watches, "api")
            for group in GROUPS:
                bench.progress.step(f"bare inserts of {group} rows")
                inserted = await inserts.measure(station.url, group=group, seconds=bench.seconds(10), clock=bench.clock)
                bare[group].append(inserted.rate)
                rounds.append({"target": f"bare inserts of {group}", "per_s": round(inserted.rate, 1)})
            one = await _until_applied(bench, station, "batch", watches, Topic.WATCH, BATCH, BATCH_CONNECTIONS)
            rounds.append(one)
            rates.append(one["applied_per_s"])
            ratios.append(one["applied_per_s"] / bare[BATCH][-1])
    notes = [
        f"{_rate(rates)} watches/s: {_method(rounds)} {BATCH_CONNECTIONS} connections.",
        (
            f"Bare inserts by one client, one statement and commit for 100 rows: {_rate(bare[100])} rows/s; for 1,000 rows: "
            f"{_rate(bare[1000])}. Into a table with the columns, types and primary key of the archive's `watches` (not "
            "the log's); the "
            "figure is against those of 100, the size of a request."
        ),
        *troubles(rounds),
    ]
    return Measured(figures=[figure("of bare unnest inserts", figures.spread(ratios))], notes=notes, rounds=rounds)


async def _until_applied(
    bench: Bench, station: Station, script: str, lines: list[str], topic: Topic, each: int, connections: int
) -> dict[str, Any]:
    """Load for a minute, then wait for the worker; the rate is what was acknowledged over all of that time."""
    already = await station.counted(topic)
    began = bench.clock.monotonic()
    found, one = await bench.burst(station, "api", script, lines, seconds=bench.seconds(60), connections=connections)
    loaded = bench.clock.monotonic() - began
    bench.progress.step("the worker catches up")
    await station.drained(PATIENCE_S)
    whole = bench.clock.monotonic() - began
    acknowledged = (found.answered - found.refused) * each
    counted = await station.counted(topic) - already
    # wrk stops listening at its end: what was under way then is taken and counted, but not acknowledged to anybody.
    if not 0 <= counted - acknowledged <= connections * each:
        raise RuntimeError(f"{acknowledged} events were acknowledged, and {counted} count")
    return one | {
        "acknowledged": acknowledged,
        "counted": counted,
        "acknowledged_per_s": round(acknowledged / found.seconds, 1),
        "caught_up_after_s": round(whole - loaded, 2),
        "applied_per_s": round(acknowledged / whole, 1),
    }


def _method(rounds: list[dict[str, Any]]) -> str:
    ours = [one for one in rounds if "applied_per_s" in one]
    late = figures.spread([one["caught_up_after_s"] for one in ours])
    return (
        f"what was acknowledged ({_rate([one['acknowledged_per_s'] for one in ours])} a second), over the load's "
        "time and the "
        f"worker's {late.median:.1f} s ({late.low:.1f}–{late.high:.1f}) behind it until nothing waits."
    )


def _each(rounds: list[dict[str, Any]], middle: float) -> str:
    """Return the microseconds that each process takes for an event, in the round of our own nearest to the median."""
    one = min((one for one in rounds if one["target"] == "api"), key=lambda one: abs(one["per_s"] - middle))
    used = {name: share / one["per_s"] * 1e6 for name, share in one["cores"].items() if name != "bare"}
    return ", ".join(f"{name} {micros:.0f}" for name, micros in used.items()) + f"; together {sum(used.values()):.0f} µs"


def _rate(values: list[float]) -> str:
    found = figures.spread(values)
    return f"{found.median:,.0f} ({found.low:,.0f}–{found.high:,.0f})"
