-- name: counted
-- Where and as what an event was counted.
SELECT i.partition, i.applied, a.*
FROM @gen.event_ids AS i CROSS JOIN LATERAL (
    SELECT 0 AS topic, "offset", event_type AS type, user_id, item_id, NULL::text[] AS items, session_id, request_id, ts_ms,
        false AS served, server_received_ts_ms
    FROM @gen.interactions AS e WHERE e.partition = i.partition AND e.applied = i.applied
    UNION ALL
    SELECT 1, "offset", 'watch', user_id, item_id, NULL, session_id, request_id, ts_ms, false, server_received_ts_ms
    FROM @gen.watches AS e WHERE e.partition = i.partition AND e.applied = i.applied
    UNION ALL
    SELECT 2, "offset", 'impression', user_id, NULL, ARRAY(SELECT u.item FROM unnest(item_ids, positions) AS u (item, at) ORDER BY u.at),
        session_id, request_id, ts_ms, model_version IS NOT NULL, server_received_ts_ms
    FROM @gen.impression_lists AS e WHERE e.partition = i.partition AND e.applied = i.applied
    UNION ALL
    SELECT 3, "offset", CASE WHEN put IS NOT NULL THEN 'item_put' WHEN patch IS NOT NULL THEN 'item_patch' ELSE 'item_delete' END,
        NULL, item_id, NULL, NULL, NULL, NULL, false, server_received_ts_ms
    FROM @gen.item_changes AS e WHERE e.partition = i.partition AND e.applied = i.applied
) AS a WHERE i.id = $1

-- name: door
-- When the embedded log took an id.
SELECT ts_ms FROM @space.door_ids WHERE id = $1

-- name: batch
-- The batch that applied a number or, where that is no longer kept, the next that is; without any, how far the changes are.
SELECT b.applied - b.records <= $2 AS own, b.records, coalesce(b.changes, p.changes) AS changes, b.written_at
FROM @gen.partitions AS p LEFT JOIN LATERAL (
    SELECT * FROM @gen.batches AS b WHERE b.partition = p.partition AND b.applied > $2 ORDER BY b.applied LIMIT 1
) AS b ON true WHERE p.partition = $1

-- name: repeats
-- Where the duplicates of an event stand that were passed.
SELECT r.topic, r."offset"
FROM @gen.batches AS b CROSS JOIN LATERAL unnest(b.repeated_ids, b.repeated_topics, b.repeated_offsets) AS r (id, topic, "offset")
WHERE b.partition = $1 AND b.repeated_ids IS NOT NULL AND r.id = $2 ORDER BY b.applied, r.topic, r."offset"

-- name: letters
-- The dead letters that an event was sent as, or was redriven from.
SELECT source_topic, source_partition, source_offset, source_timestamp_ms, error_type, error_message, state, failed_at_ms,
    settled_at_ms
FROM @gen.dead_letters WHERE event_id = $1 OR redriven_id = $2 ORDER BY failed_at_ms, source_topic, source_offset

-- name: replicas
-- Which replicas that live have come to a change, and since when, at the latest.
SELECT r.replica_id, r.generation, r.as_of_ms, v.visible, CASE WHEN v.visible THEN coalesce(s.moved_at, r.seen_at) END AS by
FROM @space.replicas AS r
CROSS JOIN LATERAL (
    SELECT r.generation IS NOT DISTINCT FROM $1 AND coalesce((r.version->>$2::int::text)::bigint, 0) >= $3 AS visible
) AS v
LEFT JOIN LATERAL (
    SELECT moved_at FROM @space.sightings AS s
    WHERE s.seen_at >= greatest(r.started_at, $4::timestamptz) AND s.replica_id = r.replica_id AND s.generation = $1
        AND s.changes[$2::int + 1] >= $3
    ORDER BY s.seen_at LIMIT 1
) AS s ON true
WHERE r.seen_at > now() - make_interval(secs => $5::float8) ORDER BY r.started_at

-- name: first_sighting
-- By when, at the latest, some replica, gone by now or not, had come to a change.
SELECT moved_at FROM @space.sightings
WHERE seen_at >= coalesce($4::timestamptz, '-infinity') AND generation = $1 AND changes[$2::int + 1] >= $3
ORDER BY seen_at LIMIT 1
