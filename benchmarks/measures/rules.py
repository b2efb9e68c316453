"""A row about rules: answers under a filter, boosts, a pin and a cap, what items cost in memory, and an item switched off."""

import asyncio
from typing import Any, Final

import aiohttp

from benchmarks import figures, world
from benchmarks.measures.bench import SEED, Bench, good, troubles
from benchmarks.results import Measured, Plot, figure
from benchmarks.station import Station, private_mb
from benchmarks.wrk import Burst

AT_ONCE: Final = 1000
CATEGORIES: Final = 50
SPREAD: Final = 2_654_435_761
"""Knuth's multiplier: it gives items that lie on one shelf categories of their own."""

BRANDS: Final = 200
SWITCHED: Final = 10
"""So many items are switched off, one after the other."""

LOOKERS: Final = 8
SETTLED_S: Final = 5.0
"""After loading, a replica gives memory back; what it holds then is told."""

GONE_S: Final = 2.0
"""An item that was in no answer for so long is gone."""

SET: Final[dict[str, Any]] = {
    "about": "What the row is measured under",
    "only": [{"where": "price < 250"}],
    "boost": [{"where": '"sale" in tags', "times": 1.5}, {"where": 'brand == "brand-7"', "times": 2.0}],
    "pin": [{"position": 2, "items": [world.item_id(number) for number in range(3)]}],
    "cap": [{"by": "categories", "most": 2}],
}
NARROW: Final[dict[str, Any]] = SET | {"cap": [{"by": "department", "most": 2}]}
"""The same where all that met a person's items is in their own few departments, so that most of each list must be filled up."""


def described(number: int) -> dict[str, Any]:
    """Return what the catalogue is told of an item: a category and four attributes."""
    return {
        "item_id": world.item_id(number),
        "title": f"Item {number}",
        "categories": [f"category-{(number * SPREAD >> 16) % CATEGORIES}"],
        "attributes": {
            "price": float(number * 7 % 300),
            "brand": f"brand-{number % BRANDS}",
            "tags": ["sale"] if number % 5 == 0 else ["regular"],
            "organic": number % 3 == 0,
            "department": f"department-{number % CATEGORIES}",
        },
    }


async def rules(bench: Bench) -> Measured:
    """Answers a second under the rules, autolog off, against the empty handler; then items are switched off under load."""
    rounds: list[dict[str, Any]] = []
    ours: list[float] = []
    bare: list[float] = []
    plain: list[float] = []
    curves: dict[str, list[tuple[float, float]]] = {}
    paths = bench.paths(autolog=False)
    items = bench.stores.size.items
    async with bench.station(await bench.stores.whole()) as station:
        nothing = await _held(bench, station)
        bench.progress.step("the catalogue is put")
        await put_catalogue(station, items)
        await station.drained(600)
        catalogued = await _held(bench, station)
        kinds = (("nothing", nothing), ("catalogue", catalogued))
        rounds += [{"replica with": kind, "private_mb": round(one, 1)} for kind, held in kinds for one in held]
        await bench.known(station)
        await bench.warm(station, "reco", paths, "bare", "api")
        found, one = await bench.burst(station, "api", "reco", paths, seconds=bench.seconds(10))
        rounds.append(one | {"rules": "none"})
        plain.append(good(found))
        await _live(station)
        await bench.warm(station, "reco", paths, "api")
        for number in range(bench.rounds(5)):
            both: dict[str, Burst] = {}
            for target in ("bare", "api") if number % 2 else ("api", "bare"):
                both[target], one = await bench.burst(station, target, "reco", paths, seconds=bench.seconds(10))
                rounds.append(one | {"rules": "live"})
            ours.append(good(both["api"]))
            bare.append(good(both["bare"]))
            curves = {"/reco under rules": both["api"].latency, "empty handler": both["bare"].latency}
        await _live(station, NARROW)
        await bench.warm(station, "reco", paths, "api")
        found, one = await bench.burst(station, "api", "reco", paths, seconds=bench.seconds(10))
        rounds.append(one | {"rules": "narrow"})
        narrow = good(found)
        await _live(station)
        gone = await _switched_off(bench, station, paths)
    notes = [
        (
            f"{figures.spread(ours).median:,.0f} answers/s under rules, {plain[0]:,.0f} without any on the same catalogue of "
            f"{items:,} items; the empty handler {figures.spread(bare).median:,.0f}. Six columns: categories, price, "
            "brand, tags, organic, department. The rules are made ready once, when they go live. "
            f"{narrow:,.0f} answers/s where a person's items are all of a few departments and two of each may stand in a list: "
            "most of it is then filled up with what is popular elsewhere."
        ),
        (
            f"{SWITCHED} items that everybody is shown were switched off one after the other, under 64 connections; "
            f"{LOOKERS} more ask all the time, and the last answer that still held the item came so long after its "
            "change was acknowledged (0: none did)."
        ),
        *troubles(rounds),
    ]
    return Measured(
        figures=[
            figure("of the empty GET handler", figures.spread(figures.ratios(ours, bare))),
            figure("for each item with six attributes", _more(nothing, catalogued, items)),
            figure("an item switched off under load: its last answer after", figures.spread(gone)),
        ],
        notes=notes,
        rounds=rounds,
        plots=[Plot("`/reco` under rules, 64 connections, closed loop", "latency", "ms", curves)],
    )


async def put_catalogue(station: Station, items: int) -> None:
    """Put all items through the API, a thousand at a time."""
    for first in range(0, items, AT_ONCE):
        body = {"items": [described(number) for number in range(first, min(first + AT_ONCE, items))]}
        async with station.session.post(f"{station.processes['api'].url}/items", json=body) as response:
            if response.status != 200:
                raise RuntimeError(f"POST /items: {response.status} {await response.text()}")


async def _held(bench: Bench, station: Station) -> list[float]:
    """Return the private MB of a replica that has just started, once for each of some starts.

    All that are compared are measured here, each beside the same other processes: with none beside it, a replica's pages of
    libraries count as its own. The first start is not counted: it may compile loops, and keeps what that took, some 20 MB.
    """
    bench.progress.step("memory")
    held = []
    for _ in range(1 + bench.rounds(3)):
        await station.stop("api")
        api, _ = await station.start_api()
        await station.page(bench.paths(autolog=False)[0])
        await asyncio.sleep(SETTLED_S)
        held.append(private_mb(api.pid))
    return held[1:]


def _more(before: list[float], after: list[float], items: int) -> figures.Spread:
    """Return by how many bytes an item the later starts hold more; below 0 where they hold less."""
    return figures.spread([(more - less) * 1e6 / items for less, more in zip(before, after, strict=True)])


async def _live(station: Station, rules: dict[str, Any] = SET) -> None:
    url = f"{station.processes['api'].url}/rules/measured?live=true"
    async with station.session.put(url, json=rules) as response:
        if response.status != 200 or (await response.json())["doubts"]:
            raise RuntimeError(f"PUT /rules/measured: {response.status} {await response.text()}")


async def _switched_off(bench: Bench, station: Station, paths: list[str]) -> list[float]:
    """Return for some items, each pinned for everybody and then switched off under load, the ms until its last answer."""
    bench.progress.step("items are switched off under load")
    waits: list[float] = []
    url, seconds = station.processes["api"].url, SWITCHED * (GONE_S + 1.0)
    load = asyncio.create_task(bench.burst(station, "api", "reco", paths, seconds=max(bench.seconds(1.0), seconds)))
    try:
        for number in range(SWITCHED):
            item = world.item_id(number)
            pinned = {**SET, "only": [], "pin": [{"position": 1, "items": [item]}]}
            async with station.session.put(f"{url}/rules/measured?live=true", json=pinned) as response:
                response.raise_for_status()
            waits.append(await _last_seen(bench, station, item, paths))
    finally:
        await load
    return waits


async def _last_seen(bench: Bench, station: Station, item: str, paths: list[str]) -> float:
    """Switch an item off, and return the ms from the acknowledgement to the end of the last answer that held it."""
    url, now = station.processes["api"].url, bench.clock.monotonic
    last, enough = 0.0, asyncio.Event()

    async def look(turn: int) -> None:
        nonlocal last
        async with aiohttp.ClientSession() as session:
            while not enough.is_set():
                turn += LOOKERS
                async with session.get(url + paths[(SEED + turn) % len(paths)]) as response:
                    if item in (await response.json())["items"]:
                        last = now()

    lookers = [asyncio.create_task(look(turn)) for turn in range(LOOKERS)]
    while not last:
        await asyncio.sleep(0.05)
        station.check()
    async with station.session.patch(f"{url}/items/{item}", json={"available": False}) as response:
        response.raise_for_status()
    acknowledged = now()
    while now() - max(last, acknowledged) < GONE_S:  # noqa: ASYNC110 -- looked at, not waited for
        await asyncio.sleep(0.05)
    enough.set()
    await asyncio.gather(*lookers)
    return max(0.0, last - acknowledged) * 1000
