"""Rows about answering: `/reco` alone, with its impressions kept, and as data grows."""

import asyncio
from math import inf
from operator import itemgetter
from typing import Any, Final

from benchmarks import figures, wrk
from benchmarks.measures.bench import Bench, good, troubles
from benchmarks.results import Measured, Plot, figure
from benchmarks.station import Station
from benchmarks.wrk import Burst
from headrace.log.port import Topic

TRIES: Final = 5
NEAR: Final = 0.95
"""A rate that holds this near to one that did not is not looked beyond."""

GONE_S: Final = 10.0
STILL_S: Final = 5.0
"""Where nothing was archived for so long, nothing more is coming."""

PATIENCE_S: Final = 600.0
LOOK_S: Final = 0.05


async def reco(bench: Bench) -> Measured:
    """Answers a second of the default recipe, autolog off, against the empty handler, round about."""
    rounds: list[dict[str, Any]] = []
    ours: list[float] = []
    limits: list[float] = []
    curves: dict[str, list[tuple[float, float]]] = {}
    paths = bench.paths(autolog=False)
    async with bench.station(await bench.stores.whole()) as station:
        await bench.known(station)
        await bench.warm(station, "reco", paths, "bare", "api")
        for number in range(bench.rounds(5)):
            found: dict[str, Burst] = {}
            for target in ("bare", "api") if number % 2 else ("api", "bare"):
                found[target], one = await bench.burst(station, target, "reco", paths, seconds=bench.seconds(10))
                rounds.append(one)
            ours.append(good(found["api"]))
            limits.append(good(found["bare"]))
            curves = {"/reco": found["api"].latency, "empty handler": found["bare"].latency}
    notes = [
        (
            f"{_rate(ours)} against {_rate(limits)} answers/s. People are asked for evenly; all of them "
            "are in memory. One worker runs and has nothing to do."
        ),
        *troubles(rounds),
    ]
    plot = Plot("`/reco`, 64 connections, closed loop", "latency", "ms", curves)
    ratio = figure("of the empty GET handler", figures.spread(figures.ratios(ours, limits)))
    return Measured(figures=[ratio], notes=notes, rounds=rounds, plots=[plot])


async def autolog(bench: Bench) -> Measured:
    """Find the rate at which a minute's answers are all archived ten seconds after it, against the empty handler.

    First as fast as answers come. Where not every impression is archived in time, the first round looks for the highest rate at
    which it is; the others begin with that one.
    """
    rounds: list[dict[str, Any]] = []
    ratios: list[float] = []
    held: list[dict[str, Any]] = []
    paths = bench.paths(autolog=True)
    rate: float | None = None
    for _ in range(bench.rounds(3)):
        async with bench.station(await bench.stores.whole()) as station:
            await bench.known(station)
            await bench.warm(station, "reco", paths, "bare", "api")
            limit, one = await bench.burst(station, "bare", "reco", paths, seconds=bench.seconds(10))
            rounds.append(one)
            tries = await _sustained(bench, station, paths, rate)
            rounds += tries
            best = max((one for one in tries if one["kept"]), key=itemgetter("per_s"), default=None)
            ratios.append(best["per_s"] / good(limit) if best else 0.0)
            rate = best.get("offered_per_s") if best else tries[-1]["sustainable_per_s"]
            held += [best] if best else []
    notes = [
        (
            f"{_rate([one['per_s'] for one in held])} answers/s, every one archived within "
            f"{max(one['archived_after_s'] for one in held):.1f} s of the last, in {len(held)} of {len(ratios)} rounds. "
            if held
            else "No rate held. "
        )
        + (
            "As fast as answers come."
            if held and not any("offered_per_s" in one for one in held)
            else "As fast as answers come did not hold."
        ),
        *troubles(rounds),
    ]
    return Measured(figures=[figure("of the empty GET handler", figures.spread(ratios))], notes=notes, rounds=rounds)


async def growth(bench: Bench) -> Measured:
    """p99 at full load of the same people in a store ten times as large, round about."""
    rounds: list[dict[str, Any]] = []
    p99: dict[str, list[float]] = {"first": [], "whole": []}
    rates: dict[str, list[float]] = {"first": [], "whole": []}
    curves: dict[str, list[tuple[float, float]]] = {}
    world = bench.stores.generated()
    paths = bench.paths(autolog=False, users=world.first_users)
    first, whole = await bench.stores.first(), await bench.stores.whole()
    async with (
        bench.station(first, worker=False, bare=False) as small,
        bench.station(whole, worker=False, bare=False) as large,
    ):
        stations = {"first": small, "whole": large}
        for station in stations.values():
            await bench.known(station, users=world.first_users)
            await bench.burst(station, "api", "reco", paths, seconds=bench.seconds(5))
        for number in range(bench.rounds(5)):
            for name in ("first", "whole") if number % 2 else ("whole", "first"):
                found, one = await bench.burst(stations[name], "api", "reco", paths, seconds=bench.seconds(10))
                rounds.append(one | {"store": name})
                p99[name].append(found.ms(99))
                rates[name].append(good(found))
                curves[f"{world.pairs if name == 'whole' else world.first_pairs:,} pairs"] = found.latency
    ratio = figures.spread(figures.ratios(p99["whole"], p99["first"]))
    notes = [
        (
            f"p99 {figures.spread(p99['whole']).median:.2f} ms with {world.pairs:,} pairs, "
            f"{figures.spread(p99['first']).median:.2f} ms "
            f"with {world.first_pairs:,}; {_rate(rates['whole'])} and {_rate(rates['first'])} answers/s. 64 "
            "connections, closed loop; the "
            f"same {world.first_users:,} people are asked for in both, with the same histories; no worker runs."
        ),
        *troubles(rounds),
    ]
    plot = Plot("`/reco` as data grows, 64 connections, closed loop", "latency", "ms", curves)
    return Measured(figures=[figure("p99 over p99", ratio)], notes=notes, rounds=rounds, plots=[plot])


async def _sustained(bench: Bench, station: Station, paths: list[str], rate: float | None) -> list[dict[str, Any]]:
    """Begin at this rate, go lower until one holds, and from there half-way back to what did not; return all tries."""
    tries: list[dict[str, Any]] = []
    held, failed = 0.0, inf
    while len(tries) < TRIES and held < NEAR * failed:
        one = await _archived(bench, station, paths, rate)
        tries.append(one)
        if one["kept"]:
            held = one["per_s"]
            if failed == inf:
                break
            rate = (held + failed) / 2
        else:
            failed = one["per_s"]
            rate = (held + failed) / 2 if held else max(1.0, min(one["sustainable_per_s"], NEAR * failed))
    return tries


async def _archived(bench: Bench, station: Station, paths: list[str], rate: float | None) -> dict[str, Any]:
    """Load for a minute, then wait until as many impressions are archived as answers were given; return the numbers."""
    already = await station.counted(Topic.IMPRESSION)
    seconds = bench.seconds(60)
    found, one = await bench.burst(station, "api", "reco", paths, seconds=seconds, rate=rate)
    answered = found.answered - found.refused
    began = bench.clock.monotonic()
    archived, last = 0, 0.0
    while (now := bench.clock.monotonic() - began) < last + STILL_S:
        station.check()
        found_now = await station.counted(Topic.IMPRESSION) - already
        if found_now > archived:
            archived, last = found_now, now
        # wrk stops listening at its end: the few answers on their way then were given, and are archived as well.
        if archived >= answered and not await station.backlog():
            break
        await asyncio.sleep(LOOK_S)
    await station.drained(PATIENCE_S)
    kept = answered > 0 and 0 <= archived - answered <= wrk.CONNECTIONS and last <= GONE_S
    sustainable = min(archived, answered) / (found.seconds + last)
    return (
        one
        | ({} if rate is None else {"offered_per_s": round(rate, 1)})
        | {
            "answered_well": answered,
            "archived": archived,
            "archived_after_s": round(last, 2),
            "kept": kept,
            "sustainable_per_s": round(sustainable, 1),
            "per_s": round(good(found), 1),
        }
    )


def _rate(values: list[float]) -> str:
    found = figures.spread(values)
    return f"{found.median:,.0f} ({found.low:,.0f}–{found.high:,.0f})"
