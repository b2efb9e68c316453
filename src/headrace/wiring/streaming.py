"""The stream and its replays as a page sees them: what the commands do, with long work going on when the page is closed."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from headrace.features.settings import FeatureSettings
from headrace.store.flips import Flips, Replica
from headrace.store.generations import Beginning, Generation
from headrace.store.operations import Partition
from headrace.wiring.comparing import compare_aside
from headrace.wiring.ground import Ground, main_of
from headrace.wiring.replays import Line, Progress, Replays, lines
from headrace.wiring.works import Work, Works

LEAST_LOOK_S: Final = 0.5
LONGEST_LOOK_S: Final = 10.0
"""Speeds are told over a stretch of looks between these."""

PATIENCE_S: Final = 60.0
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Topical:
    """One topic in one partition: the next offset to apply, and the next one of the log."""

    topic: str
    position: int
    end: int

    @property
    def waiting(self) -> int:
        """Return how many records are not applied yet."""
        return max(0, self.end - self.position)


@dataclass(frozen=True, slots=True)
class Place:
    """A partition as it stands, with its topics; one that still reads an archive has positions in that, and no ends."""

    partition: Partition
    topics: Sequence[Topical]

    @property
    def waiting(self) -> int:
        """Return how many records are not applied yet."""
        return sum(one.waiting for one in self.topics)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one generation's partitions stand, and who works on them."""

    generation: Generation
    log: str
    places: Sequence[Place]
    workers: Sequence[str] = field(default_factory=list)
    """Those that are alive, by their ids."""


class Streaming:
    """The stream of the configured group. Every method raises ``Unavailable``; what may be refused, ``Refused`` too."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._looks: deque[tuple[float, list[Progress]]] = deque()
        self.works = Works(ground.clock)

    async def standing(self, number: int | None = None) -> Standing:
        """Return where a generation's partitions stand; without a number, the group's main one's."""
        ground = self._ground
        generation = await self._generation(number)
        operations = ground.operations(generation)
        ends = await ground.log.ends()
        workers = [one.worker_id for one in await operations.workers(ground.settings.stream.lease_ms) if one.alive]
        names = ground.settings.log.names
        places = [
            Place(
                one,
                [
                    Topical(names[topic], at, at if one.from_archive else ends.get((topic, one.partition), 0))
                    for topic, at in one.positions.items()
                ],
            )
            for one in await operations.partitions()
        ]
        return Standing(generation, ground.log.identity, places, workers)

    async def resume(self, number: int | None, partitions: Sequence[int] | None) -> list[int]:
        """Let halted partitions of a generation go on, all or these, and return them."""
        operations = self._ground.operations(await self._generation(number))
        return sorted(await operations.resume(None if partitions is None else list(partitions)))

    async def generations(self) -> list[Line]:
        """Return all generations, with how far and how fast each is; the speeds are known from the second look on."""
        now_s = self._ground.clock.monotonic()
        found = await (await self._replays()).progress()
        while self._looks and now_s - self._looks[0][0] > LONGEST_LOOK_S:
            self._looks.popleft()
        before = self._looks[0] if self._looks and now_s - self._looks[0][0] >= LEAST_LOOK_S else (now_s - 1, found)
        if not self._looks or now_s - self._looks[-1][0] >= LEAST_LOOK_S:
            self._looks.append((now_s, found))
        return lines(before[1], found, now_s - before[0])

    async def replicas(self) -> list[Replica]:
        """Return the API processes that live, and what each answers from."""
        return await Flips(self._ground.database, space=self._ground.space).replicas()

    @property
    def features(self) -> FeatureSettings:
        """Return how a new generation would count by the settings of this process."""
        return self._ground.settings.features

    async def start(self, beginning: Beginning, features: FeatureSettings) -> int:
        """List a new generation that counts so, and return its number; the workers that run build it."""
        return (await (await self._replays()).start(beginning, features)).number

    async def compare(self, number: int, recipe: str | None, *, users: int) -> Work:
        """Compare a generation with the live one, in a process of its own; what is found is the work's ``found``."""
        await (await self._replays()).standing(number)

        async def job(work: Work) -> str:
            found = await compare_aside(self._ground.settings, number, recipe, users=users, seed=SEED, tell=work.tell)
            work.found = found
            return f"compared for {found.difference.users:,} users by {found.recipe}"

        return self.works.begin("compare", f"comparing generation {number} with the live one", job)

    async def flip(self, number: int, *, force: bool) -> Work:
        """Move all readers to a generation."""
        replays = await self._replays()

        async def job(work: Work) -> str:
            done = await replays.flip(number, force=force, patience_s=PATIENCE_S, tell=work.tell)
            return (
                f"answers come from generation {done.now}, before from {done.before}; {done.replicas} API"
                f" process{'' if done.replicas == 1 else 'es'} held it ready after {done.ready_s:.1f} s and moved within"
                f" {done.moved_s:.2f} s"
            )

        return self.works.begin("flip", f"flipping to generation {number}", job)

    async def back(self) -> Work:
        """Move all readers to the generation that was read before."""
        return await self.flip((await (await self._replays()).way_back()).number, force=False)

    async def drop(self, number: int) -> Work:
        """Take a generation away, its tables with it."""
        replays = await self._replays()

        async def job(_: Work) -> str:
            await replays.drop(number, patience_s=PATIENCE_S)
            return f"generation {number} is gone"

        return self.works.begin("drop", f"dropping generation {number}", job)

    async def _generation(self, number: int | None) -> Generation:
        if number is not None:
            return await (await self._replays()).standing(number)
        return await main_of(self._ground)

    async def _replays(self) -> Replays:
        return Replays(self._ground, await main_of(self._ground))
