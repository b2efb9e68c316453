"""Moving a worker group to another log: from the embedded one to Kafka, to another cluster, or back."""

from dataclasses import dataclass

from headrace.clock import SystemClock
from headrace.config import Settings
from headrace.store import bindings
from headrace.store.bindings import POSTGRES
from headrace.store.generations import find
from headrace.store.migrations import migrate_space
from headrace.wiring.ground import grounded


class NotMoved(Exception):
    """The group cannot be moved as things are; the message says what to do first."""


@dataclass(frozen=True, slots=True)
class Switched:
    """What was moved: how many generations, from which log (None: it was not known) to which."""

    generations: int
    before: str | None
    now: str


async def switch(settings: Settings, *, drained: bool) -> Switched:
    """Move the group of the settings to the begin of the log of the settings.

    ``drained`` says that nothing waits in a Kafka that is left: we cannot look there any more. Raises ``NotMoved`` and
    ``Unavailable``.
    """
    group_id = settings.stream.group_id
    async with grounded(settings, SystemClock()) as ground:
        await migrate_space(ground.database, ground.space)
        await ground.log.open()
        identity = ground.log.identity
        generation = await find(ground.database, ground.space, group_id)
        before = await bindings.bound_to(ground.database, ground.space, group_id)
        if generation is None or before in {None, identity}:
            return Switched(0, before, identity)
        if generation.partitions != ground.log.partitions:
            raise NotMoved(
                f"the group {group_id!r} has {generation.partitions} partitions and the log {ground.log.partitions}: its users"
                " would change partitions; give KAFKA_WORKER_GROUP_ID a new name, which builds new features"
            )
        if await ground.operations(generation).alive(settings.stream.lease_ms):
            raise NotMoved(f"workers of the group {group_id!r} are at work: stop them first")
        if before != POSTGRES and not drained:
            raise NotMoved(
                f"what still waits in {before} would be left out: let the workers apply it first (`headrace stream status`"
                " with the former settings tells when nothing waits), then say --drained"
            )
        moved = await bindings.switch(ground.database, ground.space, group_id, identity, await ground.log.begins())
        return Switched(moved, before, identity)
