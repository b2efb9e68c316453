"""Postgres dies, goes away for a minute, or can be reached only now and then."""

import asyncio
import random
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.faults import proxy
from tests.faults.client import Client, Unheard
from tests.faults.journal import Journal
from tests.faults.load import Load
from tests.faults.site import Site, until
from tests.faults.trial import Trial, Tried, drain_and_judge

ON_A_PORT: Final = "postgresql://headrace@127.0.0.1:{}/headrace?sslmode=disable"
STALE_AFTER_MS: Final = 2000


async def immediate_restarts(trial: Trial) -> Tried:
    """Stop Postgres at once, as ``pg_ctl -m immediate`` does, ten times under load, and start it again."""
    tried, chance = Tried(), random.Random(trial.seed)
    async with trial.site() as site:
        api = await site.api()
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        load = Load(journal, [api.port], seed=trial.seed, events=10**9, batch=100, per_second=1500)
        sending = asyncio.create_task(load.run())
        for _ in range(trial.size(10, 2)):
            await _acknowledges(journal, chance.randrange(500, 3000))
            await site.stop_postgres()
            if trial.log == "postgres":
                refused = load.seen.unavailable
                await until(lambda refused=refused: load.seen.unavailable > refused, "ingest answers 503")
            else:
                await _acknowledges(journal, 100)  # ingest goes on with Kafka
            await site.start_postgres()
            tried.how_often += 1
            tried.recovered(await _acknowledges(journal, 1))
        load.stop()
        await sending
        await drain_and_judge(site, journal, tried)
        _expect(load, tried, trial)
        tried.hold(all(one.ended is None for one in site.running), "a process of ours ended")
    return tried


async def _acknowledges(journal: Journal, more: int) -> float:
    """Wait until so many more events are acknowledged; return the seconds it took."""
    due = journal.acknowledged + more
    return await until(lambda: journal.acknowledged >= due, f"{more} more events are acknowledged")


def _expect(load: Load, tried: Tried, trial: Trial) -> None:
    seen = load.seen
    tried.wrong.extend(seen.odd)
    tried.hold(not seen.unheard, f"{seen.unheard} requests unheard although no API was harmed")
    tried.hold(not seen.without_retry_after, f"{seen.without_retry_after} answers of 503 without Retry-After")
    if trial.log == "postgres":
        tried.note = f"{seen.unavailable} answers of 503, each with Retry-After; no dead letter"
    else:
        tried.hold(not seen.unavailable, f"{seen.unavailable} answers of 503 although Kafka was there")
        tried.note = "ingest went on with Kafka; no dead letter"


@dataclass(slots=True)
class Watching:
    """What ``/readyz`` and ``/reco`` have said while something was away."""

    readiness: list[dict[str, Any]] = field(default_factory=list)
    recommended: int = 0
    oldest_ms: int = 0
    odd: list[str] = field(default_factory=list)

    async def look(self, client: Client, user: str) -> None:
        """Ask both once."""
        try:
            ready = await client.get("/readyz")
            reco = await client.get(f"/reco?user_id={user}&session_id=s&k=5&x_autolog_impressions=false")
        except Unheard as error:
            self.odd.append(f"unheard: {error}")
            return
        if ready.status == 200:
            self.readiness.append(ready.json())
        else:
            self.odd.append(f"/readyz: {ready.status}")
        if reco.status == 200 and reco.json()["items"] and "x-as-of-ms" in reco.headers:
            self.recommended += 1
        else:
            self.odd.append(f"/reco: {reco.status} {reco.body[:80]!r}")


async def away(trial: Trial) -> Tried:
    """Stop Postgres for a minute: the worker waits, answers go on from memory and say how old they are."""
    tried, seconds = Tried(), trial.size(60, 4)
    async with trial.site() as site:
        api = await site.api()
        worker = site.start("worker")
        journal = Journal(names=site.settings.log.names)
        load = Load(journal, [api.port], seed=trial.seed, events=10**9, batch=20, senders=2, per_second=300)
        sending = asyncio.create_task(load.run())
        client, watching = Client(api.port), Watching()
        await until(lambda: _answers_with_items(client), "a first answer")
        await _acknowledges(journal, 500)
        await site.stop_postgres(signal.SIGINT)
        gone = asyncio.get_running_loop().time()
        before, refused = journal.acknowledged, load.seen.unavailable
        await until(lambda: _degraded(client), "/readyz says degraded")
        while asyncio.get_running_loop().time() < gone + seconds:
            await watching.look(client, "u1")
            await asyncio.sleep(0.25)
        last = watching.readiness[-1]
        tried.hold(last["status"] == "degraded" and "postgres" in last["missing"], f"/readyz said {last}")
        told_ms, true_ms = last["snapshot_age_ms"], seconds * 1000
        tried.hold(abs(told_ms - true_ms) < STALE_AFTER_MS + 1000, f"/readyz said {told_ms} ms old after {true_ms} ms")
        tried.hold(worker.ended is None, f"the worker ended with {worker.ended}")
        tried.wrong.extend(watching.odd[:5])
        if trial.log == "postgres":
            tried.hold(load.seen.unavailable > refused, "ingest did not answer 503 meanwhile")
        else:
            tried.hold(journal.acknowledged > before, "ingest did not go on with Kafka")
        await site.start_postgres()
        tried.how_often = 1
        tried.recovered(await _acknowledges(journal, 1))
        tried.recovered(await until(lambda: _ready(client), "/readyz says ready"))
        load.stop()
        await sending
        client.close()
        await drain_and_judge(site, journal, tried)
        _expect(load, tried, trial)
        tried.note += f"; away for {seconds} s, {watching.recommended} answers from memory, the last {told_ms / 1000:.0f} s old"
    return tried


async def _answers_with_items(client: Client) -> bool:
    try:
        answer = await client.get("/reco?user_id=u1&session_id=s&k=5&x_autolog_impressions=false")
    except Unheard:
        return False
    return answer.status == 200 and bool(answer.json()["items"])


async def _readyz(client: Client) -> str:
    try:
        answer = await client.get("/readyz")
    except Unheard:
        return "unheard"
    return str(answer.json().get("status"))


async def _degraded(client: Client) -> bool:
    return await _readyz(client) == "degraded"


async def _ready(client: Client) -> bool:
    return await _readyz(client) == "ready"


async def torn_connections(trial: Trial) -> Tried:
    """Cut, delay and leave half-open the connections of worker and API to Postgres, again and again under load."""
    tried, chance = Tried(), random.Random(trial.seed)
    async with trial.site() as site, proxy.Proxy(proxy.to_socket(_socket(site))) as between:
        torn = {"DATABASE_URL": ON_A_PORT.format(between.port)}
        api = await site.api(environment=torn)
        worker = site.start("worker", environment=torn)
        journal = Journal(names=site.settings.log.names)
        load = Load(journal, [api.port], seed=trial.seed, events=10**9, batch=50, per_second=1500)
        sending = asyncio.create_task(load.run())
        cut = 0
        for number in range(trial.size(30, 3)):
            await _acknowledges(journal, chance.randrange(100, 800))
            if number % 3 == 0:
                cut += between.cut()
            elif number % 3 == 1:
                between.delay_s = chance.uniform(0.01, 0.05)
                await _acknowledges(journal, 100)
                between.delay_s = 0
            else:
                between.swallow()
                await asyncio.sleep(chance.uniform(0.2, 1.5))  # the fault itself lasts so long
                between.cut()
                between.flow()
            tried.how_often += 1
            tried.recovered(await _acknowledges(journal, 1))
        load.stop()
        await sending
        await drain_and_judge(site, journal, tried)
        _expect(load, tried, trial)
        tried.hold(worker.ended is None and api.ended is None, "a process of ours ended")
        tried.note += f"; {cut} connections cut"
    return tried


def _socket(site: Site) -> Path:
    return site.postgres.folder / "socket" / ".s.PGSQL.5432"
