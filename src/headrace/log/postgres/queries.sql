-- name: partitions
-- How many partitions the log was made with; null before it is made.
SELECT max(partition) + 1 FROM @space.log_heads

-- name: make_heads
-- Make the counter rows of every topic and partition.
INSERT INTO @space.log_heads (topic, partition)
SELECT t, p FROM generate_series(0, $1::int - 1) AS t, generate_series(0, $2::int - 1) AS p
ON CONFLICT DO NOTHING

-- name: known_ids
-- Which of these ids were taken before, and with what payload.
SELECT id, payload_hash FROM @space.door_ids WHERE id = ANY($1::bytea[])

-- name: append
-- Take offsets from the locked counter rows, store the records and remember their ids: one statement, one commit.
WITH wanted AS (
    SELECT * FROM unnest($1::smallint[], $2::int[], $3::bigint[]) AS w (topic, partition, records)
), locked AS MATERIALIZED (
    SELECT h.topic, h.partition, h.next_offset, w.records
    FROM @space.log_heads AS h JOIN wanted AS w USING (topic, partition)
    ORDER BY h.topic, h.partition
    FOR UPDATE OF h
), moved AS (
    UPDATE @space.log_heads AS h SET next_offset = l.next_offset + l.records
    FROM locked AS l WHERE h.topic = l.topic AND h.partition = l.partition
), remembered AS (
    INSERT INTO @space.door_ids (id, payload_hash, ts_ms, kept)
    SELECT * FROM unnest($10::bytea[], $11::bytea[], $9::bigint[], $12::boolean[]) AS i (id, payload_hash, ts_ms, kept)
    ORDER BY i.id
)
INSERT INTO @space.log_records (topic, partition, "offset", day, key, value, timestamp_ms)
SELECT r.topic, r.partition, l.next_offset + r.rank, (now() AT TIME ZONE 'utc')::date, r.key, r.value, r.timestamp_ms
FROM unnest($4::smallint[], $5::int[], $6::int[], $7::text[], $8::bytea[], $9::bigint[])
    AS r (topic, partition, rank, key, value, timestamp_ms)
JOIN locked AS l ON l.topic = r.topic AND l.partition = r.partition

-- name: read
-- The next records of one partition, topic by topic, in order: at most so many of each, so many bytes, at least one.
SELECT w.topic, r."offset", r.key, r.value, r.timestamp_ms
FROM unnest($2::smallint[], $3::bigint[]) WITH ORDINALITY AS w (topic, position, place)
CROSS JOIN LATERAL (
    SELECT *, sum(octet_length(value)) OVER (ORDER BY "offset") - octet_length(value) AS bytes_before FROM (
        SELECT "offset", key, value, timestamp_ms FROM @space.log_records AS l
        WHERE l.topic = w.topic AND l.partition = $1 AND l."offset" >= w.position
        ORDER BY l."offset" LIMIT $4
    ) AS next
) AS r
WHERE r.bytes_before + octet_length(r.value) <= $5 OR r.bytes_before = 0
ORDER BY w.place, r."offset"

-- name: find
-- The records behind these positions that an id stands in, and that were appended at a moment, where that is known.
SELECT r.topic, r.partition, r."offset", r.key, r.value, r.timestamp_ms
FROM unnest($1::smallint[], $2::int[], $3::bigint[]) AS w (topic, partition, position)
JOIN @space.log_records AS r ON r.topic = w.topic AND r.partition = w.partition AND r."offset" >= w.position
WHERE ($4::bigint IS NULL OR r.timestamp_ms = $4)
    AND (position($5::bytea IN r.value) > 0 OR position($6::bytea IN r.value) > 0)
ORDER BY r.timestamp_ms, r."offset"

-- name: ends
-- The position behind the last record of every topic and partition.
SELECT topic, partition, next_offset FROM @space.log_heads

-- name: begins
-- The oldest position still kept of every topic and partition.
SELECT h.topic, h.partition, coalesce(r.first, h.next_offset) AS first
FROM @space.log_heads AS h LEFT JOIN LATERAL (
    SELECT "offset" AS first FROM @space.log_records AS r
    WHERE r.topic = h.topic AND r.partition = h.partition ORDER BY "offset" LIMIT 1
) AS r ON true

-- name: days
-- The log's tables by day.
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = '@space.log_records'::regclass

-- name: days_of_the_rest
-- Days whose records reached the table of the rest, because theirs was not made ahead.
SELECT DISTINCT day FROM @space.log_records_otherwise

-- name: last_of_day
-- The last offset of each topic and partition in the tables up to a day.
SELECT topic, partition, max("offset") AS last FROM @space.log_records WHERE day <= $1 GROUP BY topic, partition

-- name: forget_ids
-- Forget ids older than the door admits, a bounded number at a time; imported history is kept.
DELETE FROM @space.door_ids WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM @space.door_ids WHERE ts_ms < $1 AND NOT kept LIMIT $2
))

-- name: make_relay_positions
-- A row for every topic and partition that has none yet: nothing of it was carried.
INSERT INTO @space.relay_positions (topic, partition) SELECT topic, partition FROM @space.log_heads ON CONFLICT DO NOTHING

-- name: next_to_relay
-- A partition with records to carry that no other process is at work on, locked until the transaction ends.
SELECT p.topic, p.partition, p.position, h.next_offset
FROM @space.relay_positions AS p JOIN @space.log_heads AS h USING (topic, partition)
WHERE h.next_offset > p.position
LIMIT 1 FOR UPDATE OF p SKIP LOCKED

-- name: records_to_relay
-- The next records of one topic and partition, at most 4 MB of them but at least one.
SELECT "offset", key, value, timestamp_ms FROM (
    SELECT *, sum(octet_length(value)) OVER (ORDER BY "offset") - octet_length(value) AS bytes_before FROM (
        SELECT "offset", key, value, timestamp_ms FROM @space.log_records
        WHERE topic = $1 AND partition = $2 AND "offset" >= $3 ORDER BY "offset" LIMIT $4
    ) AS next
) AS r
WHERE bytes_before < 4000000 ORDER BY "offset"

-- name: move_relay
-- Everything below this position was carried.
UPDATE @space.relay_positions SET position = $3 WHERE topic = $1 AND partition = $2

-- name: waiting_for_relay
-- How many records are still to be carried.
SELECT coalesce(sum(h.next_offset - p.position), 0)::bigint
FROM @space.relay_positions AS p JOIN @space.log_heads AS h USING (topic, partition) WHERE h.next_offset > p.position

-- name: relayed
-- How far every topic and partition was carried.
SELECT topic, partition, position FROM @space.relay_positions
