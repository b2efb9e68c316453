-- Popularity over time, and finding an item by its title: what the console asks.

CREATE TABLE @gen.item_hours (
    item_id text COLLATE "C" NOT NULL,
    hour integer NOT NULL,
    views integer NOT NULL,
    clicks integer NOT NULL,
    purchases integer NOT NULL,
    watches integer NOT NULL,
    PRIMARY KEY (item_id, hour)
) WITH (fillfactor = 80);
COMMENT ON TABLE @gen.item_hours IS 'Acts on an item per hour since 1970, counted from the archives when somebody looks.';

CREATE TABLE @gen.item_hours_counted (
    partition integer PRIMARY KEY,
    applied bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE @gen.item_hours_counted IS 'How far each partition''s archives are counted into item_hours.';

CREATE INDEX catalogue_by_title ON @gen.catalogue (lower(item ->> 'title') COLLATE "C") WHERE item IS NOT NULL;
