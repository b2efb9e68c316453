"""What the embedded log keeps: one table a day, made ahead of time, dropped whole when it is old and applied."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from headrace.log.port import TOPICS, Topic
from headrace.store.pool import Database
from headrace.store.sql import Queries, place

AHEAD: Final = 2
"""Days for which tables stand ready; a later record goes to the table of the rest."""

_DAY: Final = re.compile(r"log_records_(\d{4})_(\d{2})_(\d{2})$")

DOOR_WEEKS: Final = 6
"""Weeks for which the door remembers an id: longer than the age it admits."""


async def tend(
    database: Database, *, space: str, now_ms: int, retention_hours: int, applied: dict[tuple[Topic, int], int]
) -> None:
    """Make the coming days' tables, drop those past the retention whose records are all applied, forget old ids.

    ``applied`` is the lowest position over all generations; a record at or above it is never dropped.
    """
    queries = Queries("headrace.log.postgres", space=space)
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    async with database.connection() as connection:
        days = {day: row["relname"] for row in await connection.fetch(queries["days"]) if (day := _day(row["relname"]))}
        for ahead in range(AHEAD + 1):
            day = today + timedelta(days=ahead)
            if day not in days:
                await connection.execute(place(_table(day), space=space))
        newest_to_drop = datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(hours=retention_hours + 24)
        for day in sorted(day for day in days if day <= newest_to_drop.date()):
            lasts = await connection.fetch(queries["last_of_day"], day)
            if any(row["last"] >= applied.get((TOPICS[row["topic"]], row["partition"]), 0) for row in lasts):
                break
            await connection.execute(f"DROP TABLE {place('@space', space=space)}.{days[day]}")
        await connection.execute(queries["forget_ids"], now_ms - DOOR_WEEKS * 7 * 86_400_000, 50_000)


def _day(table: str) -> date | None:
    found = _DAY.search(table)
    return date(int(found[1]), int(found[2]), int(found[3])) if found else None


def _table(day: date) -> str:
    name = f"@space.log_records_{day:%Y_%m_%d}"
    following = day + timedelta(days=1)
    # Rows that reached the table of the rest before this day's table was made move with it, in one transaction.
    return f"""
    BEGIN;
    SET LOCAL lock_timeout = '5s';
    CREATE TABLE {name} (LIKE @space.log_records INCLUDING ALL);
    WITH moved AS (DELETE FROM @space.log_records_otherwise WHERE day >= '{day}' AND day < '{following}' RETURNING *)
    INSERT INTO {name} SELECT * FROM moved;
    ALTER TABLE @space.log_records ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{following}');
    COMMIT;
    """  # noqa: S608 - every part of the text is a date of ours
