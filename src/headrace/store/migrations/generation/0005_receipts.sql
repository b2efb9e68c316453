-- What became of each event, for those who ask: a row for every batch, and the id of a dead letter's event where it has one.

CREATE TABLE @gen.batches (
    partition integer NOT NULL,
    applied bigint NOT NULL,
    records integer NOT NULL,
    changes bigint NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    repeated_ids bytea[],
    repeated_topics smallint[],
    repeated_offsets bigint[],
    PRIMARY KEY (partition, applied)
);
CREATE INDEX batches_with_repeats ON @gen.batches (partition, applied) WHERE repeated_ids IS NOT NULL;
COMMENT ON TABLE @gen.batches IS 'Every batch: what each of its records was applied with. Kept as long as the log.';
COMMENT ON COLUMN @gen.batches.applied IS 'the applied number behind its last record';
COMMENT ON COLUMN @gen.batches.changes IS 'the number of the next change after it: whoever has come there has seen it';
COMMENT ON COLUMN @gen.batches.written_at IS 'when its last statement ran, just before the commit';
COMMENT ON COLUMN @gen.batches.repeated_ids IS 'the ids of its duplicates; null where it had none';

ALTER TABLE @gen.dead_letters ADD COLUMN event_id text;
COMMENT ON COLUMN @gen.dead_letters.event_id IS 'the id that its event was sent with, where one can be read';
-- Of those that are there already, as far as it stands plainly in what was kept of them.
UPDATE @gen.dead_letters SET event_id = substring(encode(payload, 'escape') FROM '"event_id"\s*:\s*"([^"\\]{1,128})"');
CREATE INDEX dead_letters_by_event ON @gen.dead_letters (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX dead_letters_by_redriven_id ON @gen.dead_letters (redriven_id) WHERE redriven_id IS NOT NULL;
