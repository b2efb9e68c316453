"""The dead letters of one generation in Postgres: the adapter behind ``stream.letters``."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg

from headrace.clock import Clock
from headrace.log.port import TOPICS, Topic
from headrace.store.generations import Generation
from headrace.store.pool import Database
from headrace.store.sql import Queries
from headrace.stream.letters import Cause, Choice, Letter, Position, State

BEFORE_ALL = Position("", -1, -1)


class PostgresLetters:
    """The table ``dead_letters``; see ``stream.letters.Letters``."""

    def __init__(
        self, database: Database, generation: Generation, clock: Clock, *, space: str, names: Mapping[Topic, str]
    ) -> None:
        self._database = database
        self._clock = clock
        self._names = names
        self._queries = Queries("headrace.store", space=space, generation=generation.number)

    async def causes(self, choice: Choice) -> list[Cause]:
        """Return the causes of the chosen letters."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["causes_of_death"], *_chosen(choice))
        return [
            Cause(
                row["handle"], row["cause"], row["error_type"], row["count"], row["first_ms"], row["last_ms"], row["topics"],
                Position(row["topics"][0], row["partition"], row["offset"]),
            )
            for row in rows
        ]  # fmt: skip

    async def page(self, choice: Choice, *, after: Position | None, limit: int) -> list[Letter]:
        """Return the chosen letters behind a position."""
        behind = BEFORE_ALL if after is None else after
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["dead_letters"], *_chosen(choice), *behind, limit)
        return [_letter(row) for row in rows]

    async def begin_redriving(self, records: Mapping[Position, bytes]) -> dict[Position, bytes]:
        """Note what open letters are redriven with."""
        if not records:
            return {}
        columns = [list(column) for column in zip(*records, strict=True)]
        async with self._database.transaction() as connection:
            await connection.execute(self._queries["lock_dead_letters"], *columns)
            rows = await connection.fetch(self._queries["begin_redriving"], *columns, list(records.values()))
        return {_position(row): row["redriving"] for row in rows}

    async def give_up_redriving(self, position: Position, record: bytes) -> None:
        """Let a letter be redriven with another record."""
        async with self._database.connection() as connection:
            await connection.execute(self._queries["give_up_redriving"], *position, record)

    async def settle(
        self, positions: Sequence[Position], state: State, now_ms: int, ids: Sequence[bytes] | None = None
    ) -> set[Position]:
        """Note what became of open letters."""
        if not positions:
            return set()
        columns = [list(column) for column in zip(*positions, strict=True)]
        counted_as: Sequence[bytes | None] = ids or [None] * len(positions)
        async with self._database.transaction() as connection:
            await connection.execute(self._queries["lock_dead_letters"], *columns)
            rows = await connection.fetch(self._queries["settle_dead_letters"], *columns, counted_as, state, now_ms)
        return {_position(row) for row in rows}

    async def known(self, ids: Collection[bytes]) -> dict[bytes, bytes]:
        """Return id and payload of the events that count already."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["known_ids"], list(ids))
        return {row["id"]: row["payload_hash"] for row in rows}

    async def counted(self, ids: Collection[bytes]) -> Mapping[bytes, Position]:
        """Return where these events were counted."""
        topics = [self._names[topic] for topic in TOPICS]
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["where_counted"], list(ids))
        return {row["id"]: Position(topics[row["kind"]], row["partition"], row["offset"]) for row in rows}

    @asynccontextmanager
    async def uncopied(self, limit: int) -> AsyncIterator[Sequence[Letter]]:
        """Lend letters to be copied: locked, passed over by other copiers, marked when the block ends well."""
        async with self._database.transaction() as connection:
            letters = [_letter(row) for row in await connection.fetch(self._queries["uncopied_dead_letters"], limit)]
            yield letters
            if letters:
                columns = [list(column) for column in zip(*(letter.position for letter in letters), strict=True)]
                await connection.execute(self._queries["mark_copied"], *columns, self._clock.now_ms())


def _chosen(choice: Choice) -> tuple[object, ...]:
    if choice.positions is None:
        return (None, None, None, choice.cause, choice.state)
    columns: list[list[object]] = [[], [], []]
    for position in choice.positions:
        for column, value in zip(columns, position, strict=True):
            column.append(value)
    return (*columns, choice.cause, choice.state)


def _position(row: asyncpg.Record) -> Position:
    return Position(row["source_topic"], row["source_partition"], row["source_offset"])


def _letter(row: asyncpg.Record) -> Letter:
    return Letter(
        position=_position(row),
        timestamp_ms=row["source_timestamp_ms"],
        key=row["source_key"],
        error_type=row["error_type"],
        error_message=row["error_message"],
        payload=row["payload"],
        payload_bytes=row["payload_bytes"],
        payload_sha256=row["payload_sha256"],
        failed_at_ms=row["failed_at_ms"],
        cause=row["cause"],
        state=State(row["state"]),
        settled_at_ms=row["settled_at_ms"],
        redriven_id=row["redriven_id"],
        copied_at_ms=row["copied_at_ms"],
        redriving=row["redriving"],
    )
