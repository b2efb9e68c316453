"""Rows about answering and taking in together: how late, how soon visible, and whether memory stays."""

import asyncio
from collections import Counter
from statistics import fmean
from typing import Final

from benchmarks import figures, openloop, world, wrk
from benchmarks.figures import Slope
from benchmarks.measures.bench import SEED, Bench, cores
from benchmarks.openloop import Plan, Report, Stream
from benchmarks.probe import Probe
from benchmarks.results import Figure, Measured, Plot, single
from benchmarks.station import Station, private_mb
from headrace.demo import lag

RATE: Final = 500.0
SAMPLE_S: Final = 5.0
MEMORY: Final = ("api", "worker")
FILL_AT_ONCE: Final = 500
FILL_PATIENCE_S: Final = 1800.0


async def mixed(bench: Bench) -> Measured:
    """Ask and tell at their rates, new sessions all the time; look from inside and outside how soon events are visible."""
    seconds = bench.seconds(300)
    async with bench.station(await bench.stores.whole(), bare=False) as station:
        await _load(bench, station, bench.seconds(15), "warm", fresh=True)
        probe = Probe(station.session, station.processes["api"].url, bench.clock)
        before = lag.buckets_in(await station.page("/metrics/prometheus"))
        used, began = station.cpu_seconds(), bench.clock.monotonic()
        probing = asyncio.create_task(probe.run())
        try:
            report = await _load(bench, station, seconds, "mixed", fresh=True)
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
        took = bench.clock.monotonic() - began
        shares = cores(used, station.cpu_seconds(), took) | {"generator": report.cpu_seconds / took}
        visible = lag.since(before, lag.buckets_in(await station.page("/metrics/prometheus")))
        backlog = await station.drained(60)
    recos, events = report.streams["reco"], report.streams["event"]
    if recos.percentiles == {} or not probe.lags_ms:
        raise RuntimeError(f"nothing was measured: {recos.errors} {events.errors}, {probe.errors} probes failed")
    errors = sum(recos.errors.values()) + sum(events.errors.values()) + probe.errors
    inside = lag.quantile(0.99, visible)
    outside = figures.percentiles(probe.lags_ms)
    notes = [
        (
            f"{recos.requests:,} `/reco` and {events.requests:,} `/event` in {seconds:g} s at random moments, latencies "
            "counted from when "
            f"each was due. `/event` p99 {events.percentiles['p99']:.1f} ms. {len(probe.lags_ms)} probes from outside: "
            "an event of one "
            f"person, and how long after its answer `/similar` shows it (p50 {outside['p50']:.0f} ms). "
            f"Everything applied {backlog:.1f} s after the end."
        ),
    ]
    if errors:
        notes.append(f"Errors: {recos.errors} {events.errors}, probe {probe.errors}.")
    round_ = {
        "reco_ms": recos.percentiles,
        "event_ms": events.percentiles,
        "visible_inside_ms": {f"p{part}": lag.quantile(part / 100, visible) for part in (50, 95, 99)},
        "visible_outside_ms": outside,
        "cores": {name: round(share, 3) for name, share in shares.items()},
    }
    plots = [
        Plot("mixed load, from when a request was due", "latency", "ms", {"/reco": recos.curve, "/event": events.curve}),
        Plot("an event until others see it", "latency", "ms", {"seen from outside": figures.curve(probe.lags_ms)}),
    ]
    return Measured(
        figures=[
            single("`/reco` p99", recos.percentiles["p99"]),
            single("event to visible p99, by the metric", -1.0 if inside is None else inside),
            single("event to visible p99, seen from outside", outside["p99"]),
            single("errors", errors),
        ],
        notes=notes,
        rounds=[round_],
        plots=plots,
    )


async def memory(bench: Bench) -> Measured:
    """Fill the caches, warm up, then watch private memory under the mixed load; events are those the store was built from."""
    warm_s, watched_s = bench.seconds(600), 6 * bench.seconds(200)
    async with bench.station(await bench.stores.whole(), bare=False) as station:
        bench.progress.step("asking for everybody once, so that the cache is full")
        api = station.processes["api"]
        await ask_everybody(bench, api.url)
        watched = await _fill(bench, station)
        samples: dict[str, list[tuple[float, float]]] = {name: [] for name in MEMORY}
        began = bench.clock.monotonic()
        sampling = asyncio.create_task(_sample(bench, station, samples, began))
        try:
            report = await _load(bench, station, warm_s + watched_s, "memory", fresh=False)
        finally:
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
        held = gauges(await station.page("/metrics/prometheus"))
    minute = watched_s / 20 / 60
    starts = {name: points[-1][0] - watched_s / 60 for name, points in samples.items()}
    slopes = {name: _slope(points, starts[name], minute) for name, points in samples.items()}
    errors = {name: sent.errors for name, sent in report.streams.items() if sent.errors}
    notes = [
        (
            f"500 `/reco`/s and 500 events/s, after {watched:,} watches that filled everybody's history. "
            f"{held.get('reco_snapshot_users', 0):,.0f} users are cached, "
            f"{held.get('reco_snapshot_pairs', 0):,.0f} neighbour entries. The events repeat the store's own sessions under "
            "new ids, so no pair is new and what grows is not data. Private memory by `smaps_rollup` every 5 s; the slope is "
            "least squares over 20 means of equal stretches, with its 95 % interval."
        ),
        *([f"Errors: {errors}."] if errors else []),
    ]
    return Measured(
        figures=[
            Figure("API", slopes["api"].value, slopes["api"].low, slopes["api"].high),
            Figure("worker", slopes["worker"].value, slopes["worker"].low, slopes["worker"].high),
        ],
        notes=notes,
        rounds=[{"held": held, "last_mb": {name: points[-1][1] for name, points in samples.items()}}],
        plots=[Plot("private memory under mixed load", "time", "MB", dict(samples))],
    )


async def _load(bench: Bench, station: Station, seconds: float, run: str, *, fresh: bool) -> Report:
    bench.progress.step(f"500 /reco and 500 events a second, {seconds:g} s")
    streams = [
        Stream(name="reco", kind="reco", rate=RATE),
        Stream(name="event", kind="event", rate=RATE, fresh=fresh),
    ]
    seed = SEED + sum(run.encode())
    plan = Plan(
        port=station.processes["api"].port, seconds=seconds, streams=streams, size=bench.stores.size, seed=seed, run=run
    )
    report = await openloop.run(plan)
    station.check()
    return report


async def ask_everybody(bench: Bench, url: str) -> None:
    """Ask for each person once, so that all of them are in memory who have room there."""
    paths = [f"/reco?user_id={world.user_id(number)}&x_autolog_impressions=false" for number in range(bench.stores.size.users)]
    await wrk.once(url, paths, seconds=bench.seconds(10))


async def _fill(bench: Bench, station: Station) -> int:
    """Have everybody watch what their first session saw until their history is as long as it may be; return how many watches.

    A history that still grows is data; what is looked for grows once everything is full.
    """
    size = station.generation.rules.settings.history_size
    sessions = bench.stores.generated().sessions
    acts = Counter[int]()
    for session in sessions:
        acts[session.user] += len(session.items)
    watches = [
        {
            "event_type": "watch",
            "event_id": f"fill-{session.user}-{turn}",
            "user_id": world.user_id(session.user),
            "item_id": world.item_id(session.items[turn % len(session.items)]),
            "session_id": f"made-{number:08d}",
            "request_id": f"fill-{session.user}",
            "watch_time_sec": 60,
            "ts_ms": bench.clock.now_ms(),
        }
        for number, session in enumerate(sessions[: bench.stores.size.users])
        for turn in range(size - min(size, acts[session.user]))
    ]
    bench.progress.step(f"{len(watches):,} watches fill the histories")
    url = station.processes["api"].url + "/log/batch"
    for at in range(0, len(watches), FILL_AT_ONCE):
        async with station.session.post(url, json={"events": watches[at : at + FILL_AT_ONCE]}) as answer:
            answer.raise_for_status()
    await station.drained(FILL_PATIENCE_S)
    return len(watches)


async def _sample(bench: Bench, station: Station, samples: dict[str, list[tuple[float, float]]], began: float) -> None:
    while True:
        for name in MEMORY:
            samples[name].append(((bench.clock.monotonic() - began) / 60, private_mb(station.processes[name].pid)))
        await asyncio.sleep(SAMPLE_S if not bench.quick else SAMPLE_S / 50)


def _slope(points: list[tuple[float, float]], start: float, stretch: float) -> Slope:
    """Return MB a minute over means of stretches this long (minutes)."""
    groups: dict[int, list[tuple[float, float]]] = {}
    for at, value in points:
        if at >= start:
            groups.setdefault(int((at - start) / stretch), []).append((at, value))
    means = [(fmean(at for at, _ in group), fmean(value for _, value in group)) for group in groups.values()]
    return figures.slope([at for at, _ in means], [value for _, value in means])


def gauges(page: str) -> dict[str, float]:
    """Return what the snapshot says it holds, from a page of metrics."""
    wanted = ("reco_snapshot_users", "reco_snapshot_pairs", "reco_snapshot_items")
    found: dict[str, float] = {}
    for line in page.splitlines():
        name, _, value = line.partition(" ")
        if name in wanted:
            found[name] = float(value)
    return found
