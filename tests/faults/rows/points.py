"""Killed at every named point: before, during and after each statement and each call of the log."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import time_ns
from typing import Final

from headrace import wiring
from headrace.events.types import Event, Impression
from headrace.log.port import NewRecord, Verdict
from headrace.store.generations import Generation
from headrace.store.sql import Queries
from headrace.wiring.ground import Ground
from tests.faults import oracle
from tests.faults.client import Client, Unheard
from tests.faults.failpoints import Phase, Point, passed
from tests.faults.journal import Journal, Told
from tests.faults.rows.kills import owner
from tests.faults.site import Process, Site, answers, until
from tests.faults.trial import Trial, Tried
from tests.stream.world import change, raw, record, shown, view, watch

Place = tuple[str, Phase]
Life = Callable[["Bench", Point | None, Path | None], Awaitable[Process]]

TRIES: Final = 3
"""Lives after which a point that the census passed and this life did not counts as never reached."""

MOST_PASSES: Final = 4
SHARDS: Final = 2
ENVIRONMENT: Final = {
    "HEADRACE_STREAM_LEASE_MS": "500",
    "HEADRACE_LOG_PARTITIONS": "4",
    "KAFKA_WORKER_MAX_POLL_RECORDS": "10",
    "HEADRACE_STREAM_BRAKE_RUN": "40",
    "HEADRACE_KAFKA_APPEND_MS": "30000",
    "LOG_LEVEL": "ERROR",
}
"""What every life is given: patient with a slow broker, or one would go by the other log, whose points no other passes."""

_numbers: Final = count()


def _some(chance: random.Random, journal: Journal) -> list[NewRecord]:
    """Return some records of every kind, as another producer would write them: events, a repeat, a conflict, poison.

    The request is of these alone: every time there is something to add to what its items became.
    """
    number = next(_numbers)
    request = f"r{number}"
    name, users = f"point {number}", [f"user {chance.randrange(8)}" for _ in range(3)]
    events: list[Event] = [
        view("jam", user=users[0], event_id=f"{name} a", action="click", request=request),
        view("tea", user=users[0], event_id=f"{name} b"),
        watch("film", user=users[1], event_id=f"{name} c", request=request),
        shown(["jam", "film", "tea"], user=users[1], event_id=f"{name} d", request=request),
        *(view(f"item {chance.randrange(9)}", user=users[2], event_id=f"{name} e{n}") for n in range(4)),
        change(f"item {chance.randrange(9)}", event_id=f"{name} f", title=name),
    ]
    for event in events:
        first = event.items[0].item_id if isinstance(event, Impression) else event.item_id
        journal.note(event.event_id, first, Told.OK)
    conflict = record(view("other", user=users[0], event_id=f"{name} a"))
    poison = raw(f"noise {number}".encode(), user=users[0])
    for bad in (conflict, poison):
        journal.plant(bad.topic, bad.value)
    return [*map(record, events), record(events[1]), conflict, poison]


@dataclass(slots=True)
class Bench:
    """A site with one journal, and the log as the test itself writes to it."""

    site: Site
    ground: Ground
    generation: Generation
    chance: random.Random
    journal: Journal = field(default_factory=Journal)
    sent: list[NewRecord] = field(default_factory=list)

    async def send(self) -> None:
        """Append some records of every kind, and one that was applied before."""
        records = _some(self.chance, self.journal)
        # Once more what was sent last time, under another id at the door, which knows its own.
        again = [one._replace(id_hash=self.chance.randbytes(16)) for one in self.sent[1:2]]
        verdicts = await self.ground.log.append([*again, *records], atomic=True)
        assert set(verdicts) == {Verdict.OK}, verdicts
        self.sent = records

    async def owners(self) -> set[str]:
        """Return who owns partitions."""
        return {one.owner for one in await self.ground.operations(self.generation).partitions() if one.owner and one.leased}

    async def owns_all(self, worker: Process) -> bool:
        """Return whether every partition is this worker's."""
        partitions = await self.ground.operations(self.generation).partitions()
        return all(one.leased and owner(one) == worker.pid for one in partitions)

    async def applied(self) -> bool:
        """Return whether all is applied."""
        return not await oracle.left(self.ground, self.generation)


async def worker_points(trial: Trial) -> Tried:
    """Kill a worker at every point that it passes in its life."""
    return await _sweep(trial, life_of_a_worker, lambda _: True)


async def api_points(trial: Trial) -> Tried:
    """Kill an API at every point of the log that it passes."""
    names = {f"sql {name}" for name in _names("headrace.log.postgres")}
    return await _sweep(trial, life_of_an_api, lambda what: what.startswith(("log ", "kafka ")) or what in names)


def _names(package: str) -> Mapping[str, str]:
    return Queries(package)._placed


async def _sweep(trial: Trial, live: Life, wanted: Callable[[str], bool]) -> Tried:
    """Let one process live to tell which points there are; then one for each, which dies there."""
    tried = Tried()
    async with AsyncExitStack() as stack:
        benches = [await _bench(stack, trial, number) for number in range(SHARDS)]
        census = benches[0].site.home / "census"
        await live(benches[0], None, census)
        passes = {place: number for place, number in passed(census).items() if wanted(place[0])}
        places = sorted(passes)
        random.Random(trial.seed).shuffle(places)
        places = places[: trial.size(len(places), 3)]
        queue = iter(places)

        async def shard(bench: Bench) -> None:
            for place in queue:
                await _die_at(bench, live, place, passes[place], tried)

        await asyncio.gather(*map(shard, benches))
        tried.how_often = len(places)
        for bench in benches:
            judged = Tried()
            judged.add(await oracle.judge(bench.site.settings, bench.journal))
            tried.acknowledged += judged.acknowledged
            tried.counted += judged.counted
            tried.lost += judged.lost
            tried.doubled += judged.doubled
            tried.dead_lettered += judged.dead_lettered
    kinds = len({what for what, _ in passes})
    tried.note = f"{len(passes)} points around {kinds} statements and calls; the oracle after each"
    return tried


async def _bench(stack: AsyncExitStack, trial: Trial, number: int) -> Bench:
    site = await stack.enter_async_context(trial.site(dict(ENVIRONMENT)))
    ground, generation = await stack.enter_async_context(wiring.opened(site.patient))
    return Bench(site, ground, generation, random.Random(trial.seed + number), Journal(names=site.settings.log.names))


async def _die_at(bench: Bench, live: Life, place: Place, passes: int, tried: Tried) -> None:
    for attempt in range(TRIES):
        point = Point(*place, nth=1 if attempt else bench.chance.randint(1, min(passes, MOST_PASSES)))
        process = await live(bench, point, None)
        if process.ended == -signal.SIGKILL:
            break
        tried.hold(process.ended == 0, f"{point.name}: the process ended with {process.ended}")
    else:
        tried.wrong.append(f"{point.name}: never reached")
        return
    judged = await oracle.judge(bench.site.settings, bench.journal)
    tried.wrong.extend(f"{point.name}, pass {point.nth}: {complaint}" for complaint in judged.complaints())


async def life_of_a_worker(bench: Bench, armed: Point | None, census: Path | None) -> Process:
    """Let a worker start, apply, share with a second one and leave; then let the second finish what is left."""
    await bench.send()
    process = bench.site.start("worker", armed=armed, census=census)

    def dead() -> bool:
        return process.ended is not None

    async def dead_or_done() -> bool:
        return dead() or await bench.applied()

    await until(dead_or_done, "the worker applies what is there")
    await bench.send()  # a repeat of what is applied among it, so that known ids are met
    await until(dead_or_done, "the worker applies what came while it was at work")
    before = await bench.owners()
    second = bench.site.start("worker")

    async def dead_or_shared() -> bool:
        return dead() or bool(await bench.owners() - before)

    await until(dead_or_shared, "the second worker has a share")
    process.send(signal.SIGTERM)
    await process.end(within_s=10)
    await until(lambda: bench.owns_all(second), "the second worker has all partitions")
    await until(bench.applied, "the second worker applies the rest")
    await _leave(second)
    return process


async def _leave(process: Process) -> None:
    process.send(signal.SIGTERM)
    code = await process.end(within_s=10)
    assert code == 0, f"a {process.role} that was asked to leave ended with {code}"


async def life_of_an_api(bench: Bench, armed: Point | None, census: Path | None) -> Process:
    """Let an API start, take events of every kind, answer and leave; then let a second one take what is uncertain."""
    process = bench.site.start("api", armed=armed, census=census)
    number = next(_numbers)

    async def dead_or_answering() -> bool:
        return process.ended is not None or await answers(process.port)

    await until(dead_or_answering, "the API answers")
    bodies = [_body(bench.chance, f"api-{number:04}-{n}") for n in range(6)]
    uncertain = [body for body in bodies if not await _posted(bench.journal, process.port, *body)]
    process.send(signal.SIGTERM)
    await process.end(within_s=10)
    second = await bench.site.api(environment={"API_EMBEDDED_WORKER_ENABLED": "true"})

    async def taken() -> bool:
        return all([await _posted(bench.journal, second.port, *body) for body in uncertain])

    await until(taken, "the second API takes what is uncertain")
    await until(bench.applied, "the worker inside applies all")
    await _leave(second)
    return process


def _body(chance: random.Random, event_id: str) -> tuple[str, str, str, bytes]:
    """Return the id, item, route and JSON of an event."""
    item, user, now_ms = f"item {chance.randrange(9)}", f"user {chance.randrange(5)}", time_ns() // 1_000_000
    head = f'"event_id":"{event_id}","user_id":"{user}"'
    if chance.random() < 0.5:
        return event_id, item, "/event", f'{{{head},"item_id":"{item}","event_type":"click","ts":{now_ms}}}'.encode()
    text = f'{{{head},"session_id":"s","request_id":"r","item_id":"{item}","ts_ms":{now_ms},"watch_time_sec":9}}'
    return event_id, item, "/log/watch", text.encode()


async def _posted(journal: Journal, port: int, event_id: str, item: str, route: str, text: bytes) -> bool:
    client = Client(port)
    try:
        status = (await client.post(route, text)).status
    except Unheard:
        status = 599
    finally:
        client.close()
    told = Told.OK if status < 300 else Told.REFUSED if status < 500 else Told.UNKNOWN
    journal.note(event_id, item, told)
    return told is Told.OK
