"""What the embedded log keeps: one table a day, made ahead of time, dropped whole when it is old and applied."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from headrace.log.port import TOPICS, Topic
from headrace.store.pool import Connection, Database
from headrace.store.sql import Queries, place

AHEAD: Final = 2
"""Days for which tables stand ready; a later record goes to the table of the rest."""

_DAY: Final = re.compile(r"log_records_(\d{4})_(\d{2})_(\d{2})$")

SIX_WEEKS_MS: Final = 6 * 7 * 86_400_000
"""For so long the door remembers an id unless told otherwise: longer than the 30 days it admits by default."""

IDS_AT_ONCE: Final = 20_000
MOST_STEPS: Final = 50
"""So a million ids can go at a time, which is more than can come meanwhile."""

LOCK: Final = 0x64617973
"""The advisory lock ("days") that keeps two processes from making the same table at once."""


async def make_days(database: Database, *, space: str, now_ms: int | None = None) -> None:
    """Make the tables of today (by the database's clock, which dates the records, or by ``now_ms``) and the days to come.

    Days whose records reached the table of the rest get theirs too, and the records move there. Raises ``Unavailable``.
    """
    queries = Queries("headrace.log.postgres", space=space)
    async with database.connection() as connection:
        today: date = await connection.fetchval("SELECT (now() AT TIME ZONE 'utc')::date") if now_ms is None else _date(now_ms)
        wanted = {today + timedelta(days=ahead) for ahead in range(AHEAD + 1)}
        wanted.update(row["day"] for row in await connection.fetch(queries["days_of_the_rest"]))
        if wanted <= set(await _days(connection, queries)):
            return
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            for day in sorted(wanted - set(await _days(connection, queries))):
                await connection.execute(place(_table(day), space=space))


async def tend(
    database: Database,
    *,
    space: str,
    now_ms: int,
    retention_hours: int,
    applied: Mapping[tuple[Topic, int], int],
    remembered_ms: int = SIX_WEEKS_MS,
) -> None:
    """Make the coming days' tables, drop those past the retention whose records are all applied, forget old ids.

    ``applied`` is the lowest position over all generations; a record at or above it is never dropped. Ids are
    remembered for ``remembered_ms``, which must be longer than the age that the door admits.
    """
    queries = Queries("headrace.log.postgres", space=space)
    await make_days(database, space=space, now_ms=now_ms)
    newest_to_drop = _date(now_ms - (retention_hours + 24) * 3_600_000)
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL lock_timeout = '5s'")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        days = await _days(connection, queries)
        for day in sorted(day for day in days if day <= newest_to_drop):
            lasts = await connection.fetch(queries["last_of_day"], day)
            if any(row["last"] >= applied.get((TOPICS[row["topic"]], row["partition"]), 0) for row in lasts):
                break
            await connection.execute(f"DROP TABLE {place('@space', space=space)}.{days[day]}")
    async with database.connection() as connection:
        await _forget(connection, queries["forget_ids"], now_ms - remembered_ms)


async def _forget(connection: Connection, query: str, before_ms: int) -> None:
    # In many small steps, so that no step holds anybody up.
    for _ in range(MOST_STEPS):
        if await connection.execute(query, before_ms, IDS_AT_ONCE) != f"DELETE {IDS_AT_ONCE}":
            return


async def _days(connection: Connection, queries: Queries) -> dict[date, str]:
    names = [row["relname"] for row in await connection.fetch(queries["days"])]
    return {day: name for name in names if (day := _day(name)) is not None}


def _date(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, UTC).date()


def _day(table: str) -> date | None:
    found = _DAY.search(table)
    return date(int(found[1]), int(found[2]), int(found[3])) if found else None


def _table(day: date) -> str:
    name = f"@space.log_records_{day:%Y_%m_%d}"
    following = day + timedelta(days=1)
    # Rows that reached the table of the rest before this day's table was made move with it. That table is locked first: a
    # row that is on its way into it while the others move would forbid the new table.
    return f"""
    SET LOCAL lock_timeout = '5s';
    LOCK TABLE @space.log_records_otherwise IN ACCESS EXCLUSIVE MODE;
    CREATE TABLE {name} (LIKE @space.log_records INCLUDING ALL);
    WITH moved AS (DELETE FROM @space.log_records_otherwise WHERE day >= '{day}' AND day < '{following}' RETURNING *)
    INSERT INTO {name} SELECT * FROM moved;
    ALTER TABLE @space.log_records ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{following}');
    """  # noqa: S608 - a date is all that is put in
