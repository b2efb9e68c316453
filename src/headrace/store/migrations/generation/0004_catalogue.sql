-- A catalogue: what is known of items beside what users do with them; and the topic that its changes come by.

CREATE TABLE @gen.item_changes (
    event_id text NOT NULL,
    item_id text NOT NULL,
    put json,
    patch json,
    server_received_ts_ms bigint NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    applied bigint NOT NULL,
    PRIMARY KEY (partition, applied)
);
COMMENT ON TABLE @gen.item_changes IS 'Every change of the catalogue: an item put whole, patched, or, with neither, deleted.';

CREATE TABLE @gen.catalogue (
    item_id text COLLATE "C" PRIMARY KEY,
    item json,
    partition integer NOT NULL,
    applied bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX catalogue_by_partition ON @gen.catalogue (partition);
COMMENT ON TABLE @gen.catalogue IS 'The items as they are after all changes; null for a deleted one, which stays hidden until it is put again.';

-- The positions of a topic that there was none of: its log begins at 0.
UPDATE @gen.partitions SET positions = positions || 0::bigint, started_from = started_from || 0::bigint
WHERE cardinality(positions) = 3;
