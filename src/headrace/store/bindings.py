"""Which log a group's positions belong to, and moving a group to another log."""

from collections.abc import Mapping

from headrace.log.port import TOPICS, Topic
from headrace.store.pool import Database
from headrace.store.sql import Queries

POSTGRES = "postgres"


class LogDiffers(Exception):
    """The positions of a group belong to another log than the one that is named; the message says what mends it."""

    def __init__(self, group_id: str, bound: str, named: str) -> None:
        super().__init__(
            f"the group {group_id!r} stands in another log ({bound}) than the one the settings name ({named}): set"
            " KAFKA_BOOTSTRAP back, or stop the workers and run `headrace stream switch`, which moves the group over"
        )


async def bind(database: Database, space: str, group_id: str, identity: str) -> None:
    """Write down that the group's positions belong to this log.

    Raises ``LogDiffers`` where they belong to another one, and ``Unavailable``.
    """
    bound = await bound_to(database, space, group_id)
    if bound is not None and bound != identity:
        raise LogDiffers(group_id, bound, identity)
    async with database.connection() as connection:
        await connection.execute(Queries("headrace.store", space=space)["bind_log"], group_id, identity)


async def bound_to(database: Database, space: str, group_id: str) -> str | None:
    """Return the log that the group's positions belong to; None where no process has seen both. Raises ``Unavailable``."""
    async with database.connection() as connection:
        found: str | None = await connection.fetchval(Queries("headrace.store", space=space)["bound_log"], group_id)
    return found


async def switch(database: Database, space: str, group_id: str, identity: str, begins: Mapping[tuple[Topic, int], int]) -> int:
    """Move all generations of the group to the begin of another log, in one transaction, and return how many there were.

    What they have applied of the one before stays counted; what of it comes again is known by its id. Records of the embedded
    log that no generation of the group has applied are left for the relay. Raises ``Unavailable``.
    """
    queries = Queries("headrace.store", space=space)
    async with database.transaction() as connection:
        rows = await connection.fetch(queries["generations_of_group_log"], group_id)
        for row in rows:
            own = Queries("headrace.store", space=space, generation=row["number"])
            if row["log"] == POSTGRES:
                await connection.execute(own["relay_from_applied"])
            for (partition,) in [(one["partition"],) for one in await connection.fetch(own["partition_numbers"])]:
                await connection.execute(
                    own["move_partition"], partition, [begins.get((topic, partition), 0) for topic in TOPICS]
                )
        await connection.execute(queries["rebind_log"], group_id, identity)
    return len(rows)
