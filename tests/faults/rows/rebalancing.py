"""Workers join, leave and die over a backlog: how fast one is, how fast two are, and how long a dead one's share waits."""

import asyncio
import signal
from typing import Final

from headrace import wiring
from headrace.store.operations import Operations
from tests.faults.journal import Journal
from tests.faults.load import Load
from tests.faults.rows.kills import applied, owner, taken_over
from tests.faults.site import Process, until
from tests.faults.trial import Trial, Tried, drain_and_judge

EVENTS: Final = 600_000
FEWEST: Final = 400_000
"""A worker that joins takes some seconds to start, in which the other goes on: the backlog must outlast it."""

LEASE_MS: Final = 5000
"""What a worker is given where nothing else is set: a killed one's partitions wait for about that long."""

MARGIN: Final = 0.05
"""Share of the backlog that is let pass after a change before speed is measured."""


async def rebalancing(trial: Trial) -> Tried:
    """Work off a backlog with one worker, with two, and with one that inherits from a killed one."""
    tried, events = Tried(), trial.size(EVENTS, FEWEST)
    async with trial.site({"HEADRACE_STREAM_LEASE_MS": str(LEASE_MS)}) as site:
        api = await site.api()
        journal = Journal(names=site.settings.log.names)
        await Load(journal, [api.port], seed=trial.seed, events=events).run()
        async with wiring.looked_at(site.settings) as (ground, generation):
            operations = ground.operations(generation)
            first = site.start("worker")
            alone = await _speed(operations, events, 0.3)
            second = site.start("worker")
            joined = await until(lambda: _owns(operations, second), "the second worker has its share")
            together = await _speed(operations, events, 0.35)
            mine = [one for one in await operations.partitions() if owner(one) == first.pid]
            await first.kill()
            died = await until(lambda: taken_over(operations, mine, first.pid), "the dead one's partitions have an heir")
            third = site.start("worker")
            await until(lambda: _owns(operations, third), "the third worker has its share")
            second.send(signal.SIGTERM)
            left = [one for one in await operations.partitions() if owner(one) == second.pid]
            tried.hold(await second.end(within_s=10) == 0, "the leaving worker's code was not 0")
            gone = await until(lambda: taken_over(operations, left, second.pid), "the leaving one's partitions have an heir")
        tried.how_often = 3
        tried.recovered(died)
        await drain_and_judge(site, journal, tried)
    tried.note = (
        f"one worker {alone:,.0f} events/s, two {together:,.0f}; the second had its share after {joined:.1f} s; partitions of a"
        f" killed worker waited {died:.1f} s (lease {LEASE_MS / 1000:g} s), those of one that left {gone:.1f} s"
    )
    return tried


async def _speed(operations: Operations, events: int, share: float) -> float:
    """Return events a second over a share of the backlog, taken after a margin."""
    loop = asyncio.get_running_loop()
    start = sum(one.applied for one in await operations.partitions()) + events * MARGIN
    await until(lambda: applied(operations, start), "the workers are at work")
    began, first = loop.time(), sum(one.applied for one in await operations.partitions())
    await until(lambda: applied(operations, first + events * share), "a share of the backlog is applied", within_s=300)
    return (sum(one.applied for one in await operations.partitions()) - first) / (loop.time() - began)


async def _owns(operations: Operations, process: Process) -> bool:
    return any(one.leased and owner(one) == process.pid for one in await operations.partitions())
