"""The processes, joined from their parts."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from threading import Lock
from uuid import uuid4

from headrace import telemetry
from headrace.clock import SystemClock
from headrace.config import Settings
from headrace.console import services  # by its name alone: it speaks of wiring's own types, and may be half there
from headrace.errors import Unavailable
from headrace.events.contract import Contract
from headrace.events.items import Item
from headrace.events.types import Event
from headrace.intake import Intake
from headrace.log.port import Topic
from headrace.serving import recipes
from headrace.serving.explaining import Explainer
from headrace.serving.recommender import Recommender
from headrace.serving.warming import warm
from headrace.serving.watching import Watcher
from headrace.snapshot.follower import Follower
from headrace.store.catalogue import PostgresCatalogue
from headrace.store.chosen import PostgresChosen
from headrace.store.evidence import PostgresEvidence
from headrace.store.generations import Generation
from headrace.store.migrations import migrate_space
from headrace.store.operations import Shifts
from headrace.store.pool import Database
from headrace.store.rules import PostgresRules
from headrace.store.tables import PostgresGenerations
from headrace.store.verification import Verifier
from headrace.stream.manner import Manner
from headrace.stream.ownership import Worker
from headrace.wiring.catalogue import Catalogue
from headrace.wiring.crew import Crew, one_worker
from headrace.wiring.figures import Figures, waiting
from headrace.wiring.ground import Ground, bound, copy_dead_letters, grounded, look, patiently, prepare, tidy
from headrace.wiring.items import Items
from headrace.wiring.letters import DeadLetters, Postroom, letters_of
from headrace.wiring.logs import relay
from headrace.wiring.people import People
from headrace.wiring.receipts import Receipts
from headrace.wiring.replays import Replays
from headrace.wiring.rules import RuleSets
from headrace.wiring.streaming import Streaming

DRAIN_LOOK_S = 0.1
LONGEST_FAREWELL_S = 1.0
_ONE_AT_A_TIME = Lock()


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
async def worker(settings: Settings, pool: Database | None = None) -> AsyncIterator[Crew]:
    """Yield a process's workers on one space, ready to run; waits for as long as Postgres is away.

    ``pool``: see ``grounded``.
    """
    async with (
        grounded(settings, SystemClock(), pool) as ground,
        background(relay(ground.carrier, telemetry.WORKER_RELAYED)),
    ):
        await patiently(lambda: prepare(ground))
        async with background(*_jobs(ground)):
            yield Crew(ground)


@asynccontextmanager
async def api_services(settings: Settings, pool: Database | None = None) -> "AsyncIterator[services.Services]":
    """Yield what the routes need, at once, whether Postgres is there or not; with the worker inside where that is asked for.

    That is one space's; ``pool``: see ``grounded``.
    """
    clock = SystemClock()
    async with grounded(settings, clock, pool) as ground:
        replica = PostgresGenerations(ground.database, space=ground.space)
        follower = Follower(replica, settings.snapshot, clock)
        intake = Intake(ground.log, clock, _Noted(follower))
        recipe = recipes.named(settings.serving.recipe, settings.serving.recipes)
        recommender = Recommender(follower, recipe, clock, intake.accept_later)
        watcher = Watcher(settings.serving, PostgresChosen(ground.database, space=ground.space), recommender.take, recipe)
        figures = Figures(ground, follower)
        rules = RuleSets(PostgresRules(ground.database, space=ground.space), follower, recommender)
        postroom, streaming = Postroom(ground), Streaming(ground)
        items = Items(ground, follower)
        async with (
            background(relay(ground.carrier, telemetry.LOG_RELAYED)),
            background(_live(ground, follower, figures, watcher, rules)),
            background(figures.watch(), items.count()),
        ):
            try:
                yield services.Services(
                    settings=settings.api,
                    contract=Contract(settings.limits, clock),
                    intake=intake,
                    recommender=recommender,
                    explainer=_explainer(ground, recommender),
                    catalogue=Catalogue(PostgresCatalogue(ground.database, space=ground.space), follower),
                    rules=rules,
                    clock=clock,
                    baseline=figures.baseline,
                    worker_figures=figures.worker_figures,
                    worker_metrics=figures.worker_metrics,
                    readiness=figures.readiness,
                    receipt=Receipts(ground).receipt,
                    metrics_shown=settings.telemetry.prometheus_enabled,
                    items=items,
                    console=settings.console,
                    letters=postroom,
                    people=People(ground),
                    recipes=watcher,
                    stream=streaming,
                    topics={ground.log.name(topic): topic for topic in Topic},
                )
            finally:
                await asyncio.gather(postroom.works.close(), streaming.works.close())
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
async def whole_catalogue(settings: Settings) -> AsyncIterator[tuple[int, AsyncIterator[list[tuple[str, Item]]]]]:
    """Yield the catalogue of one moment: its size, and its items page by page. Raises ``Unavailable``."""
    async with looked_at(settings) as (ground, _), PostgresCatalogue(ground.database, space=ground.space).whole() as whole:
        yield whole


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
async def choosing(settings: Settings) -> AsyncIterator[PostgresChosen]:
    """Yield the choice of the recipe that answers. Raises ``Unavailable``."""
    async with grounded(settings, SystemClock()) as ground:
        await migrate_space(ground.database, ground.space)
        yield PostgresChosen(ground.database, space=ground.space)


@asynccontextmanager
async def dead_letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    """Yield the dead letters of the configured group, which must be there already. Raises ``Unavailable``."""
    async with looked_at(settings) as (ground, generation):
        yield letters_of(ground, generation)


@asynccontextmanager
async def tracing(settings: Settings) -> AsyncIterator[Receipts]:
    """Yield what tells the receipts of events. Raises ``Unavailable``."""
    async with looked_at(settings) as (ground, _):
        yield Receipts(ground)


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


def _explainer(ground: Ground, recommender: Recommender) -> Explainer:
    serving, evidence = ground.settings.serving, PostgresEvidence(ground.database, space=ground.space)
    return Explainer(recommender, evidence, ground.clock, lambda name: recipes.named(name, serving.recipes))


class _Noted:
    """Tells the histories in memory what the door has just acknowledged."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower

    def acknowledged(self, event: Event) -> None:
        self._follower.acknowledged(event)


def _make_ready() -> None:
    """Compile what answers are made with, and let the garbage collector forget what will live as long as the process.

    Its full round over the packages alone holds every answer up for a tenth of a second. Once a process, however many spaces
    it has.
    """
    with _ONE_AT_A_TIME:
        _warm_once()


@cache
def _warm_once() -> None:
    warm()
    gc.collect()
    gc.freeze()


async def _live(ground: Ground, follower: Follower, figures: Figures, watcher: Watcher, rules: RuleSets) -> None:
    generation = await patiently(lambda: prepare(ground, without_log=True))
    figures.prepared(generation)
    await watcher.look()  # before there is a picture, so that no answer is made by another recipe than the chosen one
    await asyncio.to_thread(_make_ready)
    await patiently(rules.look)  # before the first picture: no answer goes out without them
    if not ground.settings.api.embedded_worker:
        async with background(bound(ground), watcher.run(), rules.watch()):
            await follower.run()
        return
    inside = Crew(ground)
    async with background(*_jobs(ground), follower.run(), watcher.run(), rules.watch()):
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
