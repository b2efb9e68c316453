"""The processes, joined from their parts."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

from headrace import telemetry
from headrace.api.services import Services
from headrace.clock import SystemClock
from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.events.contract import Contract
from headrace.events.types import Event
from headrace.intake import Intake
from headrace.pipeline import Recipe
from headrace.serving import recipes
from headrace.serving.recommender import Recommender
from headrace.serving.settings import ServingSettings
from headrace.serving.warming import warm
from headrace.serving.watching import watch
from headrace.snapshot.follower import Follower
from headrace.store.catalogue import PostgresCatalogue
from headrace.store.generations import Generation
from headrace.store.operations import Shifts
from headrace.store.tables import PostgresGenerations
from headrace.store.verification import Verifier
from headrace.stream.manner import Manner
from headrace.stream.ownership import Worker
from headrace.wiring.catalogue import Catalogue
from headrace.wiring.crew import Crew, one_worker
from headrace.wiring.figures import Figures, waiting
from headrace.wiring.ground import Ground, bound, copy_dead_letters, grounded, look, patiently, prepare, tidy
from headrace.wiring.logs import relay
from headrace.wiring.replays import Replays

DRAIN_LOOK_S = 0.1
LONGEST_FAREWELL_S = 1.0


async def migrate(settings: Settings) -> None:
    """Bring the database up to date: the space, the log, the configured group's generation. Raises ``Unavailable``."""
    async with opened(settings):
        return


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Ground, Generation]]:
    """Yield the ground and the group's generation, the database brought up to date. Raises ``Unavailable``."""
    async with grounded(settings, SystemClock()) as ground:
        yield ground, await prepare(ground)


@asynccontextmanager
async def looked_at(settings: Settings) -> AsyncIterator[tuple[Ground, Generation]]:
    """Yield the ground and the group's generation, which must be there already: looking makes nothing."""
    async with grounded(settings, SystemClock()) as ground:
        yield ground, await look(ground)


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Crew]:
    """Yield a process's workers, ready to run; waits for as long as Postgres is away."""
    async with (
        grounded(settings, SystemClock()) as ground,
        background(relay(ground.carrier, telemetry.WORKER_RELAYED)),
    ):
        await patiently(lambda: prepare(ground))
        async with background(*_jobs(ground)):
            yield Crew(ground)


@asynccontextmanager
async def api_services(settings: Settings) -> AsyncIterator[Services]:
    """Yield what the routes need, at once, whether Postgres is there or not; with the worker inside where that is asked for."""
    clock = SystemClock()
    async with grounded(settings, clock) as ground:
        replica = PostgresGenerations(ground.database, space=ground.space)
        follower = Follower(replica, settings.snapshot, clock)
        intake = Intake(ground.log, clock, _Noted(follower))
        recipe = recipes.named(settings.serving.recipe, settings.serving.recipes)
        recommender = Recommender(follower, recipe, clock, intake.accept_later)
        figures = Figures(ground, follower)
        async with (
            background(relay(ground.carrier, telemetry.LOG_RELAYED)),
            background(_live(ground, follower, figures)),
            background(figures.watch()),
            background(_watch_recipe(settings.serving, recommender, recipe)),
        ):
            try:
                yield Services(
                    settings=settings.api,
                    contract=Contract(settings.limits, clock),
                    intake=intake,
                    recommender=recommender,
                    catalogue=Catalogue(PostgresCatalogue(ground.database, space=ground.space), follower),
                    clock=clock,
                    baseline=figures.baseline,
                    worker_figures=figures.worker_figures,
                    worker_metrics=figures.worker_metrics,
                    readiness=figures.readiness,
                    metrics_shown=settings.telemetry.prometheus_enabled,
                )
            finally:
                await intake.close()
                with suppress(Unavailable, TimeoutError):
                    async with asyncio.timeout(LONGEST_FAREWELL_S):
                        await replica.leave()


@dataclass(frozen=True, slots=True)
class Importing:
    """What an import needs: the judge, the door, the memory of shifts, and a way to wait until all is applied."""

    contract: Contract
    intake: Intake
    shifts: Shifts
    drain: Callable[[Callable[[int], None]], "asyncio.Future[None]"]


@asynccontextmanager
async def importing(settings: Settings) -> AsyncIterator["Importing"]:
    """Yield what an import needs. Raises ``Unavailable``."""
    async with opened(settings) as (ground, generation):
        intake = Intake(ground.log, ground.clock)

        def drain(report: Callable[[int], None]) -> "asyncio.Future[None]":
            return asyncio.ensure_future(_drain(ground, generation, report))

        yield Importing(Contract(settings.limits, ground.clock), intake, Shifts(ground.database, space=ground.space), drain)


@asynccontextmanager
async def verifying(settings: Settings, number: int | None = None) -> AsyncIterator[Verifier]:
    """Yield the verifier of a generation, or of the configured group's main one. Raises ``Refused``, ``Unavailable``."""
    async with looked_at(settings) as (ground, generation):
        one = generation if number is None else await Replays(ground, generation).standing(number)
        yield Verifier(ground.database, one, space=ground.space, far=None if ground.carrier.ferry is None else ground.behind)


@asynccontextmanager
async def replaying(settings: Settings) -> AsyncIterator[Replays]:
    """Yield the means to build generations and to move readers between them. Raises ``Unavailable``."""
    async with looked_at(settings) as (ground, generation):
        yield Replays(ground, generation)


@asynccontextmanager
async def background(*works: "asyncio._CoroutineLike[None]") -> AsyncIterator[None]:
    """Run works beside the block and end them with the block; one that fails ends the block with its error."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


def _jobs(ground: Ground) -> "list[asyncio._CoroutineLike[None]]":
    """Return what every worker process does beside its work."""
    return [tidy(ground), copy_dead_letters(ground)]


async def _watch_recipe(serving: ServingSettings, recommender: Recommender, recipe: Recipe) -> None:
    if serving.recipes is not None:
        await watch(serving.recipe, serving.recipes, recommender.take, recipe)


class _Noted:
    """Tells the histories in memory what the door has just acknowledged."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower

    def acknowledged(self, event: Event) -> None:
        self._follower.acknowledged(event)


def _make_ready() -> None:
    """Compile what answers are made with, and let the garbage collector forget what will live as long as the process.

    Its full round over the packages alone holds every answer up for a tenth of a second.
    """
    warm()
    gc.collect()
    gc.freeze()


async def _live(ground: Ground, follower: Follower, figures: Figures) -> None:
    generation = await patiently(lambda: prepare(ground, without_log=True))
    figures.prepared(generation)
    await asyncio.to_thread(_make_ready)
    if not ground.settings.api.embedded_worker:
        async with background(bound(ground)):
            await follower.run()
        return
    inside = Crew(ground)
    async with background(*_jobs(ground), follower.run()):
        await bound(ground)
        try:
            await inside.run()
        finally:
            inside.stop()


async def _drain(ground: Ground, generation: Generation, report: Callable[[int], None]) -> None:
    """Wait until every record is applied; while no worker is alive, be one."""
    operations = ground.operations(generation)
    own: Worker | None = None
    running: asyncio.Task[None] | None = None
    try:
        while True:
            partitions = await patiently(operations.partitions)
            ends = await patiently(ground.log.ends)
            left = sum(waiting(one, ends) for one in partitions if one.halted is None) + await patiently(ground.carrier.waiting)
            report(left)
            if not left:
                return
            if running is not None and running.done():
                running.result()
            workers = await patiently(lambda: operations.workers(ground.settings.stream.lease_ms))
            if own is None and not any(one.alive for one in workers):
                own = one_worker(ground, generation, f"import-{uuid4().hex[:8]}", Manner(ground.clock))
                running = asyncio.create_task(own.run())
            await asyncio.sleep(DRAIN_LOOK_S)
    finally:
        if own is not None and running is not None:
            own.stop()
            await running
