"""A process's workers: one for every generation of its group that is being built or followed; no restart when they change."""

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from headrace import telemetry
from headrace.errors import Unavailable
from headrace.log.port import Topic
from headrace.store import generations
from headrace.store.archived_log import ArchivedLog
from headrace.store.generations import Generation
from headrace.store.ledger import PostgresLedger
from headrace.store.operations import Partition
from headrace.stream.ledger import Owned
from headrace.stream.manner import Manner
from headrace.stream.ownership import Worker
from headrace.telemetry.spaces import own_page
from headrace.wiring.ground import Ground

LOOK_S: Final = 1.0
FRESH_S: Final = 5.0
"""A generation no further behind the log than so many seconds has caught up."""


@dataclass(frozen=True, slots=True)
class Member:
    """One generation's worker in this process."""

    generation: Generation
    worker: Worker
    manner: Manner
    running: asyncio.Task[None]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the log ended at a moment (monotonic seconds)."""

    set_at: float
    ends: Mapping[tuple[Topic, int], int]


class Crew:
    """Works on all generations of the group until told to stop; the main one goes first."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._members: dict[int, Member] = {}
        self._leaving: dict[int, Member] = {}
        self._marks: dict[int, Mark] = {}
        self._stopping = asyncio.Event()

    @property
    def owned(self) -> dict[int, Owned]:
        """Return the partitions of the main generation that are owned here now."""
        return next((member.worker.owned for member in self._members.values() if member.manner.main), {})

    def stop(self) -> None:
        """Ask all workers to finish their running batches, give their partitions back and let ``run`` return."""
        self._stopping.set()
        for member in (*self._members.values(), *self._leaving.values()):
            member.worker.stop()

    async def run(self) -> None:
        """Work until stopped. Lives through every ``Unavailable``; any other error is a bug and is raised."""
        telemetry.WORKER_RUNNING.set(1)
        stopping = asyncio.create_task(self._stopping.wait())
        looking: asyncio.Task[None] | None = None
        try:
            while not stopping.done():
                looking = asyncio.create_task(self._look())
                await asyncio.wait([looking, stopping], return_when=asyncio.FIRST_COMPLETED)
                if looking.done():
                    looking.result()
                    await asyncio.wait([stopping], timeout=LOOK_S)
        finally:
            self.stop()
            if looking is not None:
                looking.cancel()
            running = [member.running for member in (*self._members.values(), *self._leaving.values())]
            ended = await asyncio.gather(*running, return_exceptions=True)
            stopping.cancel()
            telemetry.WORKER_RUNNING.set(0)
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    async def _look(self) -> None:
        """Let workers come and go as the generations do."""
        ground = self._ground
        try:
            main = await generations.find(ground.database, ground.space, ground.settings.stream.group_id)
            wanted = {
                one.number: one
                for one in await generations.standing(ground.database, ground.space)
                if one.group_id == ground.settings.stream.group_id and one.state in {"building", "followed"}
            }
            for number, member in list(self._members.items()):
                if number not in wanted:
                    self._dismiss(number, member)
            self._bury()
            for number, generation in wanted.items():
                is_main = main is not None and number == main.number
                member = self._members.get(number) or self._enlist(generation)
                member.manner.main, member.manner.gentle = is_main, generation.state == "building" and not is_main
                if member.manner.gentle:
                    member.manner.mates = await self.mates(generation)
            await self._finish([one for one in wanted.values() if one.state == "building"])
        except Unavailable as error:
            telemetry.log.warning("crew_waits", reason=str(error))

    async def mates(self, generation: Generation) -> int:
        """Return how many living workers of this machine are on a generation, at least one."""
        reports = await self._ground.operations(generation).workers(self._ground.settings.stream.lease_ms)
        return max(1, sum(one.alive and _machine_of(one.worker_id) == socket.gethostname() for one in reports))

    def _enlist(self, generation: Generation) -> Member:
        manner = Manner(self._ground.clock, generation=generation.number, main=False, gentle=generation.state == "building")
        worker = one_worker(self._ground, generation, f"{self._name}-g{generation.number}", manner)
        member = Member(generation, worker, manner, asyncio.create_task(worker.run()))
        self._members[generation.number] = member
        telemetry.log.info("generation_taken_on", generation=generation.number, state=generation.state)
        return member

    def _dismiss(self, number: int, member: Member) -> None:
        telemetry.log.info("generation_given_up", generation=number)
        member.worker.stop()
        self._leaving[number] = self._members.pop(number)

    def _bury(self) -> None:
        """Raise what broke a worker; one whose tables were dropped under it may have stumbled over that."""
        for number, member in list(self._leaving.items()):
            if member.running.done():
                del self._leaving[number]
                if member.running.exception() is not None:
                    telemetry.log.info("generation_was_dropped", generation=number, reason=repr(member.running.exception()))
        for member in self._members.values():
            if member.running.done():
                member.running.result()

    async def _finish(self, building: list[Generation]) -> None:
        """Call a generation followed once it passes, within seconds, a mark set where the log ended."""
        for number in self._marks.keys() - {one.number for one in building}:
            del self._marks[number]
        for generation in building:
            now = self._ground.clock.monotonic()
            mark = self._marks.get(generation.number)
            if mark is not None and not _passed(mark, await self._ground.operations(generation).partitions()):
                continue
            if mark is not None and now - mark.set_at <= FRESH_S:
                await generations.caught_up(self._ground.database, self._ground.space, generation.number)
                telemetry.log.info("generation_caught_up", generation=generation.number)
                continue
            self._marks[generation.number] = Mark(now, await self._ground.log.ends())


def _machine_of(worker_id: str) -> str:
    """Return the machine in a name that ``_enlist`` gave."""
    return worker_id.rsplit("-", 3)[0]


def _passed(mark: Mark, partitions: Sequence[Partition]) -> bool:
    return all(
        not one.from_archive
        and one.halted is None
        and all(at >= mark.ends.get((topic, one.partition), 0) for topic, at in one.positions.items())
        for one in partitions
    )


def one_worker(ground: Ground, generation: Generation, name: str, manner: Manner) -> Worker:
    """Return a worker on one generation; its process's page of metrics is told by that of the main one alone."""
    names = ground.settings.log.names
    ledger = PostgresLedger(ground.database, generation, space=ground.space, names=names)
    archive = (
        ArchivedLog(ground.database, generation, space=ground.space, names=names)
        if generation.began_with == "archive"
        else None
    )

    def figures() -> dict[str, object]:
        if not manner.main:
            return {}
        return {"process": f"{socket.gethostname()}-{os.getpid()}", "page": own_page(telemetry.WORKER_REGISTRY)}

    manner.kept_after_ms = ground.settings.limits.max_age_ms  # what the door would not have admitted live came as history
    return Worker(name, ground.log, ledger, ground.clock, ground.settings.stream, figures, archive=archive, manner=manner)
