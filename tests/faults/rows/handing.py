"""A client library that skips ranges of the log, or hands over records of a partition that is no longer ours."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from prometheus_client import Counter

from headrace import telemetry, wiring
from headrace.log.port import Log, StoredRecord, Topic
from headrace.wiring.crew import Crew
from headrace.wiring.logs import relay
from headrace.wiring.processes import background
from tests.faults.journal import Journal
from tests.faults.rows.poison import an_event, append
from tests.faults.trial import Trial, Tried, drain_and_judge
from tests.stream.world import record

RECORDS: Final = 20_000


class Distorting:
    """A client library that leaves a range out of what it hands over, hands records over again, or those of another partition.

    Which, and when, seeded chance has it. The read that follows a skip is an honest one: the record is there after all.
    """

    def __init__(self, log: Log, chance: random.Random) -> None:
        self._log = log
        self._chance = chance
        self._honest = False
        self.skipped = 0
        self.strays = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Be the log in everything else."""
        return getattr(self._log, name)

    async def read(self, partition: int, positions: Mapping[Topic, int], *, limit: int) -> list[StoredRecord]:
        """Read, with a distortion now and then."""
        chance = 1.0 if self._honest else self._chance.random()
        self._honest = False
        if chance < 0.15:
            earlier = {topic: max(0, at - self._chance.randrange(1, 50)) for topic, at in positions.items()}
            self.strays += sum(positions.values()) - sum(earlier.values())
            return await self._log.read(partition, earlier, limit=limit)
        records = await self._log.read(partition, positions, limit=limit)
        if chance < 0.3:
            others = await self._log.read((partition + 1) % self._log.partitions, dict.fromkeys(positions, 0), limit=7)
            self.strays += len(others)
            return [*others, *records]
        several = [topic for topic in Topic if sum(record.topic is topic for record in records) > 2]
        if chance < 0.6 and several:
            topic = self._chance.choice(several)
            offsets = [record.offset for record in records if record.topic is topic]
            start = self._chance.randrange(len(offsets) - 1)
            gone = offsets[start : self._chance.randrange(start + 1, len(offsets))]  # never the last: that is a short read
            self._honest = True
            self.skipped += 1
            return [record for record in records if record.topic is not topic or record.offset not in gone]
        return records


async def skipping_and_straying(trial: Trial) -> Tried:
    """Let every other read skip a range or hand over records again or of another partition."""
    tried, chance = Tried(), random.Random(trial.seed)
    async with trial.site({"KAFKA_WORKER_MAX_POLL_RECORDS": "25"}) as site:
        journal = Journal(names=site.settings.log.names)
        async with wiring.opened(site.settings) as (ground, _):
            log = Distorting(ground.log, chance)
            crew = Crew(replace(ground, log=log))
            before = _told(telemetry.WORKER_REREADS), _told(telemetry.WORKER_STRAYS)
            working = asyncio.create_task(crew.run())
            try:
                async with background(relay(ground.carrier, telemetry.WORKER_RELAYED)):  # a slow broker counts as away
                    for start in range(0, trial.size(RECORDS, 2000), 100):
                        some = [an_event(chance, f"handed-{start + n:07}", journal) for n in range(100)]
                        await append(ground.log, list(map(record, some)))
                    await drain_and_judge(site, journal, tried)
            finally:
                crew.stop()
                await working
            rereads, strays = _told(telemetry.WORKER_REREADS) - before[0], _told(telemetry.WORKER_STRAYS) - before[1]
        tried.how_often = log.skipped + log.strays
        tried.hold(log.skipped and log.strays, "nothing was distorted")
        tried.hold(rereads == log.skipped, f"{log.skipped} reads skipped a range, the metric says {rereads:.0f}")
        tried.hold(strays, "the metric of strays stands still")
        tried.note = f"{log.skipped} ranges skipped, each read again; {strays:.0f} records left aside, as two metrics say"
    return tried


def _told(counter: Counter) -> float:
    return sum(sample.value for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total"))
