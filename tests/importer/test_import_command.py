"""``headrace import`` as a user meets it: real processes on a Postgres of their own."""

import json

from tests.cli.test_commands import CommandCase

HEADER = "visitor,timestamp,item,what\n"
MAPS = ("--map", "user_id=visitor", "--map", "ts=timestamp", "--map", "item_id=item", "--map", "event_type=what")


class ImportCommandTests(CommandCase):
    """Exit codes, words and what is in at the end."""

    def test_a_file_that_does_not_fit_is_said_before_anything_starts(self) -> None:
        """The options to write are in the message; no Postgres is started for it."""
        path = self.home / "events.csv"
        path.write_text(HEADER + "ann,1700000000,film-1,view\n")
        done = self.call("import", str(path))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--map user_id=visitor", done.stderr)
        self.assertFalse((self.home / "postgres").exists())

    def test_a_dry_run_shows_the_first_rows_and_starts_nothing(self) -> None:
        """Nothing goes in."""
        path = self.home / "events.csv"
        path.write_text(HEADER + "ann,1700000000,film-1,view\n")
        done = self.call("import", str(path), *MAPS, "--shift-to-now", "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 would go in", done.stdout)
        self.assertIn('"user_id":"ann"', done.stdout)
        self.assertFalse((self.home / "postgres").exists())

    def test_an_import_that_took_nothing_does_not_call_it_applied(self) -> None:
        """All rows were refused."""
        path = self.home / "events.csv"
        path.write_text(HEADER + "ann,soon,film-1,view\n")
        done = self.call("import", str(path), *MAPS, "--as-history")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("Nothing was taken in.", done.stdout)
        self.assertNotIn("applied", done.stdout)

    def test_an_import_counts_once_and_keeps_the_refused_rows(self) -> None:
        """Three good rows, of which two are equal, and a bad one; then the same again, and the proof of the features."""
        path, errors = self.home / "events.csv", self.home / "errors.jsonl"
        rows = [
            "ann,1700000000,film-1,view",
            "ann,1700000000,film-1,view",
            "ann,soon,film-2,view",
            "ann,1700000060,film-2,like",
        ]
        path.write_text(HEADER + "\n".join(rows) + "\n")
        words = ("import", str(path), *MAPS, "--type", "like=click", "--shift-to-now", "--errors", str(errors))
        first, second = self.call(*words), self.call(*words)
        self.assertEqual((first.returncode, second.returncode), (1, 1), first.stderr + second.stderr)
        self.assertIn("4 rows read, 3 new, 0 duplicates, 0 skipped, 1 refused", first.stdout)
        self.assertIn("4 rows read, 0 new, 3 duplicates, 0 skipped, 1 refused", second.stdout)
        self.assertIn("as when they were imported first", second.stdout)
        self.assertIn("applied: the features reflect every row", first.stdout)
        refused = [json.loads(line) for line in errors.read_text().splitlines()]
        self.assertEqual([(row["line"], row["row"]["timestamp"]) for row in refused], [(4, "soon")])
        proof = self.call("verify")
        self.assertEqual(proof.returncode, 0, proof.stdout + proof.stderr)
        self.assertRegex(proof.stdout, "3 events recomputed")
