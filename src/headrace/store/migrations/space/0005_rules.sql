-- Rule sets: what a shop wants of every list, in versions of which one may be live.

CREATE TABLE @space.rule_sets (
    name text PRIMARY KEY,
    latest integer NOT NULL,
    gone boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE @space.rule_sets IS 'Rule sets by name. One that was taken away keeps its row and its versions, so that a number never means two things.';
COMMENT ON COLUMN @space.rule_sets.latest IS 'the number of its newest version';

CREATE TABLE @space.rule_versions (
    name text NOT NULL REFERENCES @space.rule_sets (name),
    version integer NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    rules jsonb NOT NULL,
    PRIMARY KEY (name, version)
);
COMMENT ON TABLE @space.rule_versions IS 'Every version of every rule set, as it was put. Never changed.';

CREATE TABLE @space.live_rules (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    name text,
    version integer,
    changed_at timestamptz NOT NULL DEFAULT now(),
    moved bigint NOT NULL DEFAULT 0,
    FOREIGN KEY (name, version) REFERENCES @space.rule_versions (name, version)
);
COMMENT ON TABLE @space.live_rules IS 'The one row that says which version of which rule set is laid over every answer; null for none.';
COMMENT ON COLUMN @space.live_rules.moved IS 'grows with every change of any rule set: what API processes look at to hear of one';
INSERT INTO @space.live_rules DEFAULT VALUES;
