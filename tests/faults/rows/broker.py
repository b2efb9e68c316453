"""Kafka dies, stops, sleeps, goes away for a minute, or can be reached only now and then."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from headrace.embedded.kafka import Broker
from tests.faults import proxy
from tests.faults.client import Client, Unheard
from tests.faults.journal import Journal
from tests.faults.load import Load
from tests.faults.site import Site, until
from tests.faults.trial import Trial, Tried, counted, drain_and_judge
from tests.support.kafka import discard, own_broker

RECOVERY_S: Final = 30.0
WITHIN_A_SECOND_S: Final = 1.0
SLACK_S: Final = 1.0
"""For a machine with more to do than we give it to do: what is measured is told."""


@asynccontextmanager
async def own(*, advertised_port: int | None = None, started: bool = True) -> AsyncIterator[Broker]:
    """Yield a broker for a fault that no other row may feel."""
    broker = own_broker(advertised_port=advertised_port)
    try:
        if started:
            await asyncio.to_thread(broker.start)
        yield broker
    finally:
        await asyncio.to_thread(discard, broker)


@asynccontextmanager
async def _loaded(site: Site, trial: Trial, *, per_second: float) -> AsyncIterator[tuple[Load, int]]:
    """Yield a load that runs against an API of the site, with a worker beside it; end it with the block."""
    api = await site.api()
    site.start("worker")
    load = Load(
        Journal(names=site.settings.log.names), [api.port], seed=trial.seed, events=10**9, batch=25, per_second=per_second
    )
    sending = asyncio.create_task(load.run())
    await until(lambda: load.journal.acknowledged > 500, "the load goes on")
    yield load, api.port
    load.stop()
    await sending


async def stops(trial: Trial) -> Tried:
    """Kill the broker five times, stop it five times in order, put it to sleep once, under load."""
    tried, chance = Tried(), random.Random(trial.seed)
    ways: list[Callable[[Broker], None]] = [Broker.kill, Broker.stop] * trial.size(5, 1)
    async with own() as broker, trial.site(broker=broker) as site:
        async with _loaded(site, trial, per_second=1000) as (load, port):
            for number, way in enumerate([*ways, Broker.pause]):
                await _more(load, chance.randrange(500, 2000))
                await asyncio.to_thread(way, broker)
                await _more(load, 500)  # by way of the Postgres log
                await asyncio.to_thread(broker.resume if way is Broker.pause else broker.start)
                tried.how_often += 1
                tried.recovered(await counted(site, load.journal, port, f"back-{number:04}"))
        await drain_and_judge(site, load.journal, tried)
        _expect(site, load, tried)
        tried.hold((tried.recovery_s or 0) < RECOVERY_S, f"work went on only after {tried.recovery_s} s")
    return tried


async def away(trial: Trial) -> Tried:
    """Take the broker away for a minute: every event goes to the Postgres log and is carried over afterwards."""
    tried, seconds = Tried(how_often=1), trial.size(60, 4)
    async with own() as broker, trial.site(broker=broker) as site:
        async with _loaded(site, trial, per_second=500) as (load, port):
            await asyncio.to_thread(broker.kill)
            loop = asyncio.get_running_loop()
            gone = loop.time()
            turned = await _more(load, 200)
            tried.hold(turned < WITHIN_A_SECOND_S + SLACK_S, f"intake turned to the Postgres log only after {turned:.1f} s")
            client = Client(port)
            await until(lambda: _says(client, "degraded"), "/readyz says degraded")
            before = load.journal.acknowledged
            await asyncio.sleep(max(0.0, gone + seconds - loop.time()))  # the fault lasts so long
            meanwhile = load.journal.acknowledged - before
            tried.hold(meanwhile, "nothing was taken meanwhile")
            await asyncio.to_thread(broker.start)
            tried.recovered(await counted(site, load.journal, port, "back-again"))
            tried.recovered(await until(lambda: _says(client, "ready"), "/readyz says ready"))
            client.close()
        await drain_and_judge(site, load.journal, tried)
        _expect(site, load, tried)
        tried.note = f"{seconds} s; the first 200 went to the Postgres log within {turned:.2f} s, {meanwhile:,} in all"
    return tried


async def torn_connections(trial: Trial) -> Tried:
    """Cut, delay and leave half-open the connections of worker and API to Kafka, again and again under load."""
    tried, chance = Tried(), random.Random(trial.seed)
    async with proxy.Proxy(proxy.to_port(0)) as between, own(advertised_port=between.port) as broker:
        between.reach = proxy.to_port(broker.port)
        async with trial.site(broker=broker) as site:
            async with _loaded(site, trial, per_second=1000) as (load, _):
                for number in range(trial.size(15, 3)):
                    await _more(load, chance.randrange(100, 800))
                    if number % 3 == 0:
                        between.cut()
                    elif number % 3 == 1:
                        between.delay_s = chance.uniform(0.01, 0.05)
                        await _more(load, 200)
                        between.delay_s = 0
                    else:
                        between.swallow()
                        await _more(load, 200)  # by way of the Postgres log
                        between.cut()
                        between.flow()
                    tried.how_often += 1
                    tried.recovered(await _more(load, 1))
            await drain_and_judge(site, load.journal, tried)
            _expect(site, load, tried)
    return tried


async def _more(load: Load, number: int) -> float:
    """Wait until so many more events are acknowledged; return the seconds it took."""
    due = load.journal.acknowledged + number
    return await until(lambda: load.journal.acknowledged >= due, f"{number} more events are acknowledged")


async def _says(client: Client, status: str) -> bool:
    try:
        answer = await client.get("/readyz")
    except Unheard:
        return False
    return bool(answer.json().get("status") == status)


def _expect(site: Site, load: Load, tried: Tried) -> None:
    tried.wrong.extend(load.seen.odd)
    tried.hold(not load.seen.unavailable, f"{load.seen.unavailable} requests were refused although Postgres was there")
    tried.hold(not load.seen.unheard, f"{load.seen.unheard} requests unheard although no API was harmed")
    tried.hold(all(one.ended is None for one in site.running), "a process of ours ended")
