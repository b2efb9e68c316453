"""What every measure needs: the stores, the load's lines, rounds with their CPU shares, durations full or quick."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks import world, wrk
from benchmarks.progress import Progress
from benchmarks.station import Station, standing
from benchmarks.stores import ACTIONS, Stores
from benchmarks.wrk import Burst
from headrace.clock import Clock

LINES: Final = 40_000
QUICK_LINES: Final = 4_000
SEED: Final = 20_261_123
WARM_S: Final = 3.0


class NotMeasured(Exception):
    """A row that cannot be measured here; the message says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One run; ``quick`` shortens everything: such figures say only that the harness works."""

    stores: Stores
    progress: Progress
    clock: Clock
    quick: bool

    def seconds(self, full: float) -> float:
        """Return how long to measure what takes so long in a full run."""
        return 2.0 if self.quick else full

    def rounds(self, full: int) -> int:
        """Return how many rounds to make."""
        return 2 if self.quick else full

    @asynccontextmanager
    async def station(self, store: Path, *, api: bool = True, worker: bool = True, bare: bool = True) -> AsyncIterator[Station]:
        """Yield a station on a copy of this store, with API, worker and empty handlers running."""
        with ExitStack() as stack:
            self.progress.step("copying the store")
            home = stack.enter_context(self.stores.copied(store))
            self.progress.step("starting")
            async with standing(home) as station:
                if worker:
                    await station.start_worker()
                if api:
                    await station.start_api()
                if bare:
                    await station.start_bare()
                yield station

    async def burst(
        self,
        station: Station,
        target: str,
        script: str,
        lines: list[str],
        *,
        seconds: float,
        connections: int = wrk.CONNECTIONS,
        rate: float | None = None,
    ) -> tuple[Burst, dict[str, Any]]:
        """Load one process by wrk; return what it measured, and that as a round's numbers with every process's cores."""
        self.progress.step(f"{target}{'' if rate is None else f' at {rate:,.0f}/s'}, {seconds:g} s")
        before, began = station.cpu_seconds(), self.clock.monotonic()
        found = await wrk.run(script, station.processes[target].url, lines, seconds=seconds, connections=connections, rate=rate)
        took = self.clock.monotonic() - began
        station.check()
        return found, told(target, found, cores(before, station.cpu_seconds(), took) | {"wrk": found.cpu_seconds / took})

    async def warm(self, station: Station, script: str, lines: list[str], *targets: str) -> None:
        """Load processes for a few seconds that do not count."""
        for target in targets:
            await self.burst(station, target, script, lines, seconds=self.seconds(WARM_S))
        await station.drained(120)

    @property
    def lines(self) -> int:
        """Return how many different requests a load goes round in."""
        return QUICK_LINES if self.quick else LINES

    async def known(self, station: Station, *, users: int | None = None) -> None:
        """Ask the API for everybody whom ``paths`` names, so that the rounds find all of them in memory."""
        self.progress.step("everybody is asked for once")
        paths = self.paths(autolog=False, users=users)
        await wrk.once(station.processes["api"].url, paths, seconds=self.seconds(10))

    def paths(self, *, autolog: bool, users: int | None = None) -> list[str]:
        """Return ``/reco`` of people drawn evenly, of the first ``users`` where given."""
        chance = Random(f"{SEED} paths")
        tail = "" if autolog else "&x_autolog_impressions=false"
        most = users or self.stores.size.users
        drawn = (chance.randrange(most) for _ in range(self.lines))
        return [f"/reco?user_id={world.user_id(user)}&session_id=load-{user}{tail}" for user in drawn]

    def events(self) -> list[str]:
        """Return bodies of events in new sessions of the world, each without its beginning: id and time."""
        lines = []
        for turn, session in enumerate(world.endless(self.stores.size, SEED)):
            for step, item in enumerate(session.items):
                kind = ACTIONS[(turn * 7 + step * 3) % len(ACTIONS)]
                lines.append(
                    f'"user_id":"{world.user_id(session.user)}","item_id":"{world.item_id(item)}","event_type":"{kind}",'
                    f'"session_id":"load-{turn}"}}'
                )
            if len(lines) >= self.lines:
                return lines
        raise AssertionError("the sessions are endless")

    def watches(self) -> list[str]:
        """Return bodies of watches, in the same way."""
        lines = []
        for turn, session in enumerate(world.endless(self.stores.size, SEED)):
            for step, item in enumerate(session.items):
                lines.append(
                    f'"event_type":"watch","user_id":"{world.user_id(session.user)}","item_id":"{world.item_id(item)}",'
                    f'"session_id":"load-{turn}","request_id":"load-{turn}","watch_time_sec":{(turn * 13 + step * 29) % 200},'
                    f'"percent_watched":{(turn * 17 + step * 31) % 100}}}'
                )
            if len(lines) >= self.lines:
                return lines
        raise AssertionError("the sessions are endless")


def cores(before: dict[str, float], after: dict[str, float], seconds: float) -> dict[str, float]:
    """Return how many cores each process used on average."""
    return {name: max(0.0, used - before.get(name, 0.0)) / seconds for name, used in after.items()}


def told(target: str, found: Burst, used: dict[str, float]) -> dict[str, Any]:
    """Return one burst as a round's numbers."""
    return {
        "target": target,
        "per_s": round(found.rate, 1),
        "answered": found.answered,
        "refused": found.refused,
        "broken": found.broken,
        "p50_ms": found.ms(50),
        "p99_ms": found.ms(99),
        "cores": {name: round(share, 3) for name, share in used.items()},
    }


def good(found: Burst) -> float:
    """Return answers in a second that were not refusals; requests that broke are no answers."""
    return (found.answered - found.refused) / found.seconds


def troubles(rounds: list[dict[str, Any]]) -> list[str]:
    """Return a sentence if any request was refused or broke; none where all were answered."""
    refused, broken = sum(one.get("refused", 0) for one in rounds), sum(one.get("broken", 0) for one in rounds)
    return (
        [f"Not all went well: {refused} refused, {broken} without an answer; refusals are not counted."]
        if refused + broken
        else []
    )
