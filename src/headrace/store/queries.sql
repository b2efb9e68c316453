-- name: live_generation
-- The generation that answers are made from.
SELECT g.* FROM @space.live AS l JOIN @space.generations AS g ON g.number = l.generation

-- name: generation_of_group
-- The main generation of a worker group: the live one if it is the group's, else the latest that is not being built.
SELECT g.* FROM @space.generations AS g LEFT JOIN @space.live AS l ON l.generation = g.number
WHERE g.group_id = $1 AND g.state IN ('building', 'followed')
ORDER BY l.generation IS NULL, g.state = 'building', g.number DESC LIMIT 1

-- name: generation
-- A generation by its number.
SELECT * FROM @space.generations WHERE number = $1

-- name: generations
-- All generations that have tables, or are losing them, in the order they were made.
SELECT * FROM @space.generations WHERE state <> 'dropped' ORDER BY number

-- name: holding_generations
-- Those for which the log keeps what they have not applied: the live one, those a worker was on within a day, and the source of one being built.
SELECT number FROM @space.generations AS g
WHERE state IN ('building', 'followed') AND coalesce(log, 'postgres') = 'postgres' AND (
    created_at > now() - interval '1 day'
    OR number IN (SELECT generation FROM @space.live)
    OR number IN (SELECT source FROM @space.generations WHERE state = 'building')
    OR EXISTS (SELECT FROM @space.workers AS w WHERE w.generation = g.number AND w.seen_at > now() - interval '1 day')
)
ORDER BY number

-- name: new_generation
-- List a new generation under the next number.
INSERT INTO @space.generations (number, group_id, landmark_ms, settings, partitions, state, began_with, source)
SELECT coalesce(max(number), 0) + 1, $1, $2, $3, $4, $5, $6, $7 FROM @space.generations
RETURNING *

-- name: caught_up
-- A generation that was being built has caught up.
UPDATE @space.generations SET state = 'followed', finished_at = now() WHERE number = $1 AND state = 'building'

-- name: first_becomes_live
-- The very first generation is read from at once; later ones wait until they are flipped to.
INSERT INTO @space.live (generation) VALUES ($1) ON CONFLICT DO NOTHING

-- name: report_replica
-- Report what a replica holds, and how many seconds ago its picture moved, unless it stands still; return the generations it is to hold: the live one, and the candidate while there is one.
WITH told AS (
    INSERT INTO @space.replicas (replica_id, generation, candidate, as_of_ms, version) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (replica_id) DO UPDATE SET seen_at = now(), generation = excluded.generation, candidate = excluded.candidate,
        as_of_ms = excluded.as_of_ms, version = excluded.version
), moved AS (
    INSERT INTO @space.sightings (replica_id, generation, moved_at, changes)
    SELECT $1, $2, now() - make_interval(secs => $6::float8), $7::bigint[] WHERE $6 IS NOT NULL ON CONFLICT DO NOTHING
)
SELECT g.*, g.number = l.generation AS live FROM @space.live AS l
JOIN @space.generations AS g ON g.number = l.generation OR (g.number = l.candidate AND l.candidate_until > now())

-- name: replica_leaves
-- A replica that ends is waited for no more.
DELETE FROM @space.replicas WHERE replica_id = $1

-- name: living_replicas
-- What the replicas hold that were heard of lately.
SELECT replica_id, generation, candidate, as_of_ms FROM @space.replicas
WHERE seen_at > now() - make_interval(secs => $1::float8) ORDER BY started_at

-- name: forget_replicas
-- Forget replicas that ended without a word, and what they all reported a day ago.
WITH sightings AS (DELETE FROM @space.sightings WHERE seen_at < now() - interval '1 day')
DELETE FROM @space.replicas WHERE seen_at < now() - interval '1 hour'

-- name: schemas_of_spaces
-- Every schema of ours with the bytes of its tables: spaces and their generations.
SELECT n.nspname AS name, coalesce(sum(pg_total_relation_size(c.oid)), 0) AS size
FROM pg_namespace AS n LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relkind = 'r'
WHERE (n.nspname = $1 OR starts_with(n.nspname, $1 || '_')) AND to_regclass(quote_ident(n.nspname) || '.migrations') IS NOT NULL
GROUP BY n.nspname

-- name: at_work
-- The workers and API processes that were heard of lately and have not left.
SELECT worker_id AS name FROM @space.workers WHERE NOT leaving AND seen_at > now() - make_interval(secs => $1::float8)
UNION ALL
SELECT replica_id FROM @space.replicas WHERE seen_at > now() - make_interval(secs => $1::float8)

-- name: readers
-- Which generation is read, which before it, and which one is held ready.
SELECT generation, previous, CASE WHEN candidate_until > now() THEN candidate END AS candidate FROM @space.live

-- name: propose
-- Have replicas hold a generation ready, unless another one is proposed already; renewed by proposing it again.
UPDATE @space.live SET candidate = $1, candidate_until = now() + make_interval(secs => $2::float8)
WHERE generation <> $1 AND (candidate IS NULL OR candidate = $1 OR candidate_until < now())
    AND EXISTS (SELECT FROM @space.generations WHERE number = $1 AND state IN ('building', 'followed'))

-- name: withdraw
-- Propose a generation no more.
UPDATE @space.live SET candidate = NULL, candidate_until = NULL WHERE candidate = $1

-- name: flip
-- Have readers read the proposed generation; the one before stays for the way back.
WITH flipped AS (
    UPDATE @space.live SET previous = generation, generation = $1, candidate = NULL, candidate_until = NULL, flipped_at = now()
    WHERE candidate = $1 AND generation <> $1 RETURNING previous
)
UPDATE @space.generations AS g SET left_at = CASE WHEN g.number = $1 THEN NULL ELSE now() END
FROM flipped AS f WHERE g.number IN ($1, f.previous)

-- name: begin_dropping
-- Have workers leave a generation that nobody reads or builds from.
UPDATE @space.generations SET state = 'dropping' WHERE number = $1 AND state IN ('building', 'followed')
    AND NOT EXISTS (SELECT FROM @space.live WHERE generation = $1 OR (candidate = $1 AND candidate_until > now()))
    AND NOT EXISTS (SELECT FROM @space.generations WHERE state = 'building' AND source = $1 AND began_with = 'archive')
    AND NOT EXISTS (SELECT FROM @space.replicas
        WHERE seen_at > now() - make_interval(secs => $2::float8) AND $1 IN (generation, candidate))

-- name: left_behind
-- Generations of a group that were read once and have been left for so many hours.
SELECT number FROM @space.generations
WHERE group_id = $1 AND state = 'followed' AND left_at < now() - make_interval(hours => $2::int)

-- name: dropped
-- A generation has lost its tables; its number is not given again.
WITH gone AS (DELETE FROM @space.workers WHERE generation = $1),
    no_way_back AS (UPDATE @space.live SET previous = NULL WHERE previous = $1)
UPDATE @space.generations SET state = 'dropped' WHERE number = $1

-- name: chosen_recipe
-- The recipe that was made the default, if any was.
SELECT name FROM @space.chosen_recipe

-- name: choose_recipe
-- Make a recipe the default.
INSERT INTO @space.chosen_recipe (name) VALUES ($1) ON CONFLICT (one_row) DO UPDATE SET name = excluded.name, chosen_at = now()

-- name: choose_no_recipe
-- Leave the default to the setting.
DELETE FROM @space.chosen_recipe

-- name: partition_numbers
-- Which partitions there are.
SELECT partition FROM @gen.partitions

-- name: new_partition
-- The row of a partition, at the positions where its group starts.
INSERT INTO @gen.partitions (partition, positions, started_from) VALUES ($1, $2, $2) ON CONFLICT DO NOTHING

-- name: partitions_from_archive
-- The rows of all partitions, to read the archive of the source from its beginning.
INSERT INTO @gen.partitions (partition, positions, started_from, from_archive)
SELECT partition, array_fill(0::bigint, ARRAY[cardinality(positions)]), array_fill(0::bigint, ARRAY[cardinality(positions)]), true
FROM @source.partitions

-- name: fence
-- Move the positions, only where epoch and positions are still ours; that is a sign of life as well.
UPDATE @gen.partitions
SET positions = $4, applied = applied + $5, lease_until = greatest(lease_until, now() + make_interval(secs => $6::float8 / 1000))
WHERE partition = $1 AND epoch = $2 AND positions = $3

-- name: remember
-- Remember new event ids; those known already are left as they are.
INSERT INTO @gen.event_ids (id, payload_hash, partition, applied, ts_ms, kept)
SELECT i.id, i.payload_hash, $1, i.applied, i.ts_ms, i.kept
FROM unnest($2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::boolean[]) AS i (id, payload_hash, applied, ts_ms, kept)
ORDER BY i.id
ON CONFLICT DO NOTHING RETURNING id

-- name: known_ids
-- The payloads that these ids came with first.
SELECT id, payload_hash FROM @gen.event_ids WHERE id = ANY($1::bytea[])

-- name: histories
-- The histories of some users.
SELECT user_id, entries::text AS entries, partition, applied FROM @gen.user_history WHERE user_id = ANY($1::text[])

-- name: recent_sessions
-- Whose latest acts named which session, the latest last: the ends of the partitions' archives, read by their key.
SELECT acts.session_id, acts.user_id
FROM @gen.partitions AS p
CROSS JOIN LATERAL (
    (SELECT session_id, user_id, server_received_ts_ms FROM @gen.interactions
    WHERE partition = p.partition AND applied > p.applied - $1 / (SELECT count(*) FROM @gen.partitions))
    UNION ALL
    (SELECT session_id, user_id, server_received_ts_ms FROM @gen.watches
    WHERE partition = p.partition AND applied > p.applied - $1 / (SELECT count(*) FROM @gen.partitions))
) AS acts
WHERE acts.session_id IS NOT NULL
ORDER BY acts.server_received_ts_ms

-- name: recent_users
-- Who acted last, the latest first, with what they did then: read from the ends of the partitions' archives, by their key.
SELECT user_id, item_id, event_type, received_ms FROM (
    SELECT DISTINCT ON (acts.user_id) acts.user_id, acts.item_id, acts.event_type, acts.server_received_ts_ms AS received_ms
    FROM @gen.partitions AS p
    CROSS JOIN LATERAL (
        (SELECT user_id, item_id, event_type, server_received_ts_ms FROM @gen.interactions
        WHERE partition = p.partition AND applied > p.applied - $1 / (SELECT count(*) FROM @gen.partitions))
        UNION ALL
        (SELECT user_id, item_id, 'watch', server_received_ts_ms FROM @gen.watches
        WHERE partition = p.partition AND applied > p.applied - $1 / (SELECT count(*) FROM @gen.partitions))
    ) AS acts
    ORDER BY acts.user_id, acts.server_received_ts_ms DESC
) AS latest
ORDER BY received_ms DESC, user_id LIMIT $2

-- name: users_like
-- The first users whose names begin so: those from the beginning up to what sorts behind all that begin with it.
SELECT user_id FROM @gen.user_history WHERE user_id >= $1 AND user_id < $2 ORDER BY user_id LIMIT $3

-- name: shown
-- What some requests have shown at positions below a limit, first applied list first.
SELECT l.request_id, l.user_id, l.ts_ms, l.item_ids, l.positions
FROM unnest($1::text[], $2::text[]) AS w (request_id, user_id)
JOIN @gen.impression_lists AS l ON l.request_id = w.request_id AND l.user_id = w.user_id
ORDER BY l.partition, l.applied

-- name: follow_ups
-- The acts known for some requests.
SELECT f.request_id, f.user_id, f.item_id
FROM unnest($1::text[], $2::text[]) AS w (request_id, user_id)
JOIN @gen.follow_ups AS f ON f.request_id = w.request_id AND f.user_id = w.user_id

-- name: add_items
-- Add to items' popularity and return what they stand at.
INSERT INTO @gen.item_popularity AS p (item_id, events, weight, decayed, visits)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[], $5::float8[])
ON CONFLICT (item_id) DO UPDATE SET
    events = p.events + excluded.events, weight = p.weight + excluded.weight,
    decayed = p.decayed + excluded.decayed, visits = p.visits + excluded.visits
RETURNING item_id, events, weight, decayed, visits

-- name: add_pairs
-- Add to pairs' co-visitation and return what they stand at.
INSERT INTO @gen.co_visitation AS c (low, high, meetings, low_to_high, high_to_low)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::float8[], $5::float8[])
ON CONFLICT (low, high) DO UPDATE SET
    meetings = c.meetings + excluded.meetings,
    low_to_high = c.low_to_high + excluded.low_to_high, high_to_low = c.high_to_low + excluded.high_to_low
RETURNING low, high, meetings, low_to_high, high_to_low

-- name: put_histories
-- Replace users' histories.
INSERT INTO @gen.user_history AS h (user_id, entries, partition, applied)
SELECT u.user_id, u.entries::json, $3, $4 FROM unnest($1::text[], $2::text[]) AS u (user_id, entries)
ON CONFLICT (user_id) DO UPDATE SET entries = excluded.entries, partition = excluded.partition, applied = excluded.applied

-- name: catalogue_items
-- What the catalogue says of some items; null of a deleted one.
SELECT item_id, item::text AS item FROM @gen.catalogue WHERE item_id = ANY($1::text[])

-- name: put_catalogue
-- Replace items of the catalogue.
INSERT INTO @gen.catalogue AS c (item_id, item, partition, applied)
SELECT u.item_id, u.item::json, $3, $4 FROM unnest($1::text[], $2::text[]) AS u (item_id, item)
ON CONFLICT (item_id) DO UPDATE SET item = excluded.item, partition = excluded.partition, applied = excluded.applied

-- name: loaded_catalogue
-- The whole catalogue, deleted items too.
SELECT item_id, applied, item::text AS item FROM @gen.catalogue

-- name: listed_catalogue
-- A page of the items that are there, behind one.
SELECT item_id, item::text AS item FROM @gen.catalogue WHERE item IS NOT NULL AND item_id > $1 ORDER BY item_id LIMIT $2

-- name: size_of_catalogue
-- How many items there are.
SELECT count(*) FROM @gen.catalogue WHERE item IS NOT NULL

-- name: all_changes
-- All changes of the catalogue in a partition, in applied order.
SELECT * FROM @gen.item_changes WHERE partition = $1 ORDER BY applied

-- name: partition_catalogue
-- The catalogue as a partition keeps it.
SELECT item_id, item::text AS item FROM @gen.catalogue WHERE partition = $1

-- name: add_hours
-- Add to the outcomes of hours.
INSERT INTO @gen.outcome_hours AS o (hour, partition, requests, shown, followed, watches, watch_seconds)
SELECT h.hour, $1, h.requests, h.shown, h.followed, h.watches, h.watch_seconds
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::float8[])
    AS h (hour, requests, shown, followed, watches, watch_seconds)
ON CONFLICT (hour, partition) DO UPDATE SET
    requests = o.requests + excluded.requests, shown = o.shown + excluded.shown, followed = o.followed + excluded.followed,
    watches = o.watches + excluded.watches, watch_seconds = o.watch_seconds + excluded.watch_seconds

-- name: add_shown_items
-- Note which items were shown on which day.
INSERT INTO @gen.outcome_items (day, item_id) SELECT * FROM unnest($1::int[], $2::text[]) ON CONFLICT DO NOTHING

-- name: add_follow_ups
-- Note acts that name their request.
INSERT INTO @gen.follow_ups (request_id, user_id, item_id) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT DO NOTHING

-- name: announce
-- Append a batch's absolute values to the changelog under the partition's next number.
WITH numbered AS (
    UPDATE @gen.partitions SET changes = changes + 1 WHERE partition = $1 RETURNING changes - 1 AS number
)
INSERT INTO @gen.changelog (partition, number, payload) SELECT $1, number, $2 FROM numbered

-- name: bury
-- Store dead letters.
INSERT INTO @gen.dead_letters (source_topic, source_partition, source_offset, source_timestamp_ms, source_key, error_type,
    error_message, payload, payload_bytes, payload_sha256, failed_at_ms, event_id)
SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bytea[],
    $9::bigint[], $10::bytea[], $11::bigint[], $12::text[])

-- name: causes_of_death
-- What the chosen dead letters died of, the most frequent first; one is named by its topic's first position.
SELECT left(encode(sha256(convert_to(cause, 'UTF8')), 'hex'), 6) AS handle, cause, error_type, count(*) AS count,
    min(failed_at_ms) AS first_ms, max(failed_at_ms) AS last_ms, array_agg(DISTINCT source_topic ORDER BY source_topic) AS topics,
    (array_agg(source_partition ORDER BY source_topic, source_partition, source_offset))[1] AS partition,
    (array_agg(source_offset ORDER BY source_topic, source_partition, source_offset))[1] AS "offset"
FROM @gen.dead_letters
WHERE ($1::text[] IS NULL
        OR (source_topic, source_partition, source_offset) IN (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[])))
    AND ($4::text IS NULL OR $4 IN (cause, error_type, left(encode(sha256(convert_to(cause, 'UTF8')), 'hex'), 6)))
    AND ($5::text IS NULL OR state = $5)
GROUP BY cause, error_type ORDER BY count(*) DESC, cause

-- name: dead_letters
-- The chosen dead letters behind a position.
SELECT * FROM @gen.dead_letters
WHERE ($1::text[] IS NULL
        OR (source_topic, source_partition, source_offset) IN (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[])))
    AND ($4::text IS NULL OR $4 IN (cause, error_type, left(encode(sha256(convert_to(cause, 'UTF8')), 'hex'), 6)))
    AND ($5::text IS NULL OR state = $5)
    AND (source_topic, source_partition, source_offset) > ($6::text, $7::int, $8::bigint)
ORDER BY source_topic, source_partition, source_offset LIMIT $9

-- name: lock_dead_letters
-- Lock dead letters in order of position, so that two who deal with the same ones wait for each other.
SELECT 1 FROM @gen.dead_letters
WHERE (source_topic, source_partition, source_offset) IN (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]))
ORDER BY source_topic, source_partition, source_offset FOR UPDATE

-- name: begin_redriving
-- Note what open dead letters are redriven with, unless another record was noted before; tell the one that holds.
UPDATE @gen.dead_letters AS d SET redriving = coalesce(d.redriving, b.value)
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[]) AS b (topic, partition, "offset", value)
WHERE d.source_topic = b.topic AND d.source_partition = b.partition AND d.source_offset = b."offset" AND d.state = 'open'
RETURNING d.source_topic, d.source_partition, d.source_offset, d.redriving

-- name: give_up_redriving
-- Let a dead letter be redriven with another record: this one was never appended, and cannot be.
UPDATE @gen.dead_letters SET redriving = NULL
WHERE source_topic = $1 AND source_partition = $2 AND source_offset = $3 AND state = 'open' AND redriving = $4

-- name: settle_dead_letters
-- Note what became of open dead letters; one whose redriving has begun can only be redriven, one where it has not only dropped.
UPDATE @gen.dead_letters AS d SET state = $5, settled_at_ms = $6, redriven_id = s.id, redriving = NULL
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[]) AS s (topic, partition, "offset", id)
WHERE d.source_topic = s.topic AND d.source_partition = s.partition AND d.source_offset = s."offset" AND d.state = 'open'
    AND (d.redriving IS NOT NULL) = ($5 = 'redriven')
RETURNING d.source_topic, d.source_partition, d.source_offset

-- name: where_counted
-- Where the events with these ids were counted: 0 interaction, 1 watch, 2 impression, 3 change of the catalogue.
SELECT i.id, a.kind, i.partition, a."offset"
FROM @gen.event_ids AS i CROSS JOIN LATERAL (
    SELECT 0 AS kind, "offset" FROM @gen.interactions AS e WHERE e.partition = i.partition AND e.applied = i.applied
    UNION ALL SELECT 1, "offset" FROM @gen.watches AS e WHERE e.partition = i.partition AND e.applied = i.applied
    UNION ALL SELECT 2, "offset" FROM @gen.impression_lists AS e WHERE e.partition = i.partition AND e.applied = i.applied
    UNION ALL SELECT 3, "offset" FROM @gen.item_changes AS e WHERE e.partition = i.partition AND e.applied = i.applied
) AS a WHERE i.id = ANY($1::bytea[])

-- name: uncopied_dead_letters
-- Dead letters whose copy has not gone out, locked; those that another copier holds are passed over.
SELECT * FROM @gen.dead_letters WHERE copied_at_ms IS NULL ORDER BY failed_at_ms LIMIT $1 FOR UPDATE SKIP LOCKED

-- name: mark_copied
-- Note that copies have gone out.
UPDATE @gen.dead_letters AS d SET copied_at_ms = $4
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS c (topic, partition, "offset")
WHERE d.source_topic = c.topic AND d.source_partition = c.partition AND d.source_offset = c."offset"

-- name: open_dead_letters
-- How many dead letters wait for somebody to look at them.
SELECT count(*) FROM @gen.dead_letters WHERE state = 'open'

-- name: archive_bytes
-- How much of the disk each archive takes, with its indexes.
SELECT name, coalesce(pg_total_relation_size(to_regclass('@gen.' || name)), 0)::bigint AS bytes
FROM unnest(ARRAY['interactions', 'watches', 'impression_lists', 'item_changes']) AS name

-- name: pass_gap
-- Record offsets that the log no longer has.
WITH gap AS (
    INSERT INTO @gen.gaps (topic, partition, first_missing, next_present) VALUES ($2, $1, $3, $4)
)
UPDATE @gen.partitions SET skipped = skipped + $4::bigint - $3::bigint WHERE partition = $1

-- name: leave_archive
-- Turn to the log where the source stood when it had applied what was read of its archive; as if all of that had stood just before.
UPDATE @gen.partitions
SET positions = $4, from_archive = false, started_from = ARRAY(
    SELECT fresh - coalesce(c, 0) - coalesce(d, 0) - CASE n WHEN 1 THEN dead ELSE 0 END
    FROM unnest($4::bigint[], counted, duplicates) WITH ORDINALITY AS t (fresh, c, d, n) ORDER BY n
)
WHERE partition = $1 AND epoch = $2 AND positions = $3 AND from_archive

-- name: standing_of_source
-- How far the source has come in a partition: one row, so both are of one moment.
SELECT applied, positions FROM @source.partitions WHERE partition = $1

-- name: archived_interactions
-- A stretch of the source's archive.
SELECT * FROM @source.interactions WHERE partition = $1 AND applied >= $2 AND applied < $3 ORDER BY applied

-- name: archived_watches
-- A stretch of the source's archive.
SELECT * FROM @source.watches WHERE partition = $1 AND applied >= $2 AND applied < $3 ORDER BY applied

-- name: archived_impressions
-- A stretch of the source's archive.
SELECT * FROM @source.impression_lists WHERE partition = $1 AND applied >= $2 AND applied < $3 ORDER BY applied

-- name: archived_changes
-- A stretch of the source's archive.
SELECT * FROM @source.item_changes WHERE partition = $1 AND applied >= $2 AND applied < $3 ORDER BY applied

-- name: tally
-- Sum up a batch in its partition's row, and store its own.
WITH summed AS (
    UPDATE @gen.partitions SET
        counted = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0) FROM unnest(counted, $2::bigint[]) WITH ORDINALITY AS t (a, b, n) ORDER BY n),
        duplicates = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0) FROM unnest(duplicates, $3::bigint[]) WITH ORDINALITY AS t (a, b, n) ORDER BY n),
        dead = dead + $4, newest_ts_ms = greatest(newest_ts_ms, $5), last_applied_at_ms = $6, last_latency_ms = $7,
        released = released AND NOT $8
    WHERE partition = $1 RETURNING partition, applied, changes
)
INSERT INTO @gen.batches (partition, applied, records, changes, repeated_ids, repeated_topics, repeated_offsets)
SELECT partition, applied, $9::int, changes, $10::bytea[], $11::smallint[], $12::bigint[] FROM summed

-- name: sign_of_life
-- Report as alive.
INSERT INTO @space.workers AS w (worker_id, generation, figures) VALUES ($1, $2, $3)
ON CONFLICT (worker_id) DO UPDATE SET seen_at = now(), figures = excluded.figures

-- name: renew
-- Renew the leases of a worker and tell what it owns; a partition with a running batch is renewed by that, and not waited for.
WITH mine AS MATERIALIZED (
    SELECT partition FROM @gen.partitions WHERE owner = $1 ORDER BY partition FOR UPDATE SKIP LOCKED
), renewed AS (
    UPDATE @gen.partitions AS p SET lease_until = now() + make_interval(secs => $2::float8 / 1000)
    FROM mine WHERE p.partition = mine.partition
)
SELECT partition FROM @gen.partitions WHERE owner = $1

-- name: claim
-- Take free or abandoned partitions, each with a new epoch.
WITH free AS MATERIALIZED (
    SELECT partition FROM @gen.partitions WHERE owner IS NULL OR lease_until < now()
    ORDER BY partition LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE @gen.partitions AS p
SET owner = $1, epoch = p.epoch + 1, lease_until = now() + make_interval(secs => $2::float8 / 1000)
FROM free WHERE p.partition = free.partition
RETURNING p.partition, p.epoch, p.positions, p.applied, p.halted, p.from_archive, p.released

-- name: end_sleepers
-- End the sessions that still hold partitions whose lease has run out and whose worker is silent: it sleeps in mid-batch.
SELECT pg_terminate_backend(l.pid)
FROM @gen.partitions AS p
JOIN pg_locks AS l ON l.locktype = 'transactionid' AND l.granted AND l.transactionid = p.xmax AND l.pid <> pg_backend_pid()
WHERE p.lease_until < now() AND NOT EXISTS (
    SELECT FROM @space.workers AS w
    WHERE w.worker_id = p.owner AND w.seen_at > now() - make_interval(secs => $1::float8 / 1000)
)

-- name: reload
-- A partition as it stands, where this worker owns it.
SELECT partition, epoch, positions, applied, halted, from_archive, released FROM @gen.partitions WHERE owner = $1 AND partition = $2

-- name: release
-- Give partitions back.
UPDATE @gen.partitions SET owner = NULL, lease_until = NULL WHERE owner = $1 AND partition = ANY($2::int[])

-- name: workers
-- How many workers of this generation are alive.
SELECT count(*) FROM @space.workers
WHERE generation = $1 AND NOT leaving AND seen_at > now() - make_interval(secs => $2::float8 / 1000)

-- name: leave
-- Give everything back and be gone.
WITH gone AS (UPDATE @space.workers SET leaving = true, seen_at = now() WHERE worker_id = $1)
UPDATE @gen.partitions SET owner = NULL, lease_until = NULL WHERE owner = $1

-- name: halt
-- Stop a partition until someone lets it go on.
UPDATE @gen.partitions SET halted = $3, released = false WHERE partition = $1 AND epoch = $2

-- name: resume
-- Let halted partitions go on, all or these, whoever owns them then; the brake lets the bad stretch pass.
UPDATE @gen.partitions SET halted = NULL, released = true
WHERE halted IS NOT NULL AND ($1::int[] IS NULL OR partition = ANY($1)) RETURNING partition

-- name: partitions
-- All partitions as they stand.
SELECT partition, epoch, owner, lease_until > now() AS leased, positions, started_from, applied, counted, duplicates, dead, skipped,
    changes, newest_ts_ms, last_applied_at_ms, last_latency_ms, halted, from_archive,
    greatest(0, coalesce(extract(epoch FROM lease_until - now()) * 1000, 0))::bigint AS lease_left_ms
FROM @gen.partitions ORDER BY partition

-- name: living_workers
-- What the workers of this generation report.
SELECT worker_id, started_at, seen_at > now() - make_interval(secs => $2::float8 / 1000) AND NOT leaving AS alive, figures
FROM @space.workers WHERE generation = $1 ORDER BY started_at

-- name: workers_of_group
-- What the workers of a group report, on whichever generation, the latest heard of last.
SELECT w.worker_id, w.seen_at > now() - make_interval(secs => $2::float8 / 1000) AND NOT w.leaving AS alive, w.figures
FROM @space.workers AS w JOIN @space.generations AS g ON g.number = w.generation
WHERE g.group_id = $1 AND w.figures <> '{}' ORDER BY w.seen_at

-- name: loaded_items
-- Every item's popularity, in the order that numbers them.
SELECT item_id, events, weight, decayed, visits FROM @gen.item_popularity ORDER BY item_id

-- name: loaded_pairs
-- Every pair, its items by their place in loaded_items: rows of one size, which are read as an array.
WITH numbered AS MATERIALIZED (
    SELECT item_id, (row_number() OVER (ORDER BY item_id) - 1)::int4 AS number FROM @gen.item_popularity
)
SELECT l.number AS low, h.number AS high, least(c.meetings, 2147483647)::int4 AS meetings, c.low_to_high, c.high_to_low
FROM @gen.co_visitation AS c JOIN numbered AS l ON l.item_id = c.low JOIN numbered AS h ON h.item_id = c.high

-- name: pairs_of_item
-- How an item stands to some others, two reads by the key for each.
SELECT c.low, c.high, c.meetings, c.low_to_high, c.high_to_low
FROM unnest($2::text[]) AS o (item_id)
JOIN @gen.co_visitation AS c
    ON c.low = least(o.item_id COLLATE "C", $1::text COLLATE "C") AND c.high = greatest(o.item_id COLLATE "C", $1::text COLLATE "C")
WHERE o.item_id <> $1

-- name: sample_of_users
-- Some users with a history, the same for the same seed.
SELECT user_id FROM @gen.user_history ORDER BY md5(user_id || $1::text), user_id LIMIT $2

-- name: snapshot_items
-- Every item's popularity.
SELECT item_id, events, weight, decayed, visits FROM @gen.item_popularity

-- name: snapshot_pairs
-- Every pair.
SELECT low, high, meetings, low_to_high, high_to_low FROM @gen.co_visitation

-- name: changes
-- What was appended to the changelog since these numbers, in order.
SELECT c.partition, c.number, c.payload
FROM unnest($1::int[], $2::bigint[]) AS w (partition, next)
CROSS JOIN LATERAL (
    SELECT partition, number, payload FROM @gen.changelog AS c
    WHERE c.partition = w.partition AND c.number >= w.next ORDER BY c.number LIMIT $3
) AS c

-- name: outcomes_since
-- The outcomes of a window of hours.
SELECT coalesce(sum(requests), 0)::bigint AS requests, coalesce(sum(shown), 0)::bigint AS shown,
    coalesce(sum(followed), 0)::bigint AS followed, coalesce(sum(watches), 0)::bigint AS watches,
    coalesce(sum(watch_seconds), 0) AS watch_seconds
FROM @gen.outcome_hours WHERE hour >= $1

-- name: items_shown_since
-- How many distinct items were shown since a day, and how many there are.
SELECT (SELECT count(DISTINCT i.item_id) FROM @gen.outcome_items AS i JOIN @gen.item_popularity AS p USING (item_id) WHERE i.day >= $1) AS shown,
    (SELECT count(*) FROM @gen.item_popularity) AS items

-- name: trim_changelog
-- Drop what snapshots have had minutes to follow.
DELETE FROM @gen.changelog WHERE written_at < now() - make_interval(secs => $1)

-- name: forget_ids
-- Forget old ids, a bounded number at a time; imported history is kept, and what is no older than $2 to its partition.
DELETE FROM @gen.event_ids WHERE ctid = ANY (ARRAY(
    SELECT i.ctid FROM @gen.event_ids AS i JOIN @gen.partitions AS p ON p.partition = i.partition
    WHERE i.ts_ms < $1 AND NOT i.kept AND i.ts_ms < p.newest_ts_ms - $2::bigint LIMIT $3
))

-- name: forget_batches
-- Forget the oldest batches of each partition, so many at a time, that are older than the log is kept.
DELETE FROM @gen.batches WHERE ctid = ANY (ARRAY(
    SELECT b.ctid FROM @gen.partitions AS p CROSS JOIN LATERAL (
        SELECT ctid, written_at FROM @gen.batches WHERE partition = p.partition ORDER BY applied LIMIT $2
    ) AS b WHERE b.written_at < now() - make_interval(hours => $1::int)
))

-- name: departed_workers
-- All workers, oldest sign of life first, and which of them have been gone for a day; a row of folded counters never is.
SELECT w.worker_id, w.generation, g.group_id, w.figures,
    w.seen_at < now() - interval '1 day' AND w.worker_id IS DISTINCT FROM 'departed from ' || g.group_id AS gone
FROM @space.workers AS w LEFT JOIN @space.generations AS g ON g.number = w.generation ORDER BY w.seen_at

-- name: keep_departed
-- Keep what departed workers have counted.
INSERT INTO @space.workers AS w (worker_id, generation, leaving, figures) VALUES ($1, $2, true, $3)
ON CONFLICT (worker_id) DO UPDATE SET generation = excluded.generation, leaving = true, seen_at = now(), figures = excluded.figures

-- name: forget_workers
-- Forget workers that have been gone for long.
DELETE FROM @space.workers WHERE worker_id = ANY($1::text[])

-- name: shift_of_import
-- By how much a file was shifted when it was first imported.
SELECT shift_ms FROM @space.imports WHERE digest = $1

-- name: put_shift
-- Remember by how much a file is shifted; the first word stands.
INSERT INTO @space.imports (digest, shift_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: acts
-- All interactions and watches of a partition in applied order, as the features see them.
SELECT applied, event_id, user_id, item_id, event_type, ts_ms, session_id, request_id, NULL::float8 AS watch_time_sec,
    NULL::float8 AS percent_watched
FROM @gen.interactions WHERE partition = $1
UNION ALL
SELECT applied, event_id, user_id, item_id, 'watch', ts_ms, session_id, request_id, watch_time_sec, percent_watched
FROM @gen.watches WHERE partition = $1
ORDER BY applied

-- name: requests_and_acts
-- Per request and user: what was shown, in applied order, then the items acted on.
SELECT request_id COLLATE "C" AS request_id, user_id COLLATE "C" AS user_id, 0 AS kind, partition, applied, ts_ms, item_ids, positions
FROM @gen.impression_lists
UNION ALL
SELECT request_id, user_id, 1, partition, applied, ts_ms, ARRAY[item_id], NULL FROM @gen.interactions
WHERE request_id IS NOT NULL AND event_type <> 'view'
UNION ALL
SELECT request_id, user_id, 1, partition, applied, ts_ms, ARRAY[item_id], NULL FROM @gen.watches
ORDER BY 1, 2, 3, 4, 5

-- name: watched_hours
-- Watches and their seconds by hour and partition.
SELECT ts_ms / 3600000 AS hour, partition, count(*) AS watches, sum(watch_time_sec) AS watch_seconds
FROM @gen.watches GROUP BY 1, 2

-- name: all_histories
-- The histories of a partition's users.
SELECT user_id, entries::text AS entries FROM @gen.user_history WHERE partition = $1

-- name: all_hours
-- All outcomes.
SELECT hour, partition, requests, shown, followed, watches, watch_seconds FROM @gen.outcome_hours

-- name: all_shown_items
-- All items shown, by day.
SELECT day, item_id FROM @gen.outcome_items

-- name: archived
-- How many events of a partition are archived.
SELECT (SELECT count(*) FROM @gen.interactions WHERE partition = $1) + (SELECT count(*) FROM @gen.watches WHERE partition = $1)
    + (SELECT count(*) FROM @gen.impression_lists WHERE partition = $1)
    + (SELECT count(*) FROM @gen.item_changes WHERE partition = $1)

-- name: heads
-- The position behind the last record of every topic and partition of the embedded log.
SELECT topic, partition, next_offset FROM @space.log_heads

-- name: bound_log
-- The log that a group's positions belong to.
SELECT min(log) FROM @space.generations WHERE group_id = $1 AND state IN ('building', 'followed')

-- name: bind_log
-- Write down the log of those generations of a group that have none written down.
UPDATE @space.generations SET log = $2 WHERE group_id = $1 AND log IS NULL

-- name: rebind_log
-- A group moves to another log.
UPDATE @space.generations SET log = $2 WHERE group_id = $1

-- name: generations_of_group_log
-- The generations of a group that have positions, with the log these belong to.
SELECT number, log FROM @space.generations WHERE group_id = $1 AND state IN ('building', 'followed') ORDER BY number FOR UPDATE

-- name: relay_from_applied
-- What was applied from the embedded log need not be carried over.
INSERT INTO @space.relay_positions AS r (topic, partition, position)
SELECT t.place - 1, p.partition, t.position FROM @gen.partitions AS p, unnest(p.positions) WITH ORDINALITY AS t (position, place)
WHERE NOT p.from_archive
ON CONFLICT (topic, partition) DO UPDATE SET position = greatest(r.position, excluded.position)

-- name: move_partition
-- Set a partition to where another log begins, unless it reads an archive; how far it has come stays, for the proof, a halt does not.
UPDATE @gen.partitions SET positions = CASE WHEN from_archive THEN positions ELSE $2 END, epoch = epoch + 1, owner = NULL,
    lease_until = NULL, halted = NULL,
    started_from = CASE WHEN from_archive THEN started_from ELSE ARRAY(
        SELECT fresh - at + started FROM unnest($2::bigint[], positions, started_from) WITH ORDINALITY AS t (fresh, at, started, n) ORDER BY n
    ) END
WHERE partition = $1

-- name: ids_taken
-- Which of these ids count already or were taken by the embedded log, and with what payload.
SELECT id, payload_hash FROM @gen.event_ids WHERE id = ANY($1::bytea[])
UNION ALL SELECT id, payload_hash FROM @space.door_ids WHERE id = ANY($1::bytea[])

-- name: find_items
-- Items whose id or title begins with something, from the events and the catalogue alike.
WITH found AS (
    (SELECT item_id FROM @gen.item_popularity WHERE item_id >= $1 AND item_id < $1 || chr(1114111) ORDER BY item_id LIMIT $3)
    UNION (SELECT item_id FROM @gen.catalogue
        WHERE item IS NOT NULL AND item_id >= $1 AND item_id < $1 || chr(1114111) ORDER BY item_id LIMIT $3)
    UNION (SELECT item_id FROM @gen.catalogue
        WHERE item IS NOT NULL AND lower(item ->> 'title') COLLATE "C" >= $2
            AND lower(item ->> 'title') COLLATE "C" < $2 || chr(1114111)
        ORDER BY lower(item ->> 'title') COLLATE "C" LIMIT $3)
)
SELECT item_id, c.item ->> 'title' AS title, coalesce(p.events, 0) AS events
FROM found LEFT JOIN @gen.catalogue AS c USING (item_id) LEFT JOIN @gen.item_popularity AS p USING (item_id)
ORDER BY item_id LIMIT $3

-- name: titles
-- What the catalogue calls some items.
SELECT item_id, item ->> 'title' AS title FROM @gen.catalogue WHERE item_id = ANY($1::text[]) AND item IS NOT NULL

-- name: item_hours
-- Acts on an item in spans of so many hours, within two hours.
SELECT hour / $4::int AS span, sum(views) AS views, sum(clicks) AS clicks, sum(purchases) AS purchases, sum(watches) AS watches
FROM @gen.item_hours WHERE item_id = $1 AND hour >= $2 AND hour < $3 GROUP BY 1 ORDER BY 1

-- name: hours_left
-- How many records of how many are not counted into hours yet.
SELECT coalesce(sum(p.applied - coalesce(c.applied, 0)), 0)::bigint AS remaining, coalesce(sum(p.applied), 0)::bigint AS whole
FROM @gen.partitions AS p LEFT JOIN @gen.item_hours_counted AS c USING (partition)

-- name: hours_next
-- The partition that is the furthest behind in being counted into hours, and from where to where to count.
SELECT p.partition, coalesce(c.applied, 0) AS first, least(p.applied, coalesce(c.applied, 0) + $1) AS behind
FROM @gen.partitions AS p LEFT JOIN @gen.item_hours_counted AS c USING (partition)
WHERE p.applied > coalesce(c.applied, 0) ORDER BY p.applied - coalesce(c.applied, 0) DESC LIMIT 1

-- name: count_hours
-- Count a stretch of a partition's archives into hours.
INSERT INTO @gen.item_hours AS h (item_id, hour, views, clicks, purchases, watches)
SELECT item_id, ts_ms / 3600000, count(*) FILTER (WHERE kind = 'view'), count(*) FILTER (WHERE kind = 'click'),
    count(*) FILTER (WHERE kind = 'purchase'), count(*) FILTER (WHERE kind = 'watch')
FROM (
    SELECT item_id, ts_ms, event_type AS kind FROM @gen.interactions WHERE partition = $1 AND applied >= $2 AND applied < $3
    UNION ALL SELECT item_id, ts_ms, 'watch' FROM @gen.watches WHERE partition = $1 AND applied >= $2 AND applied < $3
) AS acts
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (item_id, hour) DO UPDATE SET views = h.views + excluded.views, clicks = h.clicks + excluded.clicks,
    purchases = h.purchases + excluded.purchases, watches = h.watches + excluded.watches

-- name: hours_counted
-- Note how far a partition is counted into hours.
INSERT INTO @gen.item_hours_counted (partition, applied) VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET applied = excluded.applied
