-- Several generations a group: one is built beside the one that is read, flipped to, returned from, dropped.

ALTER TABLE @space.generations DROP CONSTRAINT generations_group_id_key;
ALTER TABLE @space.generations
    ADD COLUMN state text NOT NULL DEFAULT 'followed' CHECK (state IN ('building', 'followed', 'dropping', 'dropped')),
    ADD COLUMN began_with text NOT NULL DEFAULT 'log' CHECK (began_with IN ('log', 'archive')),
    ADD COLUMN source integer REFERENCES @space.generations (number),
    ADD COLUMN finished_at timestamptz,
    ADD COLUMN left_at timestamptz;
CREATE INDEX generations_by_group ON @space.generations (group_id);
COMMENT ON COLUMN @space.generations.state IS
    'building until it has caught up, then followed; dropping while its tables go, then dropped for good';
COMMENT ON COLUMN @space.generations.began_with IS 'where its events came from at first';
COMMENT ON COLUMN @space.generations.source IS 'the generation whose archive it was built from, or beside which it was made';
COMMENT ON COLUMN @space.generations.finished_at IS 'when a built one had caught up';
COMMENT ON COLUMN @space.generations.left_at IS 'since when readers no longer read it; null for one that never was read, or is';

ALTER TABLE @space.live
    ADD COLUMN previous integer REFERENCES @space.generations (number),
    ADD COLUMN candidate integer REFERENCES @space.generations (number),
    ADD COLUMN candidate_until timestamptz,
    ADD COLUMN flipped_at timestamptz;
COMMENT ON COLUMN @space.live.previous IS 'the one before: the way back';
COMMENT ON COLUMN @space.live.candidate IS 'the one that replicas hold ready before a flip';
COMMENT ON COLUMN @space.live.candidate_until IS 'renewed by the command that flips; a candidate past it counts no more';

CREATE TABLE @space.replicas (
    replica_id text PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    generation integer,
    candidate integer,
    as_of_ms bigint NOT NULL,
    version jsonb NOT NULL
);
COMMENT ON TABLE @space.replicas IS 'API processes by their last sign of life: which generation each answers from, how far its picture has come.';
COMMENT ON COLUMN @space.replicas.candidate IS 'the generation it holds ready beside that';
COMMENT ON COLUMN @space.replicas.version IS 'the number of the next change, per partition';
