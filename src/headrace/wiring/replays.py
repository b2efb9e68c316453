"""Replays as an operator sees them: start one, see how far it is, move readers to it and back, drop it.

Nothing here is remembered by the command: it may be killed at any moment, and the same command again goes on or cleans up.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headrace.errors import Unavailable
from headrace.evaluation.differing import Difference
from headrace.features.settings import FeatureSettings
from headrace.log.port import Topic
from headrace.pipeline import Recipe
from headrace.serving import recipes
from headrace.store import generations
from headrace.store.chosen import PostgresChosen
from headrace.store.flips import Flips, Replica
from headrace.store.generations import Beginning, Generation, State
from headrace.store.operations import Partition
from headrace.wiring.differing import compare
from headrace.wiring.ground import Ground

LOOK_S: Final = 0.05
RENEW_S: Final = 1.0
FAR_RECORDS: Final = 1000
"""A followed generation that has so many records more to apply than the live one is not fresh enough to be read."""


class Refused(Exception):
    """What was asked cannot or should not be done; the message is one line that says why, and what to do."""


class NotFresh(Refused):
    """A generation is too far behind to be read; ``force`` takes it as it is."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a generation is: records applied to it, and how many it has to apply until it is level with the log."""

    number: int
    group_id: str
    state: State
    began_with: Beginning
    source: int | None
    live: bool
    previous: bool
    main: bool
    applied: int
    left: int
    halted: int
    settings: dict[str, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A generation as it is told; ``events_per_s`` over the last look, ``seconds_left`` where it is being built and moves."""

    generation: int
    group: str
    state: str
    began_with: str
    source: int | None
    read: bool
    way_back: bool
    applied: int
    left: int
    events_per_s: float
    seconds_left: float | None
    halted_partitions: int
    settings: dict[str, float]


@dataclass(frozen=True, slots=True)
class Flipped:
    """A flip: from which generation to which, seconds until replicas held it ready, seconds until all had moved."""

    before: int
    now: int
    replicas: int
    ready_s: float
    moved_s: float


class Replays:
    """The generations of a space, seen from one group. Every method raises ``Unavailable`` and ``Refused``."""

    def __init__(self, ground: Ground, main: Generation) -> None:
        self._ground = ground
        self._main = main
        self._flips = Flips(ground.database, space=ground.space)

    async def start(self, beginning: Beginning, features: FeatureSettings | None = None) -> Generation:
        """List a new generation beside the group's main one; workers of the group build it from now on.

        It counts by these features' settings, or by those of this process.
        """
        ground, main = self._ground, self._main
        if main.state == "building":
            raise Refused(f"generation {main.number} is being built itself: wait until it has caught up")
        partitions = await ground.operations(main).partitions()
        if beginning == "archive" and not sum(sum(one.counted.values()) for one in partitions):
            raise Refused(f"generation {main.number} has archived nothing yet: there is nothing to replay")
        made = await generations.build(
            ground.database,
            ground.space,
            main,
            ground.settings.features if features is None else features,
            now_ms=ground.clock.now_ms(),
            start=None if beginning == "archive" else await ground.log.begins(),
        )
        if made is None:
            building = next((str(one.number) for one in await self._of_group() if one.state == "building"), "?")
            raise Refused(f"generation {building} is being built already: wait, or drop it")
        return made

    async def progress(self) -> list[Progress]:
        """Return all generations of the space, with how far each is."""
        ground = self._ground
        readers = await self._flips.readers()
        main = await generations.find(ground.database, ground.space, self._main.group_id)
        ends = await ground.log.ends()
        found = []
        for one in await generations.standing(ground.database, ground.space):
            if one.state == "dropping":
                continue
            partitions = await ground.operations(one).partitions()
            source = await self._source(one)
            settings = {name: getattr(one.rules.settings, name) for name in one.rules.settings.__dataclass_fields__}
            found.append(
                Progress(
                    one.number, one.group_id, one.state, one.began_with, one.source,
                    live=readers is not None and readers.live == one.number,
                    previous=readers is not None and readers.previous == one.number,
                    main=main is not None and main.number == one.number,
                    applied=sum(part.applied for part in partitions),
                    left=sum(left(part, source.get(part.partition), ends) for part in partitions),
                    halted=sum(part.halted is not None for part in partitions),
                    settings=settings,
                )
            )  # fmt: skip
        return found

    async def standing(self, number: int) -> Generation:
        """Return a generation that has tables."""
        one = await generations.numbered(self._ground.database, self._ground.space, number)
        if one is None or one.state in {"dropping", "dropped"}:
            standing = await generations.standing(self._ground.database, self._ground.space)
            there = ", ".join(str(one.number) for one in standing)
            raise Refused(f"there is no generation {number}{' any more' if one else ''}; there are: {there}")
        return one

    async def newest(self) -> Generation:
        """Return the group's newest generation that is not read."""
        readers = await self._flips.readers()
        others = [one for one in await self._of_group() if readers is None or one.number != readers.live]
        if not others:
            raise Refused("there is no other generation than the live one; `headrace replay start` makes one")
        return others[-1]

    async def live(self) -> Generation:
        """Return the generation that is read."""
        live = await generations.live(self._ground.database, self._ground.space)
        if live is None:
            raise Refused("nothing is read yet: no worker has started")
        return live

    async def way_back(self) -> Generation:
        """Return the generation that was read before the live one."""
        readers = await self._flips.readers()
        if readers is None or readers.previous is None:
            raise Refused("there is no way back: no other generation was read before, or it was dropped")
        return await self.standing(readers.previous)

    async def recipe(self, name: str | None) -> Recipe:
        """Return the recipe of this name; without one, the one that answers. Raises ``RecipeError``."""
        serving = self._ground.settings.serving
        chosen = name or await PostgresChosen(self._ground.database, space=self._ground.space).get()
        return recipes.named(chosen or serving.recipe, serving.recipes)

    async def compare(
        self, before: Generation, after: Generation, recipe: Recipe, *, users: int, seed: int, tell: Callable[[str], None]
    ) -> Difference:
        """Return how two generations' recommendations differ; see ``wiring.differing``."""
        return await compare(self._ground, before, after, recipe, users=users, seed=seed, tell=tell)

    async def flip(self, number: int, *, force: bool, patience_s: float, tell: Callable[[str], None]) -> Flipped:
        """Move all readers to a generation: every replica loads it aside, then all swap. Raises ``NotFresh`` too."""
        monotonic = self._ground.clock.monotonic
        before = await self.live()
        if before.number == number:
            raise Refused(f"generation {number} is the one that is read already")
        await self.standing(number)
        if not force:
            await self._check_fresh(number, before.number)
        began = monotonic()
        try:
            await self._hold_ready(number, began + patience_s, tell)
            ready_s = monotonic() - began
            done = await self._flips.flip(number)
        except (Refused, asyncio.CancelledError):
            await self._flips.withdraw(number)
            raise
        if not done:
            raise Refused(f"generation {number} was withdrawn or dropped meanwhile; nothing was changed")
        flipped = monotonic()
        replicas = await self._until_moved(number, flipped + patience_s)
        return Flipped(before.number, number, replicas, ready_s, monotonic() - flipped)

    async def drop(self, number: int, *, patience_s: float) -> None:
        """Take a generation away, its tables with it. Refused where it is read, held ready, or built from."""
        one = await generations.numbered(self._ground.database, self._ground.space, number)
        if one is None or one.state == "dropped":
            await self.standing(number)
        if one is not None and one.state != "dropping" and not await self._flips.begin_dropping(number):
            raise Refused(await self._why_kept(number))
        deadline = self._ground.clock.monotonic() + patience_s
        while True:
            try:
                if await self._flips.drop(number, self._ground.settings.stream.lease_ms):
                    return
            except Unavailable:
                if self._ground.clock.monotonic() > deadline:
                    raise
            if self._ground.clock.monotonic() > deadline:
                raise Refused(f"a worker is still on generation {number}: it will be dropped as soon as that has left")
            await asyncio.sleep(0.2)

    async def _check_fresh(self, number: int, live: int) -> None:
        found = {one.number: one for one in await self.progress()}
        one, base = found.get(number), found.get(live)
        if one is None:
            raise Refused(f"generation {number} is being dropped")
        if one.halted:
            raise Refused(f"{one.halted} partitions of generation {number} are halted: let them go on first")
        if one.state == "building":
            raise NotFresh(f"generation {number} is still being built, {one.left:,} records are left")
        if one.left > FAR_RECORDS + (base.left if base else 0):
            raise NotFresh(f"generation {number} is {one.left:,} records behind the log")

    async def _hold_ready(self, number: int, deadline: float, tell: Callable[[str], None]) -> None:
        """Propose the generation until every living replica holds it ready."""
        monotonic = self._ground.clock.monotonic
        renew = 0.0
        said: list[str] = []
        while True:
            if monotonic() >= renew:
                if not await self._flips.propose(number):
                    readers = await self._flips.readers()
                    other = readers.candidate if readers is not None else None
                    under_way = f"another flip is under way, to generation {other}"
                    raise Refused(under_way if other else f"generation {number} cannot be read")
                renew = monotonic() + RENEW_S
            waiting = [one.replica_id for one in await self._flips.replicas() if one.candidate != number]
            if not waiting:
                return
            if monotonic() > deadline:
                missing = ", ".join(waiting)
                raise Refused(f"not all replicas hold generation {number} ready; nothing was changed. Missing: {missing}")
            if waiting != said:
                tell(f"{len(waiting)} replicas load generation {number}")
                said = waiting
            await asyncio.sleep(LOOK_S)

    async def _until_moved(self, number: int, deadline: float) -> int:
        while True:
            replicas: list[Replica] = await self._flips.replicas()
            behind = [one.replica_id for one in replicas if one.generation != number]
            if not behind:
                return len(replicas)
            if self._ground.clock.monotonic() > deadline:
                raise Refused(f"generation {number} is live, but these replicas have not moved yet: {', '.join(behind)}")
            await asyncio.sleep(LOOK_S)

    async def _why_kept(self, number: int) -> str:
        await self.standing(number)
        readers = await self._flips.readers()
        if readers is not None and readers.live == number:
            return f"generation {number} is the one that is read; flip to another one first"
        if readers is not None and readers.candidate == number:
            return f"a flip to generation {number} is under way"
        building = [one for one in await self._of_group() if one.state == "building" and one.source == number]
        if building:
            return f"generation {building[0].number} is being built from generation {number}; drop that one first, or wait"
        return f"a replica still answers from generation {number}; try again in a few seconds"

    async def _of_group(self) -> list[Generation]:
        standing = await generations.standing(self._ground.database, self._ground.space)
        return [one for one in standing if one.group_id == self._main.group_id and one.state != "dropping"]

    async def _source(self, one: Generation) -> dict[int, Partition]:
        if one.state != "building" or one.began_with != "archive" or one.source is None:
            return {}
        source = await self.standing(one.source)
        return {part.partition: part for part in await self._ground.operations(source).partitions()}


def left(part: Partition, source: Partition | None, ends: Mapping[tuple[Topic, int], int]) -> int:
    """Return how many records a partition has to apply: those archived and not read yet, then those in the log."""
    at = part.positions
    behind = 0
    if part.from_archive and source is not None:
        behind = max(0, sum(source.counted.values()) - part.applied)
        at = source.positions
    return behind + sum(max(0, ends.get((topic, part.partition), 0) - position) for topic, position in at.items())


def lines(before: Sequence[Progress], now: Sequence[Progress], seconds: float) -> list[Line]:
    """Return what two looks, so many seconds apart, tell of each generation."""
    was = {one.number: one for one in before}
    found = []
    for one in now:
        speed = max(0, one.applied - was[one.number].applied) / seconds if one.number in was else 0.0
        closing = (was[one.number].left - one.left) / seconds if one.number in was else 0.0
        seconds_left = one.left / closing if one.state == "building" and closing > 0 else None
        found.append(
            Line(
                one.number, one.group_id, one.state, one.began_with, one.source, one.live, one.previous, one.applied, one.left,
                speed, seconds_left, one.halted, one.settings,
            )
        )  # fmt: skip
    return found
