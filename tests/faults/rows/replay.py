"""A replay of everything that was ever applied into a new generation, while live ingest goes on and workers are killed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from headrace import wiring
from headrace.store.generations import Generation
from headrace.store.verification import Verifier
from headrace.wiring.ground import Ground
from headrace.wiring.replays import Progress, Replays
from tests.faults.client import Client, Unheard
from tests.faults.journal import Journal
from tests.faults.load import Load
from tests.faults.rows.kills import EVENTS, LEASE_MS, WORKERS
from tests.faults.site import Process, Site, until
from tests.faults.trial import Trial, Tried, drain_and_judge

KILLS: Final = 20
LIVE_PER_S: Final = 300.0
BEFORE: Final = 1000
"""Answers of ``/reco`` that are measured before the replay begins."""

PATIENCE_S: Final = 900.0
UNNOTICED_MS: Final = 20.0
"""A p99 below this is as good as none: twice next to nothing is next to nothing."""


@dataclass(slots=True)
class Asking:
    """Asks ``/reco`` again and again, and keeps how long each answer took and which were none."""

    port: int
    seed: int
    took_ms: list[float] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Ask until cancelled."""
        client, chance, loop = Client(self.port), random.Random(self.seed), asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                try:
                    path = f"/reco?user_id=u{chance.randrange(1000)}&session_id=s&k=20&x_autolog_impressions=false"
                    answer = await client.get(path)
                    if answer.status != 200 or not answer.json()["items"]:
                        self.odd.append(f"/reco: {answer.status} {answer.body[:80]!r}")
                except Unheard as error:
                    self.odd.append(f"/reco: {error}")
                self.took_ms.append((loop.time() - began) * 1000)
                await asyncio.sleep(0.01)  # a steady stream of requests
        finally:
            client.close()

    def p99(self, start: int, end: int | None = None) -> float:
        """Return the 99th percentile of the answers from one number to another."""
        took = sorted(self.took_ms[start:end])
        return took[int(len(took) * 0.99)] if took else 0.0


async def replay(trial: Trial) -> Tried:
    """Replay a million events beside live ingest, kill workers twenty times meanwhile, flip readers over, back, and over."""
    tried, chance = Tried(), random.Random(trial.seed)
    async with _applied(trial) as (site, journal, api), wiring.looked_at(site.settings) as (ground, main):
        replays = Replays(ground, main)
        live = Load(
            journal, [api.port], seed=trial.seed + 1, events=10**9, batch=10, senders=2, name="live", per_second=LIVE_PER_S
        )
        asking = Asking(api.port, trial.seed)
        sending, reading = asyncio.create_task(live.run()), asyncio.create_task(asking.run())
        await until(lambda: len(asking.took_ms) >= BEFORE, "answers before the replay are measured")
        before, loop = len(asking.took_ms), asyncio.get_running_loop()
        began = loop.time()
        made = await replays.start("archive")
        await _kill_while_building(site, replays, made.number, chance, trial.size(KILLS, 2), tried)
        built_s, during = loop.time() - began, len(asking.took_ms)
        flips = [
            await replays.flip(number, force=False, patience_s=60, tell=lambda _: None)
            for number in (made.number, main.number, made.number)
        ]
        live.stop()
        await sending
        reading.cancel()
        await asyncio.wait([reading])
        await drain_and_judge(site, journal, tried)
        for generation in (main, made):
            await _verify(ground, generation, tried)
        tried.wrong += asking.odd[:5] + live.seen.odd
        old, new = asking.p99(0, before), asking.p99(before, during)
        tried.hold(new <= max(2 * old, UNNOTICED_MS), f"the p99 of /reco went from {old:.1f} to {new:.1f} ms")
        slowest = max(flip.moved_s for flip in flips)
        tried.hold(slowest <= 1, f"a flip took {slowest:.2f} s")
    tried.note = (
        f"built in {built_s:.0f} s; flipped, back and again within {slowest:.2f} s each, {len(asking.odd)} errors in"
        f" {len(asking.took_ms):,} answers; p99 of /reco {old:.1f} ms before, {new:.1f} during; both generations verified"
    )
    return tried


@asynccontextmanager
async def _applied(trial: Trial) -> AsyncIterator[tuple[Site, Journal, Process]]:
    """Yield a site where the stated number of events is applied: the one that a row before left, or a new one."""
    if trial.left is not None:
        site, journal = trial.left
        yield site, journal, site.living("api")[0]
        return
    async with trial.site({"HEADRACE_STREAM_LEASE_MS": str(LEASE_MS)}) as site:
        api = await site.api()
        for _ in range(WORKERS):
            site.start("worker")
        journal = Journal(names=site.settings.log.names)
        await Load(journal, [api.port], seed=trial.seed, events=trial.size(EVENTS, 3000)).run()
        yield site, journal, api


async def _kill_while_building(
    site: Site, replays: Replays, number: int, chance: random.Random, kills: int, tried: Tried
) -> None:
    """Kill a worker whenever another share of the replay is done, until it has caught up."""
    first = await _progress(replays, number)
    whole = first.applied + first.left
    for kill in range(kills):
        due = whole * (kill + chance.random()) / (kills + 1)
        await until(lambda due=due: _applied_to(replays, number, due), f"{due:.0f} are replayed", within_s=PATIENCE_S)
        await chance.choice(site.living("worker")).kill()
        site.start("worker")
        tried.how_often += 1
    await until(lambda: _followed(replays, number), "the new generation has caught up", within_s=PATIENCE_S)


async def _progress(replays: Replays, number: int) -> Progress:
    return next(one for one in await replays.progress() if one.number == number)


async def _applied_to(replays: Replays, number: int, due: float) -> bool:
    return (await _progress(replays, number)).applied >= due


async def _followed(replays: Replays, number: int) -> bool:
    one = await _progress(replays, number)
    return one.state == "followed" and one.left < LIVE_PER_S  # a second behind what comes meanwhile


async def _verify(ground: Ground, generation: Generation, tried: Tried) -> None:
    proof = await Verifier(ground.database, generation, space=ground.space).verify(lambda *_: None)
    different = [one.table for one in proof.comparisons if one.different]
    tried.hold(proof.equal, f"generation {generation.number} differs from its recomputation: {different}")
    tried.hold(proof.events, f"generation {generation.number} is empty")
