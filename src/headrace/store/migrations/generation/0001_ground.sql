-- One generation: positions, the memory of ids, archives, features, dead letters and the changelog.

CREATE TABLE @gen.partitions (
    partition integer PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    owner text,
    lease_until timestamptz,
    positions bigint[] NOT NULL,
    started_from bigint[] NOT NULL,
    applied bigint NOT NULL DEFAULT 0,
    counted bigint[] NOT NULL DEFAULT '{}',
    duplicates bigint[] NOT NULL DEFAULT '{}',
    dead bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    changes bigint NOT NULL DEFAULT 0,
    newest_ts_ms bigint NOT NULL DEFAULT 0,
    last_applied_at_ms bigint NOT NULL DEFAULT 0,
    last_latency_ms bigint NOT NULL DEFAULT 0,
    halted text
);
COMMENT ON TABLE @gen.partitions IS 'The fence: who owns a partition, and for each topic the next offset to apply.';

CREATE TABLE @gen.event_ids (
    id bytea PRIMARY KEY,
    payload_hash bytea NOT NULL,
    partition integer NOT NULL,
    applied bigint NOT NULL,
    ts_ms bigint NOT NULL,
    kept boolean NOT NULL
);
CREATE INDEX event_ids_by_time ON @gen.event_ids (ts_ms) WHERE NOT kept;
COMMENT ON TABLE @gen.event_ids IS 'Ids that count already: an event counts once.';

CREATE TABLE @gen.interactions (
    event_id text NOT NULL,
    user_id text NOT NULL,
    item_id text NOT NULL,
    event_type text NOT NULL,
    ts_ms bigint NOT NULL,
    session_id text,
    request_id text,
    value double precision,
    context jsonb,
    server_received_ts_ms bigint NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    applied bigint NOT NULL,
    PRIMARY KEY (partition, applied)
);

CREATE TABLE @gen.watches (
    event_id text NOT NULL,
    user_id text NOT NULL,
    session_id text NOT NULL,
    request_id text NOT NULL,
    item_id text NOT NULL,
    ts_ms bigint NOT NULL,
    watch_time_sec double precision NOT NULL,
    percent_watched double precision,
    ended boolean,
    playback_speed double precision,
    rebuffer_count integer,
    context jsonb,
    server_received_ts_ms bigint NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    applied bigint NOT NULL,
    PRIMARY KEY (partition, applied)
);

CREATE TABLE @gen.impression_lists (
    event_id text NOT NULL,
    user_id text NOT NULL,
    session_id text NOT NULL,
    request_id text NOT NULL,
    ts_ms bigint NOT NULL,
    item_ids text[] NOT NULL,
    positions integer[] NOT NULL,
    feed_ids text[],
    slots text[],
    context jsonb,
    model_version text,
    snapshot jsonb,
    sources text[],
    scores double precision[],
    propensities double precision[],
    server_received_ts_ms bigint NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    applied bigint NOT NULL,
    PRIMARY KEY (partition, applied)
);
CREATE INDEX impression_lists_by_request ON @gen.impression_lists (request_id, user_id);

CREATE VIEW @gen.impressions AS
SELECT l.event_id, s.position, l.user_id, l.session_id, l.request_id, l.ts_ms, s.item_id, s.feed_id, s.slot, l.context,
       l.model_version, l.snapshot, s.source, s.score, s.propensity, l.server_received_ts_ms, l.partition, l."offset", l.applied
FROM @gen.impression_lists AS l
CROSS JOIN LATERAL unnest(l.item_ids, l.positions, l.feed_ids, l.slots, l.sources, l.scores, l.propensities)
    AS s (item_id, position, feed_id, slot, source, score, propensity);
COMMENT ON VIEW @gen.impressions IS 'One row per shown item, key (event_id, position).';

CREATE TABLE @gen.item_popularity (
    item_id text COLLATE "C" PRIMARY KEY,
    events bigint NOT NULL,
    weight bigint NOT NULL,
    decayed double precision NOT NULL,
    visits double precision NOT NULL
) WITH (fillfactor = 80);
COMMENT ON TABLE @gen.item_popularity IS 'Per item: events, their weight, the weight and the visits forward-decayed from the landmark.';

CREATE TABLE @gen.co_visitation (
    low text COLLATE "C" NOT NULL,
    high text COLLATE "C" NOT NULL,
    meetings bigint NOT NULL,
    low_to_high double precision NOT NULL,
    high_to_low double precision NOT NULL,
    PRIMARY KEY (low, high)
) WITH (fillfactor = 80);
COMMENT ON TABLE @gen.co_visitation IS 'Per unordered pair of items: meetings, and the forward-decayed strength of each direction.';

CREATE TABLE @gen.user_history (
    user_id text COLLATE "C" PRIMARY KEY,
    entries json NOT NULL,
    partition integer NOT NULL,
    applied bigint NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE @gen.user_history IS 'The last events of a user, oldest first: [item, ts_ms, weight, type, event_id, session].';

CREATE TABLE @gen.outcome_hours (
    hour bigint NOT NULL,
    partition integer NOT NULL,
    requests bigint NOT NULL,
    shown bigint NOT NULL,
    followed bigint NOT NULL,
    watches bigint NOT NULL,
    watch_seconds double precision NOT NULL,
    PRIMARY KEY (hour, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE @gen.outcome_hours IS 'Per hour since 1970: requests shown, items shown and followed below position 20, watches and their seconds.';

CREATE TABLE @gen.outcome_items (
    day integer NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (day, item_id)
);
COMMENT ON TABLE @gen.outcome_items IS 'Items shown below position 20, per day since 1970.';

CREATE TABLE @gen.follow_ups (
    request_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (request_id, user_id, item_id)
);
COMMENT ON TABLE @gen.follow_ups IS 'Acts that name the request which led to them.';

CREATE TABLE @gen.dead_letters (
    source_topic text NOT NULL,
    source_partition integer NOT NULL,
    source_offset bigint NOT NULL,
    source_timestamp_ms bigint NOT NULL,
    source_key text,
    error_type text NOT NULL,
    error_message text NOT NULL,
    payload bytea NOT NULL,
    payload_bytes bigint NOT NULL,
    payload_sha256 bytea NOT NULL,
    failed_at_ms bigint NOT NULL,
    PRIMARY KEY (source_topic, source_partition, source_offset)
);
COMMENT ON TABLE @gen.dead_letters IS 'Records that can never be applied: position, raw bytes (cut at a limit, with the hash of all), reason.';

CREATE TABLE @gen.gaps (
    topic text NOT NULL,
    partition integer NOT NULL,
    first_missing bigint NOT NULL,
    next_present bigint NOT NULL,
    passed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, first_missing)
);
COMMENT ON TABLE @gen.gaps IS 'Offsets that the log no longer has, confirmed by a second look and passed.';

CREATE TABLE @gen.changelog (
    partition integer NOT NULL,
    number bigint NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    payload bytea NOT NULL,
    PRIMARY KEY (partition, number)
);
ALTER TABLE @gen.changelog ALTER COLUMN payload SET STORAGE EXTERNAL;
COMMENT ON TABLE @gen.changelog IS 'The absolute values each batch left behind, numbered per partition: what snapshots follow. Kept for minutes.';
