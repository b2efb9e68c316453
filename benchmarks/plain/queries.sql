-- name: make
-- The plain service's own tables, filled from the product's live ones as they stand.
CREATE SCHEMA plain;
CREATE TABLE plain.events (
    event_id text PRIMARY KEY, user_id text NOT NULL, item_id text NOT NULL, event_type text NOT NULL, ts_ms bigint NOT NULL,
    session_id text, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE plain.popularity AS SELECT item_id, events, weight, decayed, visits FROM @gen.item_popularity;
ALTER TABLE plain.popularity ADD PRIMARY KEY (item_id);
CREATE INDEX ON plain.popularity (decayed DESC);
CREATE TABLE plain.pairs AS
SELECT low AS item_id, high AS neighbour, low_to_high AS strength FROM @gen.co_visitation
UNION ALL SELECT high, low, high_to_low FROM @gen.co_visitation;
ALTER TABLE plain.pairs ADD PRIMARY KEY (item_id, neighbour);
CREATE INDEX ON plain.pairs (item_id, strength DESC);
CREATE TABLE plain.history (
    user_id text COLLATE "C" NOT NULL, place bigint GENERATED ALWAYS AS IDENTITY, item_id text COLLATE "C" NOT NULL,
    ts_ms bigint NOT NULL, weight integer NOT NULL, event_type text NOT NULL, event_id text NOT NULL, session_id text,
    PRIMARY KEY (user_id, place)
);
INSERT INTO plain.history (user_id, item_id, ts_ms, weight, event_type, event_id, session_id)
SELECT h.user_id, e.entry->>0, (e.entry->>1)::bigint, (e.entry->>2)::int, e.entry->>3, e.entry->>4, e.entry->>5
FROM @gen.user_history AS h CROSS JOIN LATERAL json_array_elements(h.entries) WITH ORDINALITY AS e (entry, n)
ORDER BY h.user_id, e.n;
CREATE TABLE plain.newest AS SELECT coalesce(max(ts_ms), 0) AS ts_ms FROM plain.history;
ANALYZE plain.popularity, plain.pairs, plain.history

-- name: history
-- A user's latest events, oldest first.
SELECT item_id, ts_ms, weight, event_type, event_id, session_id FROM (
    SELECT * FROM plain.history WHERE user_id = $1 ORDER BY ts_ms DESC, place DESC LIMIT $2
) AS latest ORDER BY ts_ms, place

-- name: newest
-- The newest time any event had.
SELECT ts_ms FROM plain.newest

-- name: personal
-- What met these items, best first: the recipe rules-v1's score before popularity is added, its best one 1.
WITH recent AS (
    SELECT item_id, rank FROM unnest($1::text[]) WITH ORDINALITY AS r (item_id, rank)
), voices AS (
    SELECT n.neighbour AS item_id, n.strength / (p.visits + $2::float8 * $3::float8) / power(r.rank, $4::float8) AS voice
    FROM recent AS r JOIN plain.popularity AS p USING (item_id) CROSS JOIN LATERAL (
        SELECT neighbour, strength FROM plain.pairs WHERE item_id = r.item_id ORDER BY strength DESC LIMIT $5::int
    ) AS n
), scored AS (
    SELECT v.item_id, sum(v.voice) * power(p.events + 1.0, -$6::float8) AS score, p.decayed
    FROM voices AS v JOIN plain.popularity AS p USING (item_id) GROUP BY v.item_id, p.events, p.decayed
)
SELECT item_id, score / max(score) OVER () + $7::float8 * decayed / (SELECT max(decayed) FROM plain.popularity) AS score
FROM scored ORDER BY score DESC LIMIT $8::int

-- name: popular
-- The most popular items.
SELECT item_id FROM plain.popularity ORDER BY decayed DESC LIMIT $1

-- name: keep
-- Keep an event, unless its id is known.
INSERT INTO plain.events (event_id, user_id, item_id, event_type, ts_ms, session_id) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING event_id

-- name: add_item
-- Add to one item's popularity.
INSERT INTO plain.popularity AS p (item_id, events, weight, decayed, visits) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (item_id) DO UPDATE SET events = p.events + excluded.events, weight = p.weight + excluded.weight,
    decayed = p.decayed + excluded.decayed, visits = p.visits + excluded.visits

-- name: add_pair
-- Add to one direction of one pair.
INSERT INTO plain.pairs AS p (item_id, neighbour, strength) VALUES ($1, $2, $3)
ON CONFLICT (item_id, neighbour) DO UPDATE SET strength = p.strength + excluded.strength

-- name: remember
-- Put an event into its user's history.
INSERT INTO plain.history (user_id, item_id, ts_ms, weight, event_type, event_id, session_id) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: forget
-- Keep a history at its length.
DELETE FROM plain.history WHERE user_id = $1 AND place IN (
    SELECT place FROM plain.history WHERE user_id = $1 ORDER BY ts_ms DESC, place DESC OFFSET $2
)

-- name: advance
-- Note the newest time.
UPDATE plain.newest SET ts_ms = $1 WHERE ts_ms < $1
