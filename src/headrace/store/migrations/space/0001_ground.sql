-- What a space has once, whichever generation of features is read: the embedded log, the door's memory of ids,
-- the list of generations, the workers that report here.

CREATE TABLE @space.log_heads (
    topic smallint NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE @space.log_heads IS 'The offset that the next record of a topic and partition will get; locked until its transaction commits.';

CREATE TABLE @space.log_records (
    topic smallint NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    day date NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    timestamp_ms bigint NOT NULL,
    PRIMARY KEY (topic, partition, "offset", day)
) PARTITION BY RANGE (day);
COMMENT ON TABLE @space.log_records IS 'The embedded log, one partition of the table a day (UTC), dropped whole after the retention.';
CREATE TABLE @space.log_records_otherwise PARTITION OF @space.log_records DEFAULT;

CREATE TABLE @space.door_ids (
    id bytea PRIMARY KEY,
    payload_hash bytea NOT NULL,
    ts_ms bigint NOT NULL,
    kept boolean NOT NULL
);
CREATE INDEX door_ids_by_time ON @space.door_ids (ts_ms) WHERE NOT kept;
COMMENT ON TABLE @space.door_ids IS 'Ids the embedded log has taken, so that the door can say duplicate or conflict at once.';

CREATE TABLE @space.generations (
    number integer PRIMARY KEY,
    group_id text NOT NULL UNIQUE,
    landmark_ms bigint NOT NULL,
    settings jsonb NOT NULL,
    partitions integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE @space.generations IS 'Each generation of features: whose it is and how it counts. Its tables stand in a schema of its own.';

CREATE TABLE @space.live (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    generation integer NOT NULL REFERENCES @space.generations (number)
);
COMMENT ON TABLE @space.live IS 'One row: the generation that answers are made from.';

CREATE TABLE @space.workers (
    worker_id text PRIMARY KEY,
    generation integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    leaving boolean NOT NULL DEFAULT false,
    figures jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE @space.workers IS 'Workers by their last sign of life, with the figures they report.';

CREATE TABLE @space.imports (
    digest text PRIMARY KEY,
    shift_ms bigint NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE @space.imports IS 'By how much a file was shifted in time, so that importing it again shifts it the same.';
