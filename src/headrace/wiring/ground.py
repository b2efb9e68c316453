"""What every process stands on: the database brought up to date, the log opened, the group's generation."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from headrace import telemetry
from headrace.clock import Clock
from headrace.config import ConfigurationError, Settings
from headrace.errors import Unavailable
from headrace.log.port import PartitionsDiffer, Topic
from headrace.log.postgres import PostgresLog, retention
from headrace.log.relayed import RelayedLog
from headrace.store import generations
from headrace.store.bindings import bind
from headrace.store.flips import Flips
from headrace.store.generations import Generation
from headrace.store.letters import PostgresLetters
from headrace.store.migrations import migrate_space
from headrace.store.operations import Operations, lowest_positions
from headrace.store.pool import Database
from headrace.stream.outlet import Copier, Outlet
from headrace.wiring.logs import Carrier, carrier_of

T = TypeVar("T")

TIDY_S = 30.0
LEAST_REMEMBERED_MS = 6 * 7 * 86_400_000
MARGIN_MS = 12 * 86_400_000
"""Ids are remembered for six weeks of their event's time, or for longer where the door admits older events."""

LONGEST_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Ground:
    """The parts that a process needs before it does anything."""

    settings: Settings
    clock: Clock
    database: Database
    log: PostgresLog | RelayedLog
    carrier: Carrier

    @property
    def space(self) -> str:
        """Return the schema of the space that is stood on."""
        return self.settings.schema

    @property
    def outlet(self) -> Outlet | None:
        """Return where copies of dead letters go; None where the log has no topic for them: their table is all there is."""
        return self.carrier.outlet

    async def behind(self, positions: Mapping[int, Mapping[Topic, int]]) -> int:
        """Return how many acknowledged records are not below these positions, those on their way included.

        Raises ``Unavailable``.
        """
        carried = await self.carrier.waiting()  # before the ends: what is carried over in between is then behind them
        ends = await self.log.ends()
        standing = (
            max(0, ends.get((topic, partition), 0) - at) for partition, each in positions.items() for topic, at in each.items()
        )
        return carried + sum(standing)

    def operations(self, generation: Generation) -> Operations:
        """Return the operator's view of a generation."""
        return Operations(self.database, generation, space=self.space)

    def letters(self, generation: Generation) -> PostgresLetters:
        """Return the dead letters of a generation."""
        return PostgresLetters(self.database, generation, self.clock, space=self.space, names=self.settings.log.names)


@asynccontextmanager
async def grounded(settings: Settings, clock: Clock, pool: Database | None = None) -> AsyncIterator[Ground]:
    """Yield the ground without touching the database yet; let go of it at the end.

    ``pool`` is one that the process has opened for several spaces and closes itself.
    """
    database = Database(settings.database) if pool is None else pool.share()
    carrier = carrier_of(settings, database, settings.schema)
    try:
        yield Ground(settings, clock, database, carrier.log, carrier)
    finally:
        await carrier.log.close()
        await database.close()


async def prepare(ground: Ground, *, without_log: bool = False) -> Generation:
    """Bring the database up to date, open the log, return the configured group's generation. Raises ``Unavailable``.

    ``without_log`` does without Kafka where the group has its generation already; ``bound`` must then follow before it is read.
    Raises ``LogDiffers`` where the group's positions belong to another log.
    """
    settings = ground.settings
    await migrate_space(ground.database, ground.space)
    await ground.carrier.open(without_log=without_log)
    group_id = settings.stream.group_id
    earliest = settings.stream.auto_offset_reset == "earliest"
    made = await generations.find(ground.database, ground.space, group_id)
    away = without_log and made is not None and ground.carrier.away
    if not away and made is not None:
        await bind(ground.database, ground.space, group_id, ground.log.identity)
    if made is not None and made.partitions != ground.log.partitions:
        raise PartitionsDiffer(
            f"the features of the group {group_id!r} were made from {made.partitions} partitions and the log has"
            f" {ground.log.partitions}: set HEADRACE_LOG_PARTITIONS={made.partitions}, or give KAFKA_WORKER_GROUP_ID a new"
            " name, which builds new features"
        )
    generation = await generations.of_group(
        ground.database,
        ground.space,
        settings.stream.group_id,
        settings.features,
        now_ms=ground.clock.now_ms(),
        partitions=ground.log.partitions,
        start={} if away else await (ground.log.begins() if earliest else ground.log.ends()),
    )
    if made is None:
        await bind(ground.database, ground.space, group_id, ground.log.identity)
    if ground.carrier.memory is not None:
        ground.carrier.memory.look = ground.operations(generation).ids_taken
    if generation.rules.settings != settings.features:
        telemetry.log.warning(
            "feature_settings_differ",
            in_force=str(generation.rules.settings),
            asked=str(settings.features),
            mend="a generation keeps the settings it was made with; another KAFKA_WORKER_GROUP_ID makes a new one",
        )
    return generation


async def bound(ground: Ground) -> None:
    """Make sure that the group's positions belong to the log that is read, as soon as that is there.

    Raises ``LogDiffers`` where they do not.
    """
    await patiently(lambda: _bind(ground))


async def _bind(ground: Ground) -> None:
    await bind(ground.database, ground.space, ground.settings.stream.group_id, ground.log.identity)


async def look(ground: Ground) -> Generation:
    """Return the configured group's generation without making one.

    Raises ``ConfigurationError`` where the group has none, and ``Unavailable``.
    """
    await migrate_space(ground.database, ground.space)
    await ground.log.open()
    group_id = ground.settings.stream.group_id
    await generations.bring_up_to_date(ground.database, ground.space)
    if not ground.carrier.away:
        await bind(ground.database, ground.space, group_id, ground.log.identity)
    generation = await generations.find(ground.database, ground.space, group_id)
    if generation is None:
        raise ConfigurationError(
            f"KAFKA_WORKER_GROUP_ID={group_id!r}: this group has no features yet; they are made when a worker of it starts"
        )
    return generation


async def main_of(ground: Ground) -> Generation:
    """Return the main generation of the configured group as it is now. Raises ``Unavailable``, also before there is one."""
    main = await generations.find(ground.database, ground.space, ground.settings.stream.group_id)
    if main is None:
        raise Unavailable("stream", "there are no features yet: they are made when a worker starts")
    return main


async def _drop_left_behind(ground: Ground) -> None:
    """Drop the group's generations that readers left long enough ago, and finish what a command began to drop."""
    flips, stream = Flips(ground.database, space=ground.space), ground.settings.stream
    await flips.forget_replicas()
    for number in await flips.left_behind(stream.group_id, stream.kept_generation_hours):
        if await flips.begin_dropping(number):
            telemetry.log.info("generation_dropped", generation=number, reason="nobody has read it for long enough")
    for generation in await generations.standing(ground.database, ground.space):
        if generation.state == "dropping":
            await flips.drop(generation.number, stream.lease_ms)


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what ``attempt`` returns, trying again with back-off for as long as it raises ``Unavailable``."""
    wait_s = 0.2
    while True:
        try:
            return await attempt()
        except Unavailable as error:
            telemetry.log.warning("waits", reason=str(error), seconds=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


async def copy_dead_letters(ground: Ground) -> None:
    """Publish copies of the main generation's dead letters for as long as it runs, where the log has a topic for them."""
    if ground.outlet is None:
        return
    while True:
        main = await patiently(lambda: generations.find(ground.database, ground.space, ground.settings.stream.group_id))
        if main is None:
            await asyncio.sleep(TIDY_S)
            continue
        copying = asyncio.create_task(Copier(ground.letters(main), ground.outlet).run())
        try:
            while main is not None and (await asyncio.wait([copying], timeout=TIDY_S))[1]:
                now = await patiently(lambda: generations.find(ground.database, ground.space, ground.settings.stream.group_id))
                main = main if now is not None and now.number == main.number else None
            if copying.done():
                copying.result()
        finally:
            copying.cancel()


async def tidy(ground: Ground) -> None:
    """Keep everything that grows within its bound, for as long as it runs. Lives through every ``Unavailable``."""
    remembered_ms = max(LEAST_REMEMBERED_MS, ground.settings.limits.max_age_ms + MARGIN_MS)
    retention_hours = ground.settings.log.retention_hours
    while True:
        try:
            now_ms = ground.clock.now_ms()
            await retention.tend(
                ground.database,
                space=ground.space,
                now_ms=now_ms,
                retention_hours=retention_hours,
                remembered_ms=remembered_ms,
                applied=await _let_go(ground),
            )
            for generation in await generations.standing(ground.database, ground.space):
                if generation.group_id == ground.settings.stream.group_id and generation.state != "dropping":
                    await ground.operations(generation).tidy(now_ms, remembered_ms, retention_hours)
            await _drop_left_behind(ground)
        except Unavailable as error:
            telemetry.log.warning("tidying_waits", reason=str(error))
        await asyncio.sleep(TIDY_S)


async def _let_go(ground: Ground) -> dict[tuple[Topic, int], int]:
    """Return up to where the embedded log is needed no more: by those who read it, or by those who carry it to Kafka."""
    lowest = await lowest_positions(ground.database, ground.space)
    if ground.carrier.ferry is None:
        return dict(lowest)
    carried = await ground.carrier.ferry.carried()
    return {place: min(position, lowest.get(place, position)) for place, position in carried.items()}
