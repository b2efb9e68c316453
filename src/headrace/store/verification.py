"""The proof: recompute every feature from the archive, in applied order, and compare with the live tables.

One REPEATABLE READ transaction, so it can run beside live ingest. Counts must be equal, decayed sums to a relative 1e-9.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from math import isclose
from typing import Any, Final

import asyncpg

from headrace.events import codec
from headrace.events.items import Item, ItemChange, changed
from headrace.events.types import Interaction, Watch
from headrace.features import history
from headrace.features.outcomes import DAY_MS, TOP
from headrace.features.projection import Recent, project
from headrace.features.writes import HOUR_MS, HourSum, Writes
from headrace.log.port import TOPICS, Topic
from headrace.store.archive import event_of
from headrace.store.generations import Generation
from headrace.store.pool import Connection, Database
from headrace.store.sql import Queries

TOLERANCE: Final = 1e-9
LONGEST_S: Final = 86_400.0
"""A proof over a large archive takes its time; no statement of it is cut short."""

ROWS_AT_ONCE: Final = 20_000
SHOWN_DIFFERENCES: Final = 10

Progress = Callable[[str, int, int], None]
"""Told (what is being done, how much of it is done, how much there is)."""


@dataclass(slots=True)
class Comparison:
    """One table against its recomputation: rows compared, and the first few differences in words."""

    table: str
    rows: int = 0
    different: int = 0
    examples: list[str] = field(default_factory=list)

    def hold(self, key: object, live: object, recomputed: object, *, equal: bool) -> None:
        """Take note of one row."""
        self.rows += 1
        if not equal:
            self.different += 1
            if len(self.examples) < SHOWN_DIFFERENCES:
                self.examples.append(f"{key}: live {live}, recomputed {recomputed}")


@dataclass(slots=True)
class Verification:
    """What was found: a comparison per table, events recomputed, and acknowledged events that wait to be applied."""

    generation: int
    events: int = 0
    waiting: int = 0
    comparisons: list[Comparison] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Return whether every table equals its recomputation."""
        return not any(comparison.different for comparison in self.comparisons)


Behind = Callable[[Mapping[int, Mapping[Topic, int]]], Awaitable[int]]
"""Returns how many acknowledged records stand behind these positions of a log that is not kept in this database."""


class Verifier:
    """Recomputes one generation."""

    def __init__(self, database: Database, generation: Generation, *, space: str, far: Behind | None = None) -> None:
        self._database = database
        self._far = far
        self._generation = generation
        self._queries = Queries("headrace.store", space=space, generation=generation.number)

    async def verify(self, progress: Progress) -> Verification:
        """Return the comparison of every feature table with its recomputation. Raises ``Unavailable``."""
        found = Verification(self._generation.number)
        async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
            await connection.execute("SET LOCAL statement_timeout = 0")
            partitions = await connection.fetch(self._queries["partitions"], timeout=LONGEST_S)
            total = sum(row["applied"] for row in partitions)
            writes = Writes()
            histories = Comparison("user_history")
            counts = Comparison("positions")
            catalogue = Comparison("catalogue")
            for row in partitions:
                await self._positions(connection, row, counts)
                recent = await self._replay(
                    connection, row["partition"], writes, found, lambda n: progress("recomputing", n, total)
                )
                await self._histories(connection, row["partition"], recent, histories)
                await self._catalogue(connection, row["partition"], catalogue)
            found.comparisons = [
                counts,
                await self._items(connection, writes),
                await self._pairs(connection, writes),
                histories,
                catalogue,
                *await self._outcomes(connection),
            ]
            found.waiting = await self._waiting(connection, partitions)
        return found

    async def _replay(
        self, connection: Connection, partition: int, writes: Writes, found: Verification, tell: Callable[[int], None]
    ) -> Recent:
        recent = Recent()
        async for rows in self._rows(connection, "acts", partition):
            for row in rows:
                project(_act(row), recent, self._generation.rules, writes)
                writes.histories.clear()
                writes.hours.clear()
            recent.outcomes.follow_ups.clear()
            found.events += len(rows)
            tell(found.events)
        return recent

    async def _rows(self, connection: Connection, name: str, *arguments: object) -> AsyncIterator[list[asyncpg.Record]]:
        cursor = await connection.cursor(self._queries[name], *arguments)
        while rows := await cursor.fetch(ROWS_AT_ONCE, timeout=LONGEST_S):
            yield rows

    async def _positions(self, connection: Connection, row: asyncpg.Record, comparison: Comparison) -> None:
        """Every offset passed is an archived event, a duplicate, a dead letter or a recorded gap.

        While an archive is read, positions are numbers in the source's applied order; what was passed is what was applied.
        """
        passed = row["applied"] if row["from_archive"] else sum(row["positions"]) - sum(row["started_from"])
        archived = await connection.fetchval(self._queries["archived"], row["partition"], timeout=LONGEST_S)
        explained = archived + sum(row["duplicates"]) + row["dead"] + row["skipped"]
        comparison.hold(
            f"partition {row['partition']}", f"{passed} offsets", f"{explained} explained", equal=passed == explained
        )

    async def _waiting(self, connection: Connection, partitions: list[asyncpg.Record]) -> int:
        """Return how many acknowledged records stand behind the positions; by a moment later where the log is not in here."""
        positions = {row["partition"]: row["positions"] for row in partitions if not row["from_archive"]}
        if self._far is not None:
            return await self._far({number: dict(zip(TOPICS, at, strict=False)) for number, at in positions.items()})
        heads = await connection.fetch(self._queries["heads"], timeout=LONGEST_S)
        return sum(
            row["next_offset"] - positions[row["partition"]][row["topic"]] for row in heads if row["partition"] in positions
        )

    async def _items(self, connection: Connection, writes: Writes) -> Comparison:
        comparison = Comparison("item_popularity")
        async for rows in self._rows(connection, "snapshot_items"):
            for row in rows:
                ours = writes.items.pop(row["item_id"], None)
                equal = ours is not None and (
                    ours.events == row["events"]
                    and ours.weight == row["weight"]
                    and _close(ours.decayed, row["decayed"])
                    and _close(ours.visits, row["visits"])
                )
                comparison.hold(row["item_id"], tuple(row), ours, equal=equal)
        for key, ours in writes.items.items():
            comparison.hold(key, None, ours, equal=False)
        return comparison

    async def _pairs(self, connection: Connection, writes: Writes) -> Comparison:
        comparison = Comparison("co_visitation")
        async for rows in self._rows(connection, "snapshot_pairs"):
            for row in rows:
                ours = writes.pairs.pop((row["low"], row["high"]), None)
                equal = ours is not None and (
                    ours.meetings == row["meetings"]
                    and _close(ours.low_to_high, row["low_to_high"])
                    and _close(ours.high_to_low, row["high_to_low"])
                )
                comparison.hold((row["low"], row["high"]), tuple(row), ours, equal=equal)
        for key, ours in writes.pairs.items():
            comparison.hold(key, None, ours, equal=False)
        return comparison

    async def _histories(self, connection: Connection, partition: int, recent: Recent, comparison: Comparison) -> None:
        async for rows in self._rows(connection, "all_histories", partition):
            for row in rows:
                live = history.decode(row["entries"])
                ours = recent.histories.pop(row["user_id"], None)
                comparison.hold(row["user_id"], live, ours, equal=live == ours)
        for key, ours in recent.histories.items():
            comparison.hold(key, None, ours, equal=False)

    async def _catalogue(self, connection: Connection, partition: int, comparison: Comparison) -> None:
        """Compare a partition's items with what its changes make of them."""
        items: dict[str, Item | None] = {}
        async for rows in self._rows(connection, "all_changes", partition):
            for row in rows:
                change = event_of(Topic.CATALOGUE, row)
                if isinstance(change, ItemChange):
                    items[change.item_id] = changed(items.get(change.item_id), change)
        async for rows in self._rows(connection, "partition_catalogue", partition):
            for row in rows:
                live = None if row["item"] is None else codec.decode_item(row["item"])
                known = row["item_id"] in items
                ours = items.pop(row["item_id"], None)
                comparison.hold(row["item_id"], live, ours, equal=known and live == ours)
        for key, ours in items.items():
            comparison.hold(key, None, ours, equal=False)

    async def _recomputed_outcomes(self, connection: Connection) -> tuple[dict[tuple[int, int], HourSum], set[tuple[int, str]]]:
        """Return outcomes by (hour, partition) and (day, item) pairs shown, request by request."""
        hours: dict[tuple[int, int], HourSum] = {}
        days: set[tuple[int, str]] = set()
        for row in await connection.fetch(self._queries["watched_hours"], timeout=LONGEST_S):
            hours[row["hour"], row["partition"]] = HourSum(watches=row["watches"], watch_seconds=row["watch_seconds"])
        request = _Request("", "")
        async for rows in self._rows(connection, "requests_and_acts"):
            for row in rows:
                if (row["request_id"], row["user_id"]) != (request.request_id, request.user_id):
                    request = _Request(row["request_id"], row["user_id"])
                if row["kind"] == _SHOWN:
                    days.update(request.show(row, hours))
                else:
                    request.act(row, hours)
        return hours, days

    async def _outcomes(self, connection: Connection) -> list[Comparison]:
        hours, days = await self._recomputed_outcomes(connection)
        by_hour = Comparison("outcome_hours")
        for row in await connection.fetch(self._queries["all_hours"], timeout=LONGEST_S):
            ours = hours.pop((row["hour"], row["partition"]), HourSum())
            live = HourSum(row["requests"], row["shown"], row["followed"], row["watches"], row["watch_seconds"])
            equal = (live.requests, live.shown, live.followed, live.watches) == (
                ours.requests, ours.shown, ours.followed, ours.watches,
            ) and _close(live.watch_seconds, ours.watch_seconds)  # fmt: skip
            by_hour.hold((row["hour"], row["partition"]), live, ours, equal=equal)
        for key, ours in hours.items():
            by_hour.hold(key, None, ours, equal=ours == HourSum())
        by_day = Comparison("outcome_items")
        live_days = {
            (row["day"], row["item_id"]) for row in await connection.fetch(self._queries["all_shown_items"], timeout=LONGEST_S)
        }
        for shown_on in live_days | days:
            live_too, ours_too = shown_on in live_days, shown_on in days
            by_day.hold(shown_on, live_too, ours_too, equal=live_too and ours_too)
        return [by_hour, by_day]


_SHOWN: Final = 0
"""The kind of a row that shows items; others are acts. A request's shows come first."""


@dataclass(slots=True)
class _Request:
    """One request of one user, its rows taken one after the other."""

    request_id: str
    user_id: str
    place: tuple[int, int] | None = None
    day: int = 0
    shown: set[str] = field(default_factory=set)
    followed: set[str] = field(default_factory=set)

    def show(self, row: asyncpg.Record, hours: dict[tuple[int, int], HourSum]) -> list[tuple[int, str]]:
        """Count a shown list; return the (day, item) pairs that are new to this request."""
        if self.place is None:
            self.place = (row["ts_ms"] // HOUR_MS, row["partition"])
            self.day = row["ts_ms"] // DAY_MS
            hours.setdefault(self.place, HourSum()).requests += 1
        pairs = zip(row["item_ids"], row["positions"], strict=True)
        fresh = {item for item, position in pairs if position < TOP} - self.shown
        hours[self.place].shown += len(fresh)
        self.shown |= fresh
        return [(self.day, item) for item in fresh]

    def act(self, row: asyncpg.Record, hours: dict[tuple[int, int], HourSum]) -> None:
        """Count an act on items that this request has shown."""
        fresh = (set(row["item_ids"]) & self.shown) - self.followed
        if fresh and self.place is not None:
            hours[self.place].followed += len(fresh)
        self.followed |= fresh


def _close(one: float, other: float) -> bool:
    return isclose(one, other, rel_tol=TOLERANCE, abs_tol=0.0)


def _act(row: asyncpg.Record) -> Interaction | Watch:
    head: dict[str, Any] = {name: row[name] for name in ("event_id", "user_id", "item_id", "ts_ms", "session_id", "request_id")}
    if row["event_type"] == "watch":
        return Watch(**head, watch_time_sec=row["watch_time_sec"], percent_watched=row["percent_watched"])
    return Interaction(**head, event_type=row["event_type"])
