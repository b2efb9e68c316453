"""Workers gone for a day: their rows go, and what they counted stays, so that no counter of the merged page falls."""

import asyncio
from collections import defaultdict
from typing import Final

import asyncpg
import msgspec

from headrace.store.pool import Database
from headrace.store.sql import Queries
from headrace.telemetry import merging

LOCK: Final = 0x676F6E65
"""The advisory lock ("gone") under which one process at a time does this."""


class _Told(msgspec.Struct, omit_defaults=True):
    page: str = ""
    process: str = ""


async def fold(database: Database, queries: Queries) -> None:
    """Fold the pages of workers gone for a day into one row a group. Raises ``Unavailable``.

    A process tells one page, with whichever of its workers is on the main generation: only its last one counts, and only
    once all of its workers are gone.
    """
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        rows = await connection.fetch(queries["departed_workers"])
        if not any(row["gone"] for row in rows):
            return
        for group in {row["group_id"] for row in rows if row["gone"]} - {None}:
            ours = [row for row in rows if row["group_id"] == group]
            folded = _folded(group)
            pages = _departed(ours, folded)
            if pages:
                page = await asyncio.to_thread(merging.merge, [(page, False) for page in pages])
                told = msgspec.json.encode(_Told(page, folded)).decode()
                await connection.execute(queries["keep_departed"], folded, max(row["generation"] for row in ours), told)
        await connection.execute(queries["forget_workers"], [row["worker_id"] for row in rows if row["gone"]])


def _folded(group: str) -> str:
    return f"departed from {group}"


def _departed(rows: list[asyncpg.Record], folded: str) -> list[str]:
    """Return the pages to fold: what was folded before, and the last one of every process that is gone for good."""
    by_process: dict[str, list[asyncpg.Record]] = defaultdict(list)
    before = []
    for row in rows:
        told = msgspec.json.decode(row["figures"], type=_Told)
        if row["worker_id"] == folded:
            before.append(told.page)
        else:
            by_process[told.process or row["worker_id"]].append(row)
    last = [
        [page for row in ours if (page := msgspec.json.decode(row["figures"], type=_Told).page)][-1:]
        for ours in by_process.values()
        if all(row["gone"] for row in ours)
    ]
    new = [page for pages in last for page in pages]
    return [*before, *new] if new else []
