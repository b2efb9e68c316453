"""``headrace evaluate`` as it is called: what it writes, and what it says before it works."""

import json
import unittest
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from headrace.cli import main
from headrace.serving import recipes
from tests.cli.test_commands import CommandCase
from tests.evaluation.worlds import campers


class EvaluateCase(CommandCase):
    """A file of twelve campers who all go from the tent to the stove to the lamp."""

    def setUp(self) -> None:
        """Write it."""
        super().setUp()
        rows = [f"{one.user_id},{one.session_id},{one.item_id},view,{one.ts_ms}" for one in campers()]
        self.data = self.write("campers.csv", "\n".join(["user_id,session_id,item_id,event_type,ts_ms", *rows]))

    def write(self, name: str, text: str) -> str:
        """Return the path of a file that holds this."""
        path = self.home / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def evaluate(self, *options: str, **environment: str) -> str:
        """Return what it prints."""
        done = self.call("evaluate", self.data, "--split", "3h", *options, **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refusal(self, *options: str) -> str:
        """Return the one line that it complains in, having played nothing; within this process, which is quicker."""
        printed, said = StringIO(), StringIO()
        with redirect_stdout(printed), redirect_stderr(said), self.assertRaises(SystemExit) as ended:
            main(["evaluate", self.data, *options])
        self.assertEqual(ended.exception.code, 2)
        self.assertNotIn("HR@20", printed.getvalue())
        lines = said.getvalue().splitlines()
        self.assertEqual(len(lines), 1, lines)
        return lines[0]


class Evaluating(EvaluateCase):
    """What comes out."""

    def test_the_table_and_the_file_tell_the_same(self) -> None:
        """Every metric has a column; the JSON holds the figures, their intervals and curves, and the settings they hold for."""
        written = self.home / "report.json"
        options = ("--recipe", "default", "--baseline", "revisits", "--json", str(written))
        printed = self.evaluate(*options, HEADRACE_SNAPSHOT_NEIGHBOURS="150")
        for head in ("HR@20", "MRR@20", "NDCG@20", "coverage", "popularity", "answers/s", "p50", "p99"):
            self.assertIn(head, printed)
        report = json.loads(written.read_bytes())
        first = report["results"][0]
        self.assertIn(f"{first['unseen']['hit_rate']:.4f}", printed)
        self.assertEqual({one["baseline"] for one in first["versus"]}, {"revisits"})
        for curve in ("by_length", "by_history", "by_item_age", "by_item_events"):
            self.assertTrue(first[curve], curve)
        self.assertEqual(report["ages"][0]["label"], "live")
        self.assertEqual((report["neighbours"], report["features"]["window"]), (150, 10))

    def test_a_recipe_in_the_operators_folder_is_evaluated_as_it_is_served(self) -> None:
        """`default` there goes before the package's: its version stands in the table."""
        self.write("default.toml", recipes.text_of("revisits"))
        own = recipes.named("default", self.home).version
        self.assertIn(own, self.evaluate("--streaming", HEADRACE_SERVING_RECIPES=str(self.home)))

    def test_a_sweep_prints_a_recipe_and_never_plays_the_test(self) -> None:
        """Of nine sessions before the split, those of the last three hours are tuned on."""
        printed = self.evaluate("--sweep")
        self.assertRegex(printed, "tuning on 6 targets of the .* days before the test window")
        self.assertIn('part = "co_visitation"', printed)


class Complaining(EvaluateCase):
    """One clear line each, before the work."""

    def test_a_feature_setting_that_there_is_not_is_told(self) -> None:
        """The line names those that there are."""
        self.assertRegex(self.refusal("--feature", "windw=3"), "windw is not one of .*window")

    def test_a_feature_setting_out_of_bounds_is_told(self) -> None:
        """What production would refuse is refused here."""
        for given in ("window=-3", "window=2.5", "half_life_days=0", "backward=nan"):
            self.assertRegex(self.refusal("--feature", given), f"--feature {given}: expected a (whole )?number from")

    def test_a_split_that_leaves_nothing_on_one_side_is_told(self) -> None:
        """The line says when the events are."""
        for given in ("1.5", "2031-01-01", "0", "1000h"):
            self.assertRegex(self.refusal("--split", given), "the events are from 2020-09-13T12:26:40.* to 2020-")
        self.assertIn("write 24h, a share such as 0.88", self.refusal("--split", "banana"))

    def test_a_file_that_cannot_be_written_is_told_before_the_work(self) -> None:
        """The line names it."""
        for option in ("--json", "--page"):
            self.assertIn(f"{option} /nowhere/report: ", self.refusal(option, "/nowhere/report"))

    def test_a_sample_of_other_data_is_told(self) -> None:
        """None of its names is a session."""
        sample = self.write("names", "ada bea")
        self.assertRegex(self.refusal("--split", "3h", "--sample", sample), "none of its 2 names is a session of the data")

    def test_a_recipe_that_is_no_text_is_told(self) -> None:
        """The line names the file."""
        path = self.home / "mine.toml"
        path.write_bytes(b"\xff\xfe")
        self.assertIn("mine.toml: is no text", self.refusal("--recipe", str(path)))

    def test_what_belongs_to_the_features_is_no_weight_of_a_recipe(self) -> None:
        """The line says what changing it takes."""
        path = self.write("mine.toml", '[[sources]]\npart = "co_visitation"\nwindow = 5\n[selector]\npart = "top"\n')
        self.assertRegex(self.refusal("--recipe", path), "'window'; it belongs to the features.*replay")

    def test_a_sweep_that_is_to_test_as_well_is_told(self) -> None:
        """It tunes, and writes no report."""
        self.assertIn("--sweep", self.refusal("--sweep", "--json", str(self.home / "report.json")))


if __name__ == "__main__":
    unittest.main()
