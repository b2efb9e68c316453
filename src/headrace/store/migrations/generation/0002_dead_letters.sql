-- What became of a dead letter, whether its copy went out, and a release of the brake that outlives its worker.

ALTER TABLE @gen.dead_letters
    ADD COLUMN state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'redriven', 'dropped')),
    ADD COLUMN settled_at_ms bigint,
    ADD COLUMN redriven_id bytea,
    ADD COLUMN copied_at_ms bigint,
    -- The reason without what differs from record to record: lines after the first, quoted values, numbers.
    ADD COLUMN cause text NOT NULL GENERATED ALWAYS AS (
        error_type || ': ' || left(regexp_replace(regexp_replace(regexp_replace(
            error_message, E'\n.*', ''), '''[^'']*''', '''...''', 'g'), '0x[0-9a-f]+|[0-9]+', 'N', 'g'), 200)
    ) STORED;
COMMENT ON COLUMN @gen.dead_letters.state IS 'open, redriven (sent through the log again) or dropped (given up)';
COMMENT ON COLUMN @gen.dead_letters.settled_at_ms IS 'when it was redriven or dropped';
COMMENT ON COLUMN @gen.dead_letters.redriven_id IS 'the id under which a redriven event counts, as in event_ids';
COMMENT ON COLUMN @gen.dead_letters.copied_at_ms IS 'when its copy was published to TOPIC_DLQ; null: not yet, or the log has no such topic';
COMMENT ON COLUMN @gen.dead_letters.cause IS 'what letters are grouped by: the reason without quoted values and numbers';
CREATE INDEX dead_letters_open ON @gen.dead_letters (cause) WHERE state = 'open';
CREATE INDEX dead_letters_to_copy ON @gen.dead_letters (failed_at_ms) WHERE copied_at_ms IS NULL;

ALTER TABLE @gen.partitions ADD COLUMN released boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN @gen.partitions.released IS 'someone has let the partition go on: the brake lets the bad stretch pass, whoever owns it, and holds again behind it';
