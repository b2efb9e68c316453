"""The limit of anything that keeps watches in this Postgres: one client, one table, one statement and commit a group.

The table has the columns, types and primary key of the archive's ``watches``, and nothing else: no ids to remember, no log, no
features. The client is asyncpg over the same unix socket, its statement prepared; arguments are made outside the measured time.
"""

from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from headrace.clock import Clock

TABLE: Final = "bench_bare_watches"
MAKE: Final = f"""
CREATE TABLE {TABLE} (
    event_id text NOT NULL, user_id text NOT NULL, session_id text NOT NULL, request_id text NOT NULL, item_id text NOT NULL,
    ts_ms bigint NOT NULL, watch_time_sec double precision NOT NULL, percent_watched double precision, ended boolean,
    playback_speed double precision, rebuffer_count integer, context jsonb, server_received_ts_ms bigint NOT NULL,
    partition integer NOT NULL, "offset" bigint NOT NULL, applied bigint NOT NULL, PRIMARY KEY (partition, applied)
)"""
INSERT: Final = f"""
INSERT INTO {TABLE} SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
    $7::float8[], $8::float8[], $9::boolean[], $10::float8[], $11::int[], $12::jsonb[],
    $13::bigint[], $14::int[], $15::bigint[], $16::bigint[])
"""  # noqa: S608 -- the name is ours


@dataclass(slots=True)
class Inserted:
    """How many rows went in, in how many seconds of waiting for Postgres."""

    rows: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Return rows in a second."""
        return self.rows / self.seconds


async def measure(url: str, *, group: int, seconds: float, clock: Clock) -> Inserted:
    """Insert groups of so many rows for so long into a new table, which is dropped afterwards."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        await connection.execute(MAKE)
        insert = await connection.prepare(INSERT)
        found = Inserted()
        while found.seconds < seconds:
            arguments = _arguments(found.rows, group)
            began = clock.monotonic()
            await insert.fetch(*arguments)
            found.seconds += clock.monotonic() - began
            found.rows += group
        return found
    finally:
        await connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        await connection.close()


def _arguments(first: int, group: int) -> list[list[Any]]:
    numbers = range(first, first + group)
    return [
        [f"bare-{n:012d}" for n in numbers],
        [f"user-{n * 7919 % 100_000:06d}" for n in numbers],
        [f"made-{n // 8:08d}" for n in numbers],
        [f"request-{n // 8:08d}" for n in numbers],
        [f"item-{n * 104_729 % 100_000:06d}" for n in numbers],
        [1_760_000_000_000 + n for n in numbers],
        [float(n % 300) for n in numbers],
        [float(n % 100) for n in numbers],
        [n % 2 == 0 for n in numbers],
        [None] * group,
        [None] * group,
        [None] * group,
        [1_760_000_000_000 + n for n in numbers],
        [n % 4 for n in numbers],
        list(numbers),
        list(numbers),
    ]
