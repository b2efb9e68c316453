-- name: rules_moved
-- Return a number that grows with every change of any rule set.
SELECT moved FROM @space.live_rules;

-- name: move_rules
-- Let everybody hear of a change, and hold off others until it is made.
UPDATE @space.live_rules SET moved = moved + 1;

-- name: put_rule_set
-- Give a rule set its next version's number, and bring back one that was taken away.
INSERT INTO @space.rule_sets AS sets (name, latest) VALUES ($1, 1)
ON CONFLICT (name) DO UPDATE SET latest = sets.latest + 1, gone = false
RETURNING latest;

-- name: put_rule_version
-- Keep a version.
INSERT INTO @space.rule_versions (name, version, rules) VALUES ($1, $2, $3::text::jsonb);

-- name: rule_version
-- Return a version with its time; without a number the newest of a set that was not taken away.
SELECT versions.name, version, made_at, rules::text AS rules
FROM @space.rule_versions AS versions JOIN @space.rule_sets AS sets USING (name)
WHERE name = $1 AND CASE WHEN $2::integer IS NULL THEN version = latest AND NOT gone ELSE version = $2 END;

-- name: listed_rules
-- Return of the newest version of every rule set that was not taken away what it is about and its count of rules, and which is live.
SELECT
    sets.name, versions.version, versions.made_at, versions.rules ->> 'about' AS about, live.version AS live,
    (SELECT count(*) FROM jsonb_path_query(versions.rules, '$.*[*] ? (@.type() == "object")')) AS count
FROM @space.rule_sets AS sets
JOIN @space.rule_versions AS versions ON versions.name = sets.name AND versions.version = sets.latest
LEFT JOIN @space.live_rules AS live ON live.name = sets.name
WHERE NOT gone ORDER BY sets.name;

-- name: rules_standing
-- Return the number of the newest version of every rule set that was not taken away, and which version is live.
SELECT sets.name, sets.latest, live.version AS live
FROM @space.rule_sets AS sets LEFT JOIN @space.live_rules AS live ON live.name = sets.name
WHERE NOT gone;

-- name: rule_versions
-- Return the numbers of a set's versions with their times, the newest first.
SELECT version, made_at FROM @space.rule_versions WHERE name = $1 ORDER BY version DESC;

-- name: live_rules
-- Return the version that is live, and since when; no row where none is.
SELECT versions.name, versions.version, versions.made_at, versions.rules::text AS rules, live.changed_at
FROM @space.live_rules AS live JOIN @space.rule_versions AS versions USING (name, version);

-- name: make_rules_live
-- Make a version of a set that was not taken away live; no row where there is none.
UPDATE @space.live_rules SET name = $1, version = $2, changed_at = now()
WHERE EXISTS (
    SELECT FROM @space.rule_versions AS versions JOIN @space.rule_sets AS sets USING (name)
    WHERE versions.name = $1 AND versions.version = $2 AND NOT sets.gone
)
RETURNING version;

-- name: make_no_rules_live
-- Lay no rule set over answers any more, or not this one; return which version was, no row where nothing is changed.
UPDATE @space.live_rules AS live SET name = NULL, version = NULL, changed_at = now()
FROM @space.live_rules AS was
WHERE live.name IS NOT NULL AND ($1::text IS NULL OR live.name = $1) RETURNING was.version;

-- name: take_rule_set_away
-- Take a set away, unless it is live; no row where there is none or it is.
UPDATE @space.rule_sets AS sets SET gone = true
WHERE name = $1 AND NOT gone AND NOT EXISTS (SELECT FROM @space.live_rules AS live WHERE live.name = sets.name)
RETURNING latest;
