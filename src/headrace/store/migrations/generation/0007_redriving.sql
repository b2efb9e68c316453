-- A dead letter is redriven with one record and no other: that record is noted before anything is appended.

ALTER TABLE @gen.dead_letters ADD COLUMN redriving bytea;
COMMENT ON COLUMN @gen.dead_letters.redriving IS 'the record that an open letter is being redriven with; whoever comes next carries that one through';
