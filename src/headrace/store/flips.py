"""Which generation is read: proposed, held ready by every replica, flipped to; and generations that go for good."""

from dataclasses import dataclass
from typing import Final

from headrace.store.generations import LOCK
from headrace.store.pool import Database
from headrace.store.sql import Queries, generation_schema

ALIVE_S: Final = 3.0
"""A replica not heard of for so long is not waited for; it moves by itself when it comes back."""

PROPOSED_S: Final = 10.0
"""A proposal that nobody renews for so long counts no more: whoever made it was killed."""


@dataclass(frozen=True, slots=True)
class Readers:
    """The generation that is read, the one before it, and the one that replicas are to hold ready."""

    live: int
    previous: int | None
    candidate: int | None


@dataclass(frozen=True, slots=True)
class Replica:
    """An API process that lives: the generation it answers from, and the one it holds ready beside it."""

    replica_id: str
    generation: int | None
    candidate: int | None
    as_of_ms: int


class Flips:
    """Moves the readers of a space. Every method raises ``Unavailable``."""

    def __init__(self, database: Database, *, space: str) -> None:
        self._database = database
        self._space = space
        self._queries = Queries("headrace.store", space=space)

    async def readers(self) -> Readers | None:
        """Return what is read; None before there is any generation."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(self._queries["readers"])
        return None if row is None else Readers(row["generation"], row["previous"], row["candidate"])

    async def replicas(self) -> list[Replica]:
        """Return the replicas that live."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["living_replicas"], ALIVE_S)
        return [Replica(row["replica_id"], row["generation"], row["candidate"], row["as_of_ms"]) for row in rows]

    async def propose(self, number: int) -> bool:
        """Have replicas hold a generation ready, for some seconds unless it is proposed again.

        False where it is being read already or dropped, or where another one is proposed.
        """
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            return bool(await connection.execute(self._queries["propose"], number, PROPOSED_S) == "UPDATE 1")

    async def withdraw(self, number: int) -> None:
        """Propose a generation no more."""
        async with self._database.connection() as connection:
            await connection.execute(self._queries["withdraw"], number)

    async def flip(self, number: int) -> bool:
        """Have everybody read the proposed generation from now on; False where it is not proposed."""
        async with self._database.connection() as connection:
            return bool(await connection.execute(self._queries["flip"], number) != "UPDATE 0")

    async def begin_dropping(self, number: int) -> bool:
        """Have the workers leave a generation; False where somebody reads it or another is built from it."""
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            return bool(await connection.execute(self._queries["begin_dropping"], number, ALIVE_S) == "UPDATE 1")

    async def drop(self, number: int, lease_ms: int) -> bool:
        """Take the tables of a generation that is being dropped; False while a worker is still on it. Idempotent."""
        own = Queries("headrace.store", space=self._space, generation=number)
        async with self._database.transaction() as connection:
            if await connection.fetchval(own["workers"], number, float(lease_ms)):
                return False
            await connection.execute("SET LOCAL lock_timeout = '5s'; SET LOCAL client_min_messages = warning")
            await connection.execute(f"DROP SCHEMA IF EXISTS {generation_schema(self._space, number)} CASCADE")
            await connection.execute(own["dropped"], number)
        return True

    async def left_behind(self, group_id: str, hours: int) -> list[int]:
        """Return the group's generations that were read once and have been left for so long."""
        async with self._database.connection() as connection:
            return [row["number"] for row in await connection.fetch(self._queries["left_behind"], group_id, hours)]

    async def forget_replicas(self) -> None:
        """Forget replicas that ended without a word, and reports that are old."""
        async with self._database.connection() as connection:
            await connection.execute(self._queries["forget_replicas"])
