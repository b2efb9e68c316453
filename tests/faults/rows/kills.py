"""Processes that die, sleep or leave in the middle of their work."""

import asyncio
import random
import re
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from headrace import wiring
from headrace.errors import Unavailable
from headrace.store.operations import Operations, Partition
from tests.faults.client import Client
from tests.faults.journal import Journal, Told
from tests.faults.load import Load
from tests.faults.site import Process, Site, until
from tests.faults.trial import Trial, Tried, drain_and_judge

EVENTS: Final = 1_000_000
KILLS: Final = 100
WORKERS: Final = 3
LEASE_MS: Final = 1000
FENCED: Final = '"event": "fenced"'
"""What a worker says whose batch finds a higher epoch at the fence."""

ASKED: Final = 20
"""Answers that an API gives just before it is asked to leave."""

_NAMED: Final = re.compile(r"-(\d+)-[0-9a-f]{8}\b")


async def kills_of_workers(trial: Trial) -> Tried:
    """Kill a random one of three workers a hundred times, spread over a million events, and start another each time."""
    tried, chance = Tried(), random.Random(trial.seed)
    events, kills = trial.size(EVENTS, 2000), trial.size(KILLS, 3)
    async with AsyncExitStack() as own:
        site = await (trial.stack or own).enter_async_context(trial.site({"HEADRACE_STREAM_LEASE_MS": str(LEASE_MS)}))
        api = await site.api()
        for _ in range(WORKERS):
            site.start("worker")
        journal = Journal(names=site.settings.log.names)
        load = Load(journal, [api.port], seed=trial.seed, events=events)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run())
            group.create_task(_kill(site, chance, kills, events, tried))
        await drain_and_judge(site, journal, tried)
        tried.wrong.extend(load.seen.odd)
        trial.left = (site, journal) if trial.stack is not None else None
        tried.hold(not load.seen.unheard, f"{load.seen.unheard} requests unheard although no API was harmed")
    tried.note = f"{WORKERS} workers, 8 partitions, lease {LEASE_MS} ms"
    return tried


async def _kill(site: Site, chance: random.Random, kills: int, events: int, tried: Tried) -> None:
    """Kill one worker whenever another share of the events is applied."""
    async with wiring.looked_at(site.settings) as (ground, generation):
        operations = ground.operations(generation)
        for number in range(kills):
            due = events * (number + chance.random()) / (kills + 1)
            await until(lambda due=due: applied(operations, due), f"{due:.0f} events are applied", within_s=300)
            victim = chance.choice(site.living("worker"))
            owned = [one for one in await operations.partitions() if owner(one) == victim.pid]
            await victim.kill()
            site.start("worker")
            tried.how_often += 1
            tried.recovered(await until(lambda owned=owned, pid=victim.pid: taken_over(operations, owned, pid), "an heir"))


async def applied(operations: Operations, due: float) -> bool:
    """Return whether so many records are applied."""
    return sum(one.applied for one in await operations.partitions()) >= due


async def taken_over(operations: Operations, owned: list[Partition], dead: int) -> bool:
    """Return whether each of these partitions has another owner, whose lease holds."""
    now = {one.partition: one for one in await operations.partitions()}
    return all(now[one.partition].leased and owner(now[one.partition]) not in (None, dead) for one in owned)


def owner(partition: Partition) -> int | None:
    """Return the process number in the owner's name: host, process, a random part."""
    found = _NAMED.search(partition.owner or "")
    return int(found[1]) if found else None


async def kills_of_apis(trial: Trial) -> Tried:
    """Kill one of two APIs twenty times under load; what it had not answered is sent again."""

    async def kill(api: Process, _journal: Journal, _tried: Tried) -> None:
        await api.kill()

    return await _apis_under_load(trial, trial.size(20, 2), kill)


async def leaving_apis(trial: Trial) -> Tried:
    """Ask one of two APIs to leave, ten times under load: what it has answered counts, and so does what it has just shown."""
    return await _apis_under_load(trial, trial.size(10, 2), _leave_having_shown)


async def _apis_under_load(trial: Trial, times: int, end: Callable[[Process, Journal, Tried], Awaitable[None]]) -> Tried:
    tried, chance = Tried(), random.Random(trial.seed)
    async with trial.site() as site:
        apis = [await site.api(), await site.api()]
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        load = Load(journal, [api.port for api in apis], seed=trial.seed, events=10**9, batch=50, senders=8, per_second=1500)
        sending = asyncio.create_task(load.run())
        for _ in range(times):
            before, more = load.sent, chance.randrange(200, 1500)
            await until(lambda before=before, more=more: load.sent >= before + more, "the load goes on")
            number = chance.randrange(len(apis))
            await end(apis[number], journal, tried)
            tried.how_often += 1
            loop = asyncio.get_running_loop()
            began = loop.time()
            apis[number] = await site.api(port=apis[number].port)
            tried.recovered(loop.time() - began)
        load.stop()
        await sending
        await drain_and_judge(site, journal, tried)
        tried.wrong.extend(load.seen.odd)
        tried.note = f"{load.seen.unheard} requests without an answer, {journal.unknown} events left unknown"
    return tried


async def _leave_having_shown(api: Process, journal: Journal, tried: Tried) -> None:
    """Ask for some answers, which log themselves as events that nobody is told of, and ask the API to leave at once."""
    client = Client(api.port)
    for number in range(ASKED):
        answer = await client.get(f"/reco?user_id=reader-{number}&session_id=s&k=5")
        tried.hold(answer.status == 200, f"/reco was answered {answer.status}")
        if answer.status == 200 and answer.json()["items"]:
            journal.note(f"auto-{answer.json()['request_id']}", answer.json()["items"][0], Told.OK)
    client.close()
    await _out(api, tried)


async def _out(process: Process, tried: Tried) -> None:
    """Ask a process to leave; note unless it is out within ten seconds, with code 0."""
    process.send(signal.SIGTERM)
    try:
        code = await process.end(within_s=10)
        tried.hold(code == 0, f"the exit code was {code}")
    except AssertionError:
        tried.wrong.append("not out within 10 s")
        await process.kill()


async def zombies(trial: Trial) -> Tried:
    """Put a worker to sleep past its lease, let another take over, wake it; five times."""
    return await _under_load(trial, trial.size(5, 1), _sleep_past_the_lease, "woken after its heir had applied more")


async def leaving(trial: Trial) -> Tried:
    """Ask a worker with work in flight to leave; it is out within ten seconds with code 0, its partitions free at once."""
    return await _under_load(trial, trial.size(10, 1), _leave, "time to the exit; nothing is applied twice")


Harm = Callable[[Site, Operations, Process, Tried], Awaitable[None]]


async def _under_load(trial: Trial, times: int, harm: Harm, note: str) -> Tried:
    tried = Tried(note=note)
    async with trial.site() as site:
        api = await site.api()
        journal = Journal(names=site.settings.log.names)
        load = Load(journal, [api.port], seed=trial.seed, events=10**9, batch=100, senders=2, per_second=2000)
        async with wiring.looked_at(site.settings) as (ground, generation):
            operations = ground.operations(generation)
            worker = site.start("worker")
            sending = asyncio.create_task(load.run())
            for _ in range(times):
                done = sum(one.applied for one in await operations.partitions())
                await until(lambda due=done + 200: applied(operations, due), "it is at work")
                await harm(site, operations, worker, tried)
                tried.how_often += 1
                worker = site.living("worker")[-1]
            load.stop()
            await sending
        await drain_and_judge(site, journal, tried)
        repeated = await _duplicates(site)
        tried.wrong.extend(load.seen.odd)
        tried.hold(repeated == 0 or trial.log == "kafka", f"{repeated} records of the log were duplicates")
        tried.note += f"; {site.words().count(FENCED)} batches met the fence"
    return tried


async def _duplicates(site: Site) -> int:
    async with wiring.looked_at(site.settings) as (ground, generation):
        return sum(sum(one.duplicates.values()) for one in await ground.operations(generation).partitions())


async def _sleep_past_the_lease(site: Site, operations: Operations, worker: Process, tried: Tried) -> None:
    worker.send(signal.SIGSTOP)
    owned = [one for one in await operations.partitions() if owner(one) == worker.pid]
    heir = site.start("worker")
    tried.recovered(await until(lambda: taken_over(operations, owned, worker.pid), "the heir has all"))
    done = sum(one.applied for one in await operations.partitions())
    await until(lambda: applied(operations, done + 200), "the heir is at work")
    worker.send(signal.SIGCONT)
    # Awake, it meets the fence; then it reports again and takes its fair share, which shows that it lives on.
    await until(lambda: _owns(operations, worker.pid), "the zombie has found out and works again")
    worker.send(signal.SIGTERM)
    tried.hold(await worker.end(within_s=10) == 0, "the fenced worker did not leave with code 0")
    await until(lambda: _owns(operations, heir.pid), "the heir goes on")


async def _owns(operations: Operations, pid: int) -> bool:
    return any(one.leased and owner(one) == pid for one in await operations.partitions())


async def _leave(site: Site, operations: Operations, worker: Process, tried: Tried) -> None:
    began = asyncio.get_running_loop().time()
    await _out(worker, tried)
    tried.recovered(asyncio.get_running_loop().time() - began)
    try:
        left = [one for one in await operations.partitions() if one.owner]
        tried.hold(not left, f"{len(left)} partitions were not given back")
    except Unavailable as error:
        tried.wrong.append(str(error))
    site.start("worker")
