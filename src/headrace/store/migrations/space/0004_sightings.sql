-- When a replica's picture had come how far: what tells until when, at the latest, an event had become visible.

CREATE TABLE @space.sightings (
    seen_at timestamptz NOT NULL DEFAULT now(),
    replica_id text NOT NULL,
    generation integer NOT NULL,
    moved_at timestamptz NOT NULL,
    changes bigint[] NOT NULL,
    PRIMARY KEY (seen_at, replica_id)
);
COMMENT ON TABLE @space.sightings IS 'What replicas have reported of their pictures, whenever those had moved since the last report. Kept for a day.';
COMMENT ON COLUMN @space.sightings.moved_at IS 'when its picture had come there, at the latest; by the database''s clock, as seen_at';
COMMENT ON COLUMN @space.sightings.changes IS 'the number of the next change: of partition 0 first';
