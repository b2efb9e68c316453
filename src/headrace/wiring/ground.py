"""What every process stands on: the database brought up to date, the log opened, the group's generation."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from headrace import telemetry
from headrace.clock import Clock
from headrace.config import ConfigurationError, Settings
from headrace.errors import Unavailable
from headrace.log.postgres import PostgresLog, retention
from headrace.store import generations
from headrace.store.flips import Flips
from headrace.store.generations import Generation
from headrace.store.letters import PostgresLetters
from headrace.store.migrations import migrate_space
from headrace.store.operations import Operations, lowest_positions
from headrace.store.pool import Database
from headrace.store.sql import DEFAULT_SPACE
from headrace.stream.outlet import Copier, Outlet

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
    log: PostgresLog
    space: str = DEFAULT_SPACE
    outlet: Outlet | None = None
    """Where copies of dead letters go; None where the log has no topic for them, and their table is all there is."""

    def operations(self, generation: Generation) -> Operations:
        """Return the operator's view of a generation."""
        return Operations(self.database, generation, space=self.space)

    def letters(self, generation: Generation) -> PostgresLetters:
        """Return the dead letters of a generation."""
        return PostgresLetters(self.database, generation, self.clock, space=self.space, names=self.settings.log.names)


@asynccontextmanager
async def grounded(settings: Settings, clock: Clock) -> AsyncIterator[Ground]:
    """Yield the ground without touching the database yet; let go of it at the end."""
    if settings.log.kafka_bootstrap is not None:
        raise ConfigurationError(
            f"KAFKA_BOOTSTRAP={settings.log.kafka_bootstrap!r}: this version keeps its log in Postgres only; unset it"
        )
    database = Database(settings.database)
    log = PostgresLog(
        database,
        space=DEFAULT_SPACE,
        partitions=settings.log.partitions,
        queue_records=settings.log.queue_records,
        names=settings.log.names,
    )
    try:
        yield Ground(settings, clock, database, log)
        await log.close()
    finally:
        await database.close()


async def prepare(ground: Ground) -> Generation:
    """Bring the database up to date, open the log, return the configured group's generation. Raises ``Unavailable``."""
    settings = ground.settings
    await migrate_space(ground.database, ground.space)
    await ground.log.open()
    earliest = settings.stream.auto_offset_reset == "earliest"
    generation = await generations.of_group(
        ground.database,
        ground.space,
        settings.stream.group_id,
        settings.features,
        now_ms=ground.clock.now_ms(),
        partitions=ground.log.partitions,
        start=await (ground.log.begins() if earliest else ground.log.ends()),
    )
    if generation.rules.settings != settings.features:
        telemetry.log.warning(
            "feature_settings_differ",
            in_force=str(generation.rules.settings),
            asked=str(settings.features),
            mend="a generation keeps the settings it was made with; another KAFKA_WORKER_GROUP_ID makes a new one",
        )
    return generation


async def look(ground: Ground) -> Generation:
    """Return the configured group's generation without making one.

    Raises ``ConfigurationError`` where the group has none, and ``Unavailable``.
    """
    await migrate_space(ground.database, ground.space)
    await ground.log.open()
    group_id = ground.settings.stream.group_id
    await generations.bring_up_to_date(ground.database, ground.space)
    generation = await generations.find(ground.database, ground.space, group_id)
    if generation is None:
        raise ConfigurationError(
            f"KAFKA_WORKER_GROUP_ID={group_id!r}: this group has no features yet; they are made when a worker of it starts"
        )
    return generation


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
    while True:
        try:
            now_ms = ground.clock.now_ms()
            await retention.tend(
                ground.database,
                space=ground.space,
                now_ms=now_ms,
                retention_hours=ground.settings.log.retention_hours,
                remembered_ms=remembered_ms,
                applied=dict(await lowest_positions(ground.database, ground.space)),
            )
            for generation in await generations.standing(ground.database, ground.space):
                if generation.group_id == ground.settings.stream.group_id and generation.state != "dropping":
                    await ground.operations(generation).tidy(now_ms, remembered_ms)
            await _drop_left_behind(ground)
        except Unavailable as error:
            telemetry.log.warning("tidying_waits", reason=str(error))
        await asyncio.sleep(TIDY_S)
