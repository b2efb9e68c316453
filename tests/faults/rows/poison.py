"""Records that can never be applied: a few among many, huge ones, nothing else for a while; and a store that refuses them."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from headrace import wiring
from headrace.errors import Unavailable
from headrace.events import codec
from headrace.events.types import Event
from headrace.intake import TOPIC_OF
from headrace.log.port import Log, NewRecord, Topic, Verdict
from headrace.store.generations import Generation
from headrace.store.sql import DEFAULT_SPACE, generation_schema
from headrace.stream.dead_letters import LARGEST_PAYLOAD
from headrace.wiring.ground import Ground
from tests.faults.journal import Journal, Told
from tests.faults.site import Site, until
from tests.faults.trial import Trial, Tried, drain_and_judge
from tests.stream.world import change, raw, record, shown, view, watch

RECORDS: Final = 100_000
MEGABYTES: Final = 50
"""Poisons of a megabyte among them; the others are small."""

AT_ONCE: Final = 500
USERS: Final = 2000


def poisons(chance: random.Random, number: int, megabytes: int) -> list[NewRecord]:
    """Return so many poisons of every kind, some of them of a megabyte (a little less: what one message may hold)."""
    good = codec.encode(view(event_id="poison"))
    kinds: list[Callable[[int], bytes]] = [
        lambda n: b"noise %d" % n,
        lambda n: good[:-1] + b',"a":%d' % n,
        lambda n: good.replace(b'"jam"', b'"\xff\xfe%d"' % n),
        lambda _: b"",
        lambda n: good.replace(b'"jam"', b"%d" % n),
        lambda n: b'{"v":7,"n":%d}' % n,
        lambda n: good.replace(b'"jam"', b'"%s"' % (b"x" * (200 + n))),
        lambda n: b"[" * 50_000 + b"%d" % n,
    ]
    values = [kinds[n % len(kinds)](n) for n in range(number - megabytes)]
    values += [b'{"v":1,"n":%d,"a":"%s"' % (n, b"y" * 999_000) for n in range(megabytes)]
    return [raw(value, user=_user(chance), topic=chance.choice(list(Topic))) for value in values]


def _user(chance: random.Random) -> str:
    return f"user {chance.randrange(USERS)}"


def an_event(chance: random.Random, name: str, journal: Journal) -> Event:
    """Return an event of chance, noted as acknowledged."""
    user, item = _user(chance), f"item {chance.randrange(500)}"
    journal.note(name, item, Told.OK)
    kind = chance.randrange(10)
    if kind == 0:
        return shown([item, "jam"], user=user, event_id=name)
    if kind == 1:
        return change(item, event_id=name, title=name)
    return watch(item, user=user, event_id=name) if kind < 5 else view(item, user=user, event_id=name)


async def append(log: Log, records: Sequence[NewRecord]) -> None:
    """Append records as another producer would, again while the log is away."""
    for start in range(0, len(records), AT_ONCE):
        part = records[start : start + AT_ONCE]
        async with asyncio.timeout(60):
            while True:
                try:
                    verdicts = await log.append(part, atomic=False)
                except Unavailable:
                    await asyncio.sleep(0.05)
                    continue
                break
        assert set(verdicts) <= {Verdict.OK, Verdict.DUPLICATE}, verdicts


@asynccontextmanager
async def _written(site: Site) -> AsyncIterator[tuple[Ground, Generation, asyncpg.Connection]]:
    """Yield the ground, its generation, and a connection that looks behind everybody's back."""
    async with wiring.opened(site.patient) as (ground, generation):
        connection = await asyncpg.connect(site.environment["DATABASE_URL"])
        await connection.execute(f"SET search_path = {generation_schema(DEFAULT_SPACE, generation.number)}")
        try:
            yield ground, generation, connection
        finally:
            await connection.close()


async def one_percent(trial: Trial) -> Tried:
    """Mix one poison into every hundred records of a hundred thousand."""
    tried, chance = Tried(), random.Random(trial.seed)
    number = trial.size(RECORDS, 2000)
    async with trial.site() as site:
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        bad = poisons(chance, number // 100, trial.size(MEGABYTES, 2))
        for poison in bad:
            journal.plant(poison.topic, poison.value)
        good = [an_event(chance, f"good-{n:07}", journal) for n in range(number - len(bad))]
        records = [record(event) for event in good] + bad
        assert all(one.topic is TOPIC_OF[type(event)] for one, event in zip(records, good, strict=False))
        chance.shuffle(records)
        async with _written(site) as (ground, _, connection):
            await append(ground.log, records)
            await drain_and_judge(site, journal, tried)
            kinds = await connection.fetch("SELECT error_type, count(*) AS n FROM dead_letters GROUP BY 1 ORDER BY 1")
        tried.how_often = len(bad)
        tried.note = ", ".join(f"{row['error_type']} {row['n']}" for row in kinds)
    return tried


async def giant(trial: Trial) -> Tried:
    """Plant a poison far larger than any limit of an envelope between two good records."""
    tried, chance = Tried(how_often=1), random.Random(trial.seed)
    size = 20_000_000 if trial.log == "postgres" else 999_000
    async with trial.site() as site:
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        poison = raw(b"\x00\xff" * (size // 2), user="anna")
        journal.plant(poison.topic, poison.value)
        events = [an_event(chance, f"good-{n}", journal) for n in range(100)]
        async with _written(site) as (ground, _, connection):
            await append(ground.log, [*map(record, events[:50]), poison, *map(record, events[50:])])
            await drain_and_judge(site, journal, tried)
            row = await connection.fetchrow("SELECT length(payload) AS kept, payload_bytes FROM dead_letters")
        assert row is not None
        tried.hold(row["payload_bytes"] == size, f"the letter tells {row['payload_bytes']} bytes of {size}")
        tried.hold(row["kept"] <= LARGEST_PAYLOAD, f"{row['kept']} bytes are kept")
        tried.note = f"{size:,} bytes, {row['kept']:,} kept, with size and SHA-256 of all"
    return tried


async def nothing_but_poison(trial: Trial) -> Tried:
    """Send nothing but poison for ten seconds: the brake holds, nothing is dropped; released, all is told apart."""
    tried, chance = Tried(), random.Random(trial.seed)
    async with trial.site({"HEADRACE_LOG_PARTITIONS": "4"}) as site:
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        async with _written(site) as (ground, generation, connection):
            operations = ground.operations(generation)
            await append(ground.log, [record(an_event(chance, f"before-{n}", journal)) for n in range(500)])
            loop = asyncio.get_running_loop()
            until_s = loop.time() + trial.size(10, 1)
            while loop.time() < until_s:
                bad = poisons(chance, 200, 0)
                for poison in bad:
                    journal.plant(poison.topic, poison.value)
                tried.how_often += len(bad)
                await append(ground.log, bad)
                await asyncio.sleep(0.05)  # a client at a steady pace

            async def halted() -> bool:
                return all(one.halted is not None for one in await operations.partitions())

            await until(halted, "every partition halts at the brake")
            dead = await connection.fetchval("SELECT count(*) FROM dead_letters")
            tried.hold(dead <= 4 * 100, f"{dead} were poured into the dead letters before the brake held")
            await append(ground.log, [record(an_event(chance, f"after-{n}", journal)) for n in range(2000)])
            began = loop.time()
            await operations.resume()
            await drain_and_judge(site, journal, tried)
            tried.recovered(loop.time() - began)
            tried.note = f"halted with {dead} dead letters; after `headrace stream resume` everything was told apart"
    return tried


async def refusing_store(trial: Trial) -> Tried:
    """Let the table of dead letters refuse every row: no offset moves until it takes them."""
    tried, chance = Tried(how_often=1), random.Random(trial.seed)
    async with trial.site({"HEADRACE_LOG_PARTITIONS": "4"}) as site:
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        async with _written(site) as (ground, generation, connection):
            operations = ground.operations(generation)
            await connection.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;"
                "CREATE TRIGGER refuse BEFORE INSERT ON dead_letters FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
            before = [(one.positions, one.applied) for one in await operations.partitions()]
            bad = [raw(f"noise {n}".encode(), user=_user(chance)) for n in range(40)]
            for poison in bad:
                journal.plant(poison.topic, poison.value)
            records = [*bad, *(record(an_event(chance, f"good-{n}", journal)) for n in range(400))]
            chance.shuffle(records)
            await append(ground.log, records)
            retried = site.words
            await until(lambda: retried().count("batch_waits") >= 12, "every partition tries again and again")
            after = [(one.positions, one.applied) for one in await operations.partitions()]
            tried.hold(before == after, "an offset moved")
            tried.hold(not await connection.fetchval("SELECT count(*) FROM dead_letters"), "a letter was stored")
            await connection.execute("DROP TRIGGER refuse ON dead_letters")
            loop = asyncio.get_running_loop()
            began = loop.time()
            await drain_and_judge(site, journal, tried)
            tried.recovered(loop.time() - began)
    return tried
