-- A generation may be built from the archive of another one; each partition turns to the log where that one stands.

ALTER TABLE @gen.partitions ADD COLUMN from_archive boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN @gen.partitions.from_archive IS 'whether it still reads the archive of the source; its positions are numbers in the source''s applied order then';
