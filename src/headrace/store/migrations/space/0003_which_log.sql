-- A log beside the embedded one: which log a generation's positions belong to, and how far records were carried over.

ALTER TABLE @space.generations ADD COLUMN log text;
UPDATE @space.generations SET log = 'postgres';
COMMENT ON COLUMN @space.generations.log IS 'the log that its positions belong to; null until a process has seen both';

CREATE TABLE @space.relay_positions (
    topic smallint NOT NULL,
    partition integer NOT NULL,
    position bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE @space.relay_positions IS 'How far the embedded log was carried over to Kafka, which it stands in for while Kafka is away.';
