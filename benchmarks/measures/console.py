"""A row about the console: how soon each page opens over a million events, and what somebody who looks costs the answers."""

import re
from collections.abc import Iterable
from contextlib import AsyncExitStack
from statistics import median
from typing import Any, Final, NamedTuple

from benchmarks import figures, openloop, world
from benchmarks.measures.bench import SEED, Bench, cores
from benchmarks.openloop import Plan, Stream
from benchmarks.results import Figure, Measured, Plot, figure, single
from benchmarks.screen import browser, followed_ms, loaded_ms
from benchmarks.station import Station
from headrace.log.port import NewRecord, Topic

TIMES: Final = 20
SEEN_TIMES: Final = 5
LETTERS: Final = 2_000
RATE: Final = 500.0
NOTHING: Final = "/healthz"
"""An answer of a few bytes: what a browser takes for it, it takes for any page."""

POISON: Final = (b"no json", b'{"v": 1}', b"\xff\xfe")
"""What cannot be applied, of three causes."""

UNBRAKED: Final = {"HEADRACE_STREAM_BRAKE_RUN": "1000000", "HEADRACE_STREAM_BRAKE_RATIO": "1"}
"""A worker that would halt at so many of them would show a page without any."""


class Seen(NamedTuple):
    """How long pages took in a browser until all of them was loaded, in ms: each in a tab of its own, and one after the other.

    ``nothing`` is the same of an answer of a few bytes in a tab of its own.
    """

    alone: dict[str, list[float]]
    followed: dict[str, list[float]]
    nothing: list[float]


class Asked(NamedTuple):
    """How long pages took, each asked for alone: the first time and the others, and the processor time of one, all in ms."""

    first: dict[str, float]
    others: dict[str, list[float]]
    processor: dict[str, float]


async def console(bench: Bench) -> Measured:
    """Open every page some times, by itself and in a browser; then answer with and without one that stays open on *Live*."""
    seconds = bench.seconds(40)
    async with bench.station(await bench.stores.whole(), worker=False, bare=False) as station, AsyncExitStack() as stack:
        await station.start_worker(**UNBRAKED)
        events = sum(one.applied for one in await station.partitions())
        await _bury(station)
        await station.drained(120)
        paths = await _pages(bench, station)
        bench.progress.step(f"{len(paths)} pages, {TIMES} times each")
        asked = await _asked(bench, station, paths)
        context = await stack.enter_async_context(browser(station.processes["api"].url))
        bench.progress.step(f"{len(paths)} pages in a browser")
        times = bench.rounds(SEEN_TIMES)
        await loaded_ms(context, paths["Live"])  # what all pages share is kept from here on
        seen = {name: [await loaded_ms(context, path) for _ in range(times)] for name, path in paths.items()}
        nothing = [await loaded_ms(context, NOTHING) for _ in range(times)]
        tab = await context.new_page()
        await followed_ms(tab, paths["Live"])
        followed: dict[str, list[float]] = {name: [] for name in paths}
        for _ in range(times):
            for name, path in paths.items():
                followed[name].append(await followed_ms(tab, path))
        await tab.close()
        rounds: list[dict[str, Any]] = []
        reports: dict[bool, list[openloop.Sent]] = {False: [], True: []}
        await _load(bench, station, bench.seconds(15), "console warm")
        for number in range(bench.rounds(3)):
            for is_open in (False, True) if number % 2 else (True, False):
                page = await context.new_page() if is_open else None
                if page is not None:
                    await page.goto(paths["Live"])
                bench.progress.step(f"500 /reco and 500 events a second, the console {'open' if is_open else 'closed'}")
                used, began = station.cpu_seconds(), bench.clock.monotonic()
                report = await _load(bench, station, seconds, f"console {number} {is_open}")
                shares = cores(used, station.cpu_seconds(), bench.clock.monotonic() - began)
                reports[is_open].append(report.streams["reco"])
                if page is not None:
                    await page.close()
                rounds.append(
                    {
                        "open": is_open,
                        "reco_ms": report.streams["reco"].percentiles,
                        "errors": report.streams["reco"].errors,
                        "cores": {name: round(share, 3) for name, share in shares.items()},
                    }
                )
    return _told(events, asked, Seen(seen, followed, nothing), reports, rounds, seconds)


def _told(
    events: int,
    asked: Asked,
    seen: Seen,
    reports: dict[bool, list[openloop.Sent]],
    rounds: list[dict[str, Any]],
    seconds: float,
) -> Measured:
    p99 = {is_open: [one.percentiles["p99"] for one in found] for is_open, found in reports.items()}
    pages = "; ".join(
        f"{name} {asked.first[name]:.0f}, {median(times):.0f}, {asked.processor[name]:.0f}, {median(seen.alone[name]):.0f}, "
        f"{median(seen.followed[name]):.0f}"
        for name, times in asked.others.items()
    )
    notes = [
        (
            f"{events:,} events are applied, {LETTERS:,} dead letters are open, and nothing else goes on. Each page in ms: "
            f"opened for the first time, the median of {TIMES} times, the processor time of the API and Postgres for one, and "
            "the medians in a browser until all of it was loaded, in a tab of its own and where a link leads to it from the "
            f"page before: {pages}. A word of plain text ({NOTHING}) takes this browser {median(seen.nothing):.0f} ms in a "
            "tab of its own."
        ),
        (
            f"Then 500 `/reco`/s with autolog on and 500 events/s for {seconds:g} s, with a browser that stays open on *Live* "
            f"and without, in turn: p99 {_listed(p99[True])} ms against {_listed(p99[False])} ms. The browser works on the "
            "same two cores."
        ),
    ]
    return Measured(
        figures=[
            _slowest("slowest page, opened for the first time", {name: [one] for name, one in asked.first.items()}),
            _slowest("slowest page, by the server", asked.others),
            _slowest("slowest page, in a browser, where a link leads to it", seen.followed),
            _slowest("slowest page, in a browser, in a tab of its own", seen.alone),
            figure("`/reco` p99 with the console open", figures.spread(p99[True])),
            figure("over that without it", figures.spread(figures.ratios(p99[True], p99[False]))),
        ],
        notes=notes,
        rounds=[{**asked._asdict(), "browser": seen._asdict()}, *rounds],
        plots=[
            Plot(
                "`/reco` with the console open and closed",
                "latency",
                "ms",
                {"open": reports[True][-1].curve, "closed": reports[False][-1].curve},
            )
        ],
    )


def _slowest(name: str, found: dict[str, list[float]]) -> Figure:
    """Return the median of the page whose median is the largest."""
    _, times = max(found.items(), key=lambda one: median(one[1]))
    return single(name, times[0]) if len(times) == 1 else Figure(name, median(times), min(times), max(times))


def _listed(values: Iterable[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in values)


async def _bury(station: Station) -> None:
    """Append records that can never be applied, past the door."""
    records = [
        NewRecord(Topic.INTERACTION, world.user_id(n), POISON[n % len(POISON)], 1, n.to_bytes(16, "big"), bytes(16))
        for n in range(LETTERS)
    ]
    await station.ground.log.append(records, atomic=False)


async def _pages(bench: Bench, station: Station) -> dict[str, str]:
    """Return every page's address by its name, of the item that is liked most and somebody who did much."""
    sessions = bench.stores.generated().sessions
    session, last = sessions[-1], f"made-{len(sessions) - 1:08d}"
    user, item = world.user_id(session.user), world.item_id(session.items[0])
    letters = await station.page("/console/dead-letters")
    cause = _link(letters, r"/console/dead-letters/cause/[^\"?]+")
    letter = _link(await station.page(cause), r"/console/dead-letters/letter/[^\"?]+")
    body = {"exclude": [{"items": [item]}], "boost": [{"items": [world.item_id(1)], "times": 2.0}]}
    async with station.session.put(f"{station.processes['api'].url}/rules/bench", json=body) as answer:
        answer.raise_for_status()
    return {
        "Live": "/console/live",
        "Live, an hour": "/console/live?minutes=60&values=latency",
        "People": "/console/people",
        "a user": f"/console/people?user={user}",
        "a user beside another recipe, and why not": f"/console/people?user={user}&item={world.item_id(7)}&recipe=revisits",
        "a session": f"/console/people?session={last}",
        "users who begin so": "/console/people?q=user-0000",
        "a receipt": f"/console/people/event?id={last}-00",
        "Items": "/console/items",
        "items that begin so": "/console/items?q=item-0",
        "an item": f"/console/items?id={item}",
        "Stream": "/console/stream",
        "Dead letters": "/console/dead-letters",
        "a cause": cause,
        "a letter": letter,
        "Recipes": "/console/recipes",
        "a recipe": "/console/recipes/of/default",
        "two recipes": f"/console/recipes/compare?one=default&other=revisits&user={user}",
        "Rules": "/console/rules",
        "a rule set": "/console/rules/of/bench",
        "rules tried": f"/console/rules/try?rules=bench&user={user}&item={item}",
    }


def _link(page: str, pattern: str) -> str:
    found = re.search(pattern, page)
    if found is None:
        raise RuntimeError(f"no link like {pattern} is on the page")
    return found[0]


async def _asked(bench: Bench, station: Station, paths: dict[str, str]) -> Asked:
    first = {name: await _opened(bench, station, path) for name, path in paths.items()}
    others: dict[str, list[float]] = {}
    processor: dict[str, float] = {}
    for name, path in paths.items():
        before = station.cpu_seconds()
        others[name] = [await _opened(bench, station, path) for _ in range(TIMES)]
        after = station.cpu_seconds()
        processor[name] = sum(1000 * (after[one] - before[one]) for one in ("api", "postgres")) / TIMES
    return Asked(first, others, processor)


async def _opened(bench: Bench, station: Station, path: str) -> float:
    began = bench.clock.monotonic()
    async with station.session.get(station.processes["api"].url + path) as answer:
        await answer.read()
        answer.raise_for_status()
    return (bench.clock.monotonic() - began) * 1000


async def _load(bench: Bench, station: Station, seconds: float, run: str) -> openloop.Report:
    streams = [Stream(name="reco", kind="reco", rate=RATE), Stream(name="event", kind="event", rate=RATE)]
    plan = Plan(
        port=station.processes["api"].port,
        seconds=seconds,
        streams=streams,
        size=bench.stores.size,
        seed=SEED + sum(run.encode()),
        run=run,
    )
    report = await openloop.run(plan)
    station.check()
    return report
