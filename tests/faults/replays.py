"""A replay of a large archive under live load: the only worker killed on the way, compared, flipped to, returned from.

The row ``replay`` of the table says whether it holds; this tells all its figures, at a size of your choice:

    ./venv/bin/python -m tests.faults.replays --events 1000000
"""

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Final

import msgspec

from headrace import wiring
from headrace.events.types import Event
from headrace.store.generations import Generation
from headrace.wiring.ground import Ground
from headrace.wiring.replays import Progress, Replays
from tests.faults import oracle
from tests.faults.client import Client, Unheard
from tests.faults.journal import Journal, Told
from tests.faults.load import Load
from tests.faults.rows.poison import append
from tests.faults.site import Site, until
from tests.faults.trial import Trial, Tried, drain_and_judge
from tests.stream.world import T0, record, view, watch

EVENTS: Final = 1_000_000
KILLS: Final = 20
AT_ONCE: Final = 20_000
ITEMS: Final = 20_000
READS_A_SECOND: Final = 200
EVENTS_A_SECOND: Final = 300
OTHER_WINDOW: Final = 3
PATIENCE_S: Final = 1800.0
QUIET_S: Final = 30.0
YEAR_MS: Final = 365 * 86_400_000


@dataclass(slots=True)
class Figures:
    """What a replay under load came to: seconds of each step, milliseconds of the answers meanwhile, errors."""

    seconds: dict[str, float] = field(default_factory=dict)
    p99_ms: dict[str, float] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    kills: int = 0
    events_a_second: float = 0.0
    same_lists: float = 0.0
    verified: dict[int, bool] = field(default_factory=dict)


async def replayed(
    trial: Trial, tried: Tried, tell: Callable[[str], None] = lambda _: None, *, window: int = OTHER_WINDOW
) -> Figures:
    """Do it all and return what was measured."""
    figures, events = Figures(), trial.size(EVENTS, 5000)
    async with trial.site() as site:
        api = await site.api()
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        async with wiring.opened(site.settings) as (ground, generation):
            await _archive(ground, events, trial.seed, journal)
            tell("the past is in the log")
            operations = ground.operations(generation)

            async def archived() -> bool:
                return sum(one.applied for one in await operations.partitions()) >= events

            figures.seconds["archived"] = await until(archived, "the past is archived", within_s=PATIENCE_S)
            tell(f"the past is archived: {figures.seconds}")
            load = Load(
                journal, [api.port], seed=trial.seed, events=10**9, batch=10, senders=2, name="live", per_second=EVENTS_A_SECOND
            )
            sending = asyncio.create_task(load.run())
            readers = Readers(api.port, events // 8, trial.seed)
            async with readers.reading(figures):
                readers.phase = "warming"
                await asyncio.sleep(5)
                readers.phase = "before"
                await asyncio.sleep(QUIET_S * min(1.0, 10 * trial.scale))
                replay = await _replay(trial, site, ground, generation, readers, figures, tell, window)
                await _compare_and_flip(site, ground, generation, replay, readers, figures, trial.seed)
                tell(f"flipped and returned: {figures.seconds}")
            load.stop()
            await sending
            await until(lambda: _level(ground, replay), "the replay is level with the log", within_s=PATIENCE_S)
        await drain_and_judge(site, journal, tried)
        tell("judged")
        for one in (generation.number, replay.number):
            async with wiring.verifying(site.settings, one) as verifier:
                figures.verified[one] = (await verifier.verify(lambda *_: None)).equal
        tried.how_often = figures.kills
        tried.wrong.extend(load.seen.odd)
    return figures


async def _replay(
    trial: Trial,
    site: Site,
    ground: Ground,
    generation: Generation,
    readers: "Readers",
    figures: Figures,
    tell: Callable[[str], None],
    window: int,
) -> Generation:
    """Replay the archive with another window, the only worker killed again and again, until it has caught up."""
    loop = asyncio.get_running_loop()
    settings = replace(ground.settings, features=replace(ground.settings.features, window=window))
    replays = Replays(replace(ground, settings=settings), generation)
    began = loop.time()
    readers.phase = "replay"
    replay = await replays.start("archive")
    kills, chance = trial.size(KILLS, 3), random.Random(trial.seed)
    total = (await _progress(replays, replay.number)).left
    for n in range(kills):
        due = total * (n + chance.random()) / (kills + 1)

        async def reached(due: float = due) -> bool:
            return (await _progress(replays, replay.number)).applied >= due

        await until(reached, f"{due:.0f} records are replayed", within_s=PATIENCE_S)
        await site.living("worker")[0].kill()
        site.start("worker")
        figures.kills += 1
        tell(f"{due:,.0f} of {total:,} replayed after {loop.time() - began:.0f} s, {figures.kills} kills")

    async def followed() -> bool:
        return (await replays.standing(replay.number)).state == "followed"

    await until(followed, "the replay has caught up", within_s=PATIENCE_S)
    figures.seconds["replay"] = loop.time() - began
    figures.events_a_second = total / figures.seconds["replay"]
    return replay


async def _compare_and_flip(
    site: Site, ground: Ground, generation: Generation, replay: Generation, readers: "Readers", figures: Figures, seed: int
) -> None:
    loop = asyncio.get_running_loop()
    replays = Replays(ground, generation)
    began = loop.time()
    readers.phase = "diff"
    words = ("replay", "diff", str(replay.number), "--json", "--users", "500", "--seed", str(seed))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "headrace", *words, env=os.environ | site.environment, stdout=asyncio.subprocess.PIPE
    )
    found = json.loads((await process.communicate())[0])
    figures.seconds["diff"] = loop.time() - began
    figures.same_lists = found["equal"]
    for phase, target, ready, moved in (
        ("flip", replay.number, "ready", "moved"),
        ("back", generation.number, "ready to return", "returned"),
    ):
        readers.phase = phase
        flipped = await replays.flip(target, force=False, patience_s=120, tell=lambda _: None)
        figures.seconds[ready], figures.seconds[moved] = flipped.ready_s, flipped.moved_s
        await asyncio.sleep(3)


async def _level(ground: Ground, generation: Generation) -> bool:
    return not await oracle.left(ground, generation)


async def _progress(replays: Replays, number: int) -> Progress:
    return next(one for one in await replays.progress() if one.number == number)


async def _archive(ground: Ground, events: int, seed: int, journal: Journal) -> None:
    chance, now_ms = random.Random(seed), ground.clock.now_ms()  # as an import of history would have come
    for start in range(0, events, AT_ONCE):
        some: list[Event] = []
        for n in range(start, min(start + AT_ONCE, events)):
            user, item = f"u{chance.randrange(events // 8)}", f"i{min(int(chance.paretovariate(0.8)), ITEMS)}"
            ts_ms = T0 - YEAR_MS + n if n % 10 == 0 else T0 + n * 100
            name = f"past-{n:09}"
            make = watch if chance.random() < 0.3 else view
            some.append(
                msgspec.structs.replace(make(item, user=user, event_id=name, ts_ms=ts_ms), server_received_ts_ms=now_ms)
            )
            journal.note(name, item, Told.OK)
        await append(ground.log, [record(event) for event in some])


class Readers:
    """People who ask for recommendations at a steady rate; each answer is filed under the phase it began in."""

    def __init__(self, port: int, users: int, seed: int) -> None:
        self.phase = "before"
        self._port = port
        self._users = users
        self._chance = random.Random(seed)
        self._took: dict[str, list[float]] = {}

    @asynccontextmanager
    async def reading(self, figures: Figures) -> AsyncIterator[None]:
        """Have them ask until the block ends; then tell the figures of each phase."""
        asking = [asyncio.create_task(self._ask(figures, n)) for n in range(4)]
        try:
            yield
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        for phase, took in self._took.items():
            took.sort()
            figures.p99_ms[phase] = 1000 * took[int(0.99 * (len(took) - 1))]
            figures.answers[phase] = len(took)

    async def _ask(self, figures: Figures, number: int) -> None:
        loop, client = asyncio.get_running_loop(), Client(self._port)
        due = loop.time() + number / READS_A_SECOND
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = max(due + 4 / READS_A_SECOND, loop.time() - 1)
            phase, began = self.phase, loop.time()
            try:
                user = f"u{self._chance.randrange(self._users)}"
                answer = await client.get(f"/reco?user_id={user}&session_id=s&k=20&x_autolog_impressions=false")
            except Unheard as error:
                figures.errors.append(str(error))
                continue
            self._took.setdefault(phase, []).append(loop.time() - began)
            if answer.status != 200:
                figures.errors.append(f"{answer.status} {answer.body[:100]!r}")


def _tell(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def main() -> None:
    """Run it and print what came of it; code 1 where something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--seed", type=int, default=20)
    more = "the window the replay counts with; the live generation's is 10, with an equal one the lists are equal"
    parser.add_argument("--window", type=int, default=OTHER_WINDOW, help=more)
    given = parser.parse_args()
    tried = Tried()
    trial = Trial("postgres", given.events / EVENTS, given.seed)
    figures = asyncio.run(replayed(trial, tried, _tell, window=given.window))
    told = asdict(figures) | {
        "acknowledged": tried.acknowledged,
        "counted": tried.counted,
        "lost": tried.lost,
        "doubled": tried.doubled,
        "wrong": tried.wrong,
    }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    raise SystemExit(bool(figures.errors or tried.wrong or not all(figures.verified.values())))


if __name__ == "__main__":
    main()
