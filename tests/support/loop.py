"""The loop in one process, on a real Postgres: door, log, worker, tables, snapshot and recommender, each within reach."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from typing import Final, Self

from headrace import config, telemetry, wiring
from headrace.events.types import Action, Event, Interaction
from headrace.intake import Intake
from headrace.log.port import Verdict
from headrace.serving import recipes
from headrace.serving.explaining import Explainer
from headrace.serving.recommender import Recommender
from headrace.snapshot.follower import Follower, View
from headrace.snapshot.port import Generations
from headrace.store.evidence import PostgresEvidence
from headrace.store.generations import Generation
from headrace.store.ledger import PostgresLedger
from headrace.store.sql import place
from headrace.store.tables import PostgresGenerations, PostgresTables
from headrace.stream.ownership import Worker
from headrace.wiring.figures import waiting
from headrace.wiring.ground import Ground

PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.01
_numbers: Final = count(1)


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until a condition holds; fail with these words when it does not within a fair time."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {PATIENCE_S:g} s: {what}")
        await asyncio.sleep(LOOK_S)


class Loop:
    """Everything one process would hold, started and stopped piece by piece."""

    def __init__(self, url: str, environ: Mapping[str, str] | None = None, generations: Generations | None = None) -> None:
        self._generations = generations
        self.settings = config.read({"DATABASE_URL": url, "LOG_LEVEL": "WARNING", "LOG_FORMAT": "console", **(environ or {})})
        telemetry.configure(self.settings.telemetry)
        self.ground: Ground
        self.generation: Generation
        self.follower: Follower
        self.intake: Intake
        self.recommender: Recommender
        self.explainer: Explainer
        self._stack = AsyncExitStack()
        self._worker: tuple[Worker, asyncio.Task[None]] | None = None
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the database and join the parts; nothing runs yet."""
        self.ground, self.generation = await self._stack.enter_async_context(wiring.opened(self.settings))
        self._stack.push_async_callback(self.stop_worker)
        self._stack.push_async_callback(self.stop_following)
        generations = self._generations or PostgresGenerations(self.ground.database, space=self.ground.space)
        self.follower = Follower(generations, self.settings.snapshot, self.ground.clock)
        self.intake = Intake(self.ground.log, self.ground.clock, self)
        self._stack.push_async_callback(self.intake.close)
        recipe = recipes.named(self.settings.serving.recipe)
        self.recommender = Recommender(self.follower, recipe, self.ground.clock, self.intake.accept_later)
        evidence = PostgresEvidence(self.ground.database, space=self.ground.space)
        self.explainer = Explainer(self.recommender, evidence, self.ground.clock, recipes.named)
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop what runs, in the reverse order of its start."""
        await self._stack.aclose()

    def acknowledged(self, event: Event) -> None:
        """Tell the histories in memory what the door has taken."""
        self.follower.acknowledged(event)

    @property
    def view(self) -> View:
        """Return what requests are answered from."""
        view = self.follower.view
        if view is None:
            raise AssertionError("nothing is loaded yet")
        return view

    def tables(self) -> PostgresTables:
        """Return the generation's tables as a snapshot reads them."""
        return PostgresTables(self.ground.database, self.generation, space=self.ground.space)

    async def follow(self) -> None:
        """Start following and wait for the first picture."""
        self._following = asyncio.create_task(self.follower.run())
        await until(lambda: self.follower.view is not None, "a first picture")

    async def stop_following(self) -> None:
        """Stop following where it stands."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    def start_worker(self) -> None:
        """Start a worker that applies what the door takes."""
        ledger = PostgresLedger(self.ground.database, self.generation, space=self.ground.space)
        name = f"worker-{next(_numbers)}"
        worker = Worker(name, self.ground.log, ledger, self.ground.clock, self.settings.stream, dict)
        self._worker = (worker, asyncio.create_task(worker.run()))

    async def stop_worker(self) -> None:
        """Let the worker finish and leave."""
        running, self._worker = self._worker, None
        if running is not None:
            running[0].stop()
            await running[1]

    async def send(self, *events: Event) -> list[Verdict]:
        """Bring events in by the door."""
        return await self.intake.accept(events)

    async def settle(self) -> None:
        """Wait until all that was sent is applied and, while following, is in the picture."""

        async def followed() -> bool:
            standing = await self.tables().standing()
            return self._following is None or self.view.picture.version == dict(standing.next_change)

        await self.applied()
        await until(followed, "the picture is where the tables are")

    async def applied(self) -> None:
        """Wait until all that was sent is applied."""
        operations = self.ground.operations(self.generation)

        async def done() -> bool:
            ends = await self.ground.log.ends()
            return not sum(waiting(one, ends) for one in await operations.partitions())

        await until(done, "all that was sent is applied")

    async def sql(self, statement: str, *arguments: object) -> None:
        """Run a statement on the database; ``@gen`` and ``@space`` stand for the schemas."""
        async with self.ground.database.connection() as connection:
            await connection.execute(self.placed(statement), *arguments)

    def placed(self, statement: str) -> str:
        """Return SQL with this loop's schemas in place."""
        return place(statement, space=self.ground.space, generation=self.generation.number)

    def act(
        self, user: str, item: str, *, action: Action = "view", session: str | None = None, request: str | None = None
    ) -> Interaction:
        """Return an interaction of this moment; each is a millisecond after the last."""
        number = next(_numbers)
        return Interaction(
            event_id=f"event-{number:08}",
            user_id=user,
            item_id=item,
            event_type=action,
            ts_ms=self.ground.clock.now_ms() - 1_000_000 + number,
            session_id=session,
            request_id=request,
        )


@asynccontextmanager
async def running(url: str, environ: Mapping[str, str] | None = None) -> AsyncIterator[Loop]:
    """Yield a loop that follows, with a worker."""
    async with Loop(url, environ) as loop:
        loop.start_worker()
        await loop.follow()
        yield loop
