"""The plain service: FastAPI over a pool of connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Annotated, Final
from uuid import uuid4

import asyncpg
from fastapi import FastAPI, Query
from pydantic import BaseModel, Field

from headrace import wiring
from headrace.config import Settings
from headrace.events.types import Action, EventId, Interaction, ItemId, SessionId, UserId
from headrace.features import history
from headrace.features.decay import factor
from headrace.features.history import Entry
from headrace.features.projection import Recent, Rules, project
from headrace.features.writes import Writes
from headrace.ranking.blend import Blend
from headrace.retrieval.covisitation import CoVisitation
from headrace.serving import asking
from headrace.snapshot.settings import SnapshotSettings
from headrace.store.generations import Generation
from headrace.store.sql import named, place

RULES: Final = CoVisitation(history=10, recency=1.0, smoothing=10.0, damping=0.1)
BLEND: Final = Blend(popularity=0.02)
MOST: Final = SnapshotSettings().neighbours
MORE: Final = 20
"""How many more candidates are asked for than wanted: at most so many are in the history."""


class EventIn(BaseModel):
    """An event as the door takes it, without the door's rules."""

    event_id: str = Field(min_length=8, max_length=64)
    user_id: str = Field(min_length=1, max_length=128)
    item_id: str = Field(min_length=1, max_length=128)
    event_type: Action
    ts: int
    session_id: str | None = None


class Plain:
    """Reads and writes plain tables, each row by a statement of its own."""

    def __init__(self, pool: asyncpg.Pool, rules: Rules) -> None:
        self._pool = pool
        self._rules = rules
        self._sql = named(files(__package__).joinpath("queries.sql").read_text(encoding="utf-8"))

    async def prepare(self, generation: Generation, *, space: str) -> None:
        """Make the tables from the product's; they must not be there."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(place(self._sql["make"], space=space, generation=generation.number), timeout=900)

    async def take(self, event: EventIn) -> bool:
        """Apply an event in one transaction; return False for one that is known."""
        sql, size = self._sql, self._rules.settings.history_size
        ts_ms = event.ts if event.ts >= 100_000_000_000 else event.ts * 1000
        told = Interaction(
            event_id=EventId(event.event_id),
            user_id=UserId(event.user_id),
            item_id=ItemId(event.item_id),
            event_type=event.event_type,
            ts_ms=ts_ms,
            session_id=None if event.session_id is None else SessionId(event.session_id),
        )
        entry = history.entry_of(told)
        async with self._pool.acquire() as connection, connection.transaction():
            kept = await connection.fetchval(
                sql["keep"], event.event_id, event.user_id, event.item_id, event.event_type, ts_ms, event.session_id
            )
            if kept is None:
                return False
            rows = await connection.fetch(sql["history"], event.user_id, size)
            writes = Writes()
            project(told, Recent({event.user_id: [_entry(row) for row in rows]}), self._rules, writes)
            # One order for everybody, or two events of the same items would wait for each other for ever.
            for item_id, item in sorted(writes.items.items()):
                await connection.execute(sql["add_item"], item_id, item.events, item.weight, item.decayed, item.visits)
            for (low, high), pair in sorted(writes.pairs.items()):
                await connection.execute(sql["add_pair"], low, high, pair.low_to_high)
                await connection.execute(sql["add_pair"], high, low, pair.high_to_low)
            await connection.execute(
                sql["remember"],
                event.user_id,
                entry.item_id,
                ts_ms,
                entry.weight,
                entry.event_type,
                event.event_id,
                entry.session_id,
            )
            await connection.execute(sql["forget"], event.user_id, size)
            await connection.execute(sql["advance"], ts_ms)
            return True

    async def recommend(self, user_id: str, k: int) -> list[str]:
        """Return what the recipe ``rules-v1`` answers, from the tables."""
        sql = self._sql
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(sql["history"], user_id, self._rules.settings.history_size)
            recent = asking.query(user_id, None, "", k, [_entry(row) for row in rows]).recent
            seen = set(recent)
            items: list[str] = []
            if recent:
                newest = await connection.fetchval(sql["newest"])
                now = factor(newest, self._rules.landmark_ms, self._rules.settings.half_life_ms)
                speakers = list(recent[: RULES.history])
                found = await connection.fetch(
                    sql["personal"],
                    speakers,
                    RULES.smoothing,
                    now,
                    RULES.recency,
                    MOST,
                    RULES.damping,
                    BLEND.popularity,
                    k + MORE,
                )
                items = [row["item_id"] for row in found if row["item_id"] not in seen][:k]
            if len(items) < k:
                popular = await connection.fetch(sql["popular"], k + len(seen) + len(items))
                items += [row["item_id"] for row in popular if row["item_id"] not in seen and row["item_id"] not in items]
            return items[:k]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Plain]:
    """Yield the plain service on this database, its tables made where they are missing."""
    async with (
        wiring.looked_at(settings) as (ground, generation),
        asyncpg.create_pool(settings.database.url, min_size=1, max_size=settings.database.pool_max) as pool,
    ):
        plain = Plain(pool, generation.rules)
        if not await pool.fetchval("SELECT to_regnamespace('plain') IS NOT NULL"):
            await plain.prepare(generation, space=ground.space)
        yield plain


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[FastAPI]:
    """Yield the application with its routes."""
    async with opened(settings) as plain:
        app = FastAPI()

        @app.get("/healthz")
        async def healthz() -> dict[str, str]:
            return {"status": "ok"}

        @app.get("/reco")
        async def reco(
            user_id: Annotated[str, Query(min_length=1, max_length=128)],
            session_id: str | None = None,  # noqa: ARG001 -- taken as ours takes it
            k: Annotated[int, Query(ge=1, le=200)] = 20,
            x_autolog_impressions: bool = True,  # noqa: ARG001, FBT001, FBT002 -- as above; nothing is logged here
        ) -> dict[str, object]:
            items = await plain.recommend(user_id, k)
            return {"request_id": uuid4().hex, "items": items, "model_version": "plain", "strategy": "sql"}

        @app.post("/event")
        async def event(body: EventIn) -> dict[str, str]:
            taken = await plain.take(body)
            return {"status": "ok" if taken else "duplicate", "event_id": body.event_id}

        yield app


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(row["item_id"], row["ts_ms"], row["weight"], row["event_type"], row["event_id"], row["session_id"])
