"""The figures behind the operator's routes, true in both modes because they are read from where they are kept."""

import asyncio

import msgspec

from headrace import telemetry
from headrace.api.services import (
    BaselineMetrics,
    FeatureLoop,
    PartitionFigures,
    Readiness,
    WorkerFigures,
    WorkerRuntime,
    WorkerTopics,
)
from headrace.errors import Unavailable
from headrace.log.port import Topic
from headrace.snapshot.follower import Follower
from headrace.store import generations
from headrace.store.generations import Generation
from headrace.store.operations import Partition, WorkerReport
from headrace.telemetry import merging
from headrace.wiring.ground import Ground

STALE_MS = 2_000
LOOK_S = 1.0
LOOKS_BEFORE_COUNTING = 10
"""Open dead letters may be many; they are counted, and the archives measured, at every tenth look."""


class Reported(msgspec.Struct):
    """What a worker reports of itself: its page of metrics."""

    page: str = ""
    process: str = ""


class Figures:
    """Reads the figures of the group's main generation, which another one may become."""

    def __init__(self, ground: Ground, follower: Follower) -> None:
        self._ground = ground
        self._follower = follower
        self._generation: Generation | None = None
        self._missing: list[str] = []
        self._looks = 0

    def prepared(self, generation: Generation) -> None:
        """Take the generation, once the database is up to date."""
        self._generation = generation

    def readiness(self) -> Readiness:
        """Return whether answers can be given, and what is missing; from memory."""
        age_ms = self._follower.age_ms
        missing = list(self._missing)
        if self._follower.trouble is not None and self._follower.trouble not in missing:
            missing.append(self._follower.trouble)
        if age_ms is None:
            return Readiness(status="unavailable", missing=missing or ["snapshot"])
        if age_ms > STALE_MS and not missing:
            missing.append("snapshot")
        return Readiness(status="degraded" if missing else "ready", missing=missing, snapshot_age_ms=age_ms)

    async def watch(self) -> None:
        """Keep an eye on what ``readiness`` tells, for as long as it runs."""
        while True:
            away = ["kafka"] if self._ground.carrier.away else []
            try:
                self._missing = [*away, *(one for one in await self._look() if one not in away)]
            except Unavailable as error:
                self._missing = [*away, *({error.what} - set(away))]
            await asyncio.sleep(LOOK_S)

    async def baseline(self, days: int) -> BaselineMetrics:
        """Return the KPIs of the last days. Raises ``Unavailable``."""
        generation = self._prepared()
        found = await self._ground.operations(generation).outcomes(days, self._ground.clock.now_ms())
        return BaselineMetrics(
            window_days=days,
            requests=found.requests,
            impressions=found.shown,
            watches=found.watches,
            watched_impressions=found.followed,
            ctr_at_20_pct=_percent(found.followed, found.shown),
            avg_watch_time_sec=round(found.watch_seconds / found.watches, 3) if found.watches else 0.0,
            catalog_coverage_at_20_pct=_percent(found.items_shown, found.items),
        )

    async def worker_figures(self) -> WorkerFigures:
        """Return how the workers are. Raises ``Unavailable``."""
        settings = self._ground.settings
        operations = self._ground.operations(self._prepared())
        partitions = await operations.partitions()
        workers = await operations.workers(settings.stream.lease_ms)
        ends = await self._ground.log.ends()
        latest = max(partitions, key=lambda one: one.last_applied_at_ms)
        return WorkerFigures(
            enabled=True,
            is_running=any(worker.alive for worker in workers),
            mode="embedded" if settings.api.embedded_worker else "external",
            group_id=settings.stream.group_id,
            topics=WorkerTopics(
                impression=settings.log.topic_impression,
                watch=settings.log.topic_watch,
                dlq=settings.log.topic_dlq,
                interaction=settings.log.topic_interaction,
            ),
            auto_offset_reset=settings.stream.auto_offset_reset,
            processed_count=sum(sum(one.counted.values()) + sum(one.duplicates.values()) + one.dead for one in partitions),
            dlq_count=sum(one.dead for one in partitions),
            runtime=WorkerRuntime(
                last_consumer_lag_ms=await self._lag_ms(partitions, ends),
                last_event_to_feature_latency_ms=latest.last_latency_ms if latest.last_applied_at_ms else None,
                last_processed_at_ms=latest.last_applied_at_ms or None,
            ),
            feature_loop=FeatureLoop(
                watch_feature_updates=sum(one.counted.get(Topic.WATCH, 0) for one in partitions),
                watch_duplicates=sum(one.duplicates.get(Topic.WATCH, 0) for one in partitions),
                history_size=self._prepared().rules.settings.history_size,
            ),
            partitions=[
                PartitionFigures(
                    partition=one.partition,
                    owner=one.owner if one.leased else None,
                    applied=one.applied,
                    lag_records=waiting(one, ends),
                    halted=one.halted,
                )
                for one in partitions
            ],
        )

    async def worker_metrics(self) -> str:
        """Return the workers' metrics as one page. Raises ``Unavailable``."""
        workers = await self._ground.operations(self._prepared()).workers_of_group(self._ground.settings.stream.lease_ms)
        # A process tells its page with its worker on the main generation; after a flip that is another one.
        newest = {report.process or one.worker_id: (report.page, one.alive) for one, report in map(_reported, workers)}
        pages = [page for page in newest.values() if page[0]]
        return await asyncio.to_thread(merging.merge, pages)  # many pages take a while, and requests are answered meanwhile

    def _prepared(self) -> Generation:
        if self._generation is None:
            raise Unavailable("postgres", "the database is not ready yet")
        return self._generation

    async def _look(self) -> list[str]:
        if self._generation is None:
            return []  # until then there is no picture either, and readiness says why
        ground = self._ground
        main = await generations.find(ground.database, ground.space, ground.settings.stream.group_id)
        self._generation = main or self._generation
        operations = ground.operations(self._generation)
        missing = []
        if not await operations.alive(self._ground.settings.stream.lease_ms):
            missing.append("worker")
        halted = [one.partition for one in await operations.partitions() if one.halted is not None]
        telemetry.HALTED_PARTITIONS.set(len(halted))
        if self._looks % LOOKS_BEFORE_COUNTING == 0:
            telemetry.DEAD_LETTERS_OPEN.set(await operations.open_dead_letters())
            for table, size in (await operations.archive_bytes()).items():
                telemetry.ARCHIVE_BYTES.labels(table).set(size)
        self._looks += 1
        if halted:
            missing.append(f"partitions halted: {', '.join(map(str, halted))}")
        return missing

    async def _lag_ms(self, partitions: list[Partition], ends: dict[tuple[Topic, int], int]) -> int:
        """Return how long the oldest record that is not applied has waited; 0 when all are."""
        oldest: list[int] = []
        for one in partitions:
            if waiting(one, ends):
                records = await self._ground.log.read(one.partition, one.positions, limit=1)
                oldest.extend(record.timestamp_ms for record in records)
        return max(0, self._ground.clock.now_ms() - min(oldest)) if oldest else 0


def waiting(partition: Partition, ends: dict[tuple[Topic, int], int]) -> int:
    """Return how many records of this partition are not applied yet."""
    return sum(max(0, ends.get((topic, partition.partition), 0) - at) for topic, at in partition.positions.items())


def _reported(worker: WorkerReport) -> tuple[WorkerReport, Reported]:
    return worker, msgspec.json.decode(worker.figures, type=Reported)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 4) if whole else 0.0
