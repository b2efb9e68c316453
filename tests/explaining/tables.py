"""What an explanation must say, worked out from the tables alone: SQL by the formulas of docs/explanation/features.md."""

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.support.loop import Loop

PATIENCE_S: Final = 120.0
"""For one query: the sets that somebody names have a million pairs, and no index is there for what is asked."""

HALF_LIFE_MS: Final = 20 * 86_400_000
MOST_LINKS: Final = 200
"""So many neighbours of an item are kept in memory."""

CANDIDATES: Final = """
WITH now AS (
    SELECT power(2, ((SELECT max(newest_ts_ms) FROM @gen.partitions) - g.landmark_ms) / $2::float8) AS factor
    FROM @space.generations AS g JOIN @space.live AS l ON l.generation = g.number
), past AS (
    SELECT e.value->>0 AS item_id, max(e.n) AS n
    FROM @gen.user_history, json_array_elements(entries) WITH ORDINALITY AS e (value, n) WHERE user_id = $1 GROUP BY 1
), mine AS (SELECT item_id, row_number() OVER (ORDER BY n DESC) AS rank FROM past),
stored AS (
    SELECT m.item_id AS mine, m.rank, CASE WHEN c.low = m.item_id THEN c.high ELSE c.low END AS item_id, c.meetings,
        CASE WHEN c.low = m.item_id THEN c.low_to_high ELSE c.high_to_low END AS strength
    FROM mine AS m JOIN @gen.co_visitation AS c ON m.item_id IN (c.low, c.high)
),
links AS (SELECT *, row_number() OVER (PARTITION BY mine ORDER BY strength DESC) AS place FROM stored)
SELECT l.item_id, l.mine, l.rank, l.meetings, l.strength / now.factor AS strength_now,
    power(l.strength / (v.visits + 10 * now.factor) * l.meetings / (l.meetings + 0.5), 0.7) / l.rank AS voice,
    power(p.events + 1::float8, -0.1) AS damping, p.events, p.weight, p.decayed / now.factor AS weight_now,
    p.visits / now.factor AS visits_now, l.item_id IN (SELECT item_id FROM mine) AS seen
FROM links AS l CROSS JOIN now
JOIN @gen.item_popularity AS v ON v.item_id = l.mine
JOIN @gen.item_popularity AS p ON p.item_id = l.item_id
WHERE l.rank <= $3 AND l.place <= $4 ORDER BY l.item_id, l.rank
"""
"""Every link from one of a user's latest items to another, with what the recipe ``default`` makes of it."""

_STEPS: Final = """
WITH newest AS (SELECT max(ts_ms) AS ms FROM @gen.interactions),
raw AS (
    SELECT user_id, session_id, item_id, power(2, (ts_ms - newest.ms) / $1::float8) AS factor,
        CASE event_type WHEN 'view' THEN 1 WHEN 'click' THEN 3 WHEN 'purchase' THEN 10 END AS weight,
        row_number() OVER (PARTITION BY user_id ORDER BY ts_ms, applied) AS n
    FROM @gen.interactions CROSS JOIN newest
    WHERE user_id IN (SELECT user_id FROM @gen.interactions WHERE item_id = $2)
), runs AS (
    SELECT *, lag(item_id) OVER s IS DISTINCT FROM item_id AS first, lead(item_id) OVER s IS DISTINCT FROM item_id AS last
    FROM raw WINDOW s AS (PARTITION BY user_id, session_id ORDER BY n)
), steps AS (SELECT *, sum(first::int) OVER (PARTITION BY user_id, session_id ORDER BY n) AS step FROM runs),
"""
MEETINGS: Final = (
    _STEPS
    + """
later AS (SELECT *, lag(step) OVER (PARTITION BY user_id, session_id, item_id ORDER BY n) AS earlier FROM steps WHERE first)
SELECT count(*) AS meetings,
    sum(x.factor / (x.step - y.step) * CASE WHEN x.item_id = $3 THEN x.weight ELSE 0.75 * y.weight END) AS strength_now
FROM later AS x JOIN steps AS y USING (user_id, session_id)
WHERE ((x.item_id = $2 AND y.item_id = $3) OR (x.item_id = $3 AND y.item_id = $2))
    AND y.last AND x.step - y.step BETWEEN 1 AND 10 AND y.step > coalesce(x.earlier, 0) AND y.n >= x.n - 20
"""
)
"""How often two items met, and how strong the link from the first to the second is, from the archived events alone.

Of events in named sessions that came in order. Repeats in a row are one step; an event meets what lies at most ten steps back
in its session, no further than its own item's step before and than the user's twenty events before.
"""

LIKED: Final = (
    _STEPS
    + """
own AS (SELECT * FROM steps WHERE item_id = $2)
SELECT count(*) AS events, sum(weight) AS weight, sum(weight * factor) AS weight_now,
    sum(factor) FILTER (WHERE first) AS visits_now
FROM own
"""
)
"""An item's popularity from the archived events alone."""

POPULAR: Final = "SELECT item_id FROM @gen.item_popularity ORDER BY decayed DESC, item_id"
HISTORY: Final = "SELECT entries::text FROM @gen.user_history WHERE user_id = $1"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that co-visitation proposes by the tables: its score where the best is 1, and the links that speak for it."""

    item_id: str
    score: float
    seen: bool
    links: list[dict[str, Any]]


async def rows(loop: Loop, statement: str, *arguments: object) -> list[dict[str, Any]]:
    """Return the rows of a query."""
    async with loop.ground.database.connection() as connection:
        return [dict(row) for row in await connection.fetch(loop.placed(statement), *arguments, timeout=PATIENCE_S)]


async def candidates(loop: Loop, user: str, latest: int = 10) -> list[Candidate]:
    """Return what the tables propose to a user by ``default``, seen items too, best first; ``latest`` items speak."""
    links: dict[str, list[dict[str, Any]]] = {}
    for row in await rows(loop, CANDIDATES, user, float(HALF_LIFE_MS), latest, MOST_LINKS):
        links.setdefault(row["item_id"], []).append(row)
    sums = {item_id: sum(row["voice"] for row in found) * found[0]["damping"] for item_id, found in links.items()}
    largest = max(sums.values(), default=1.0)
    found = [Candidate(item_id, total / largest, links[item_id][0]["seen"], links[item_id]) for item_id, total in sums.items()]
    return sorted(found, key=lambda one: (-one.score, one.item_id))


async def history(loop: Loop, user: str) -> list[list[Any]]:
    """Return a user's stored entries, newest first: item, time, weight, type, event, session."""
    found = await rows(loop, HISTORY, user)
    return list(reversed(json.loads(found[0]["entries"]))) if found else []


async def meetings(loop: Loop, mine: str, other: str) -> tuple[int, float]:
    """Return how often two items met, and the strength of the link from the first, counted from the events."""
    (row,) = await rows(loop, MEETINGS, float(HALF_LIFE_MS), mine, other)
    return row["meetings"], row["strength_now"] or 0.0


async def liked(loop: Loop, item: str) -> dict[str, Any]:
    """Return an item's events, weight, and weight and visits of now, counted from the events."""
    (row,) = await rows(loop, LIKED, float(HALF_LIFE_MS), item)
    return row
