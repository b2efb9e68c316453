"""Tuning, ablation, intervals and the page."""

import unittest

import numpy as np

from headrace.clock import SystemClock
from headrace.config.declared import SETTINGS
from headrace.config.kinds import Real, Whole
from headrace.evaluation import intervals, page, protocol, runs, tuning, variants
from headrace.evaluation.playing import Stage
from headrace.features.settings import FeatureSettings
from headrace.serving import recipes
from tests.evaluation.worlds import MINUTE, act, campers

RECIPE = recipes.named("default")
STAGE = Stage(FeatureSettings())
GAP_MS = 30 * MINUTE


def silent(_done: int, _all: int) -> None:
    """Hear nothing."""


class Tuning(unittest.TestCase):
    """Nobody tunes on the test window."""

    def setUp(self) -> None:
        """Twelve campers, the last three of them the test."""
        self.steps, self.names = protocol.steps_of(campers(), GAP_MS)
        self.split_ms = protocol.before_last(self.steps, 3)

    def test_the_window_ends_where_the_test_begins(self) -> None:
        """It is as long as the test window, and holds none of it."""
        course = tuning.window(self.steps, self.names, self.split_ms)
        self.assertLess(course.steps[-1].act.ts_ms, self.split_ms)
        self.assertEqual(self.split_ms - course.split_ms, self.steps[-1].act.ts_ms - self.split_ms)

    def test_a_sweep_refuses_to_see_the_test_window(self) -> None:
        """A course that reaches into it is an error, not a better result."""
        course = protocol.course(self.steps, self.names, self.split_ms)
        with self.assertRaises(tuning.TestWindow):
            tuning.sweep(RECIPE, course, self.split_ms, STAGE, SystemClock(), silent, lambda _: None)

    def test_where_nothing_is_better_the_recipe_stays(self) -> None:
        """Campers are predicted perfectly as it is."""
        course = tuning.window(self.steps, self.names, self.split_ms)
        heard: list[tuning.Round] = []
        best = tuning.sweep(RECIPE, course, self.split_ms, STAGE, SystemClock(), silent, heard.append)
        self.assertEqual(variants.toml_of(best.recipe), variants.toml_of(RECIPE))
        self.assertEqual(best.features, STAGE.features)
        self.assertEqual([one.change for one in heard], ["nothing better"])

    def test_feature_settings_are_tuned_too_each_by_a_pass_of_its_own(self) -> None:
        """Where lamps follow tents two steps later, a window of one is too short: the sweep widens it."""
        stage = Stage(FeatureSettings(window=1, backward=0.0))
        acts = [
            act(f"camper-{number}", item, 60 * number + place)
            for number in range(24)
            for place, item in enumerate(("tent", f"one-off-{number}", "lamp"))
        ]
        steps, names = protocol.steps_of(acts, GAP_MS)
        split_ms = protocol.before_last(steps, 6)
        course = tuning.window(steps, names, split_ms)
        best = tuning.sweep(RECIPE, course, split_ms, stage, SystemClock(), silent, lambda _: None)
        self.assertGreater(best.features.window, 1)

    def test_a_sweep_moves_feature_settings_within_the_bounds_of_their_declaration(self) -> None:
        """What it finds can be set."""
        declared = {one.field: one.kind for one in SETTINGS}
        for name, bounds in variants.FEATURES_SWEPT.items():
            kind = declared[f"features.{name}"]
            assert isinstance(kind, Whole | Real)
            self.assertEqual(bounds, (kind.low, kind.high))

    def test_moved_feature_settings_stay_within_what_production_takes(self) -> None:
        """A window of 100 grows no further, and no pair counts more backwards than forwards."""
        moved = dict(variants.features_moved(FeatureSettings(window=100, backward=1.0)))
        self.assertIn("window=50", moved)
        self.assertTrue(all(one.window <= 100 and one.backward <= 1 for one in moved.values()))

    def test_a_recipe_written_as_a_file_is_the_same_recipe(self) -> None:
        """Read again, it has the same version."""
        for name in recipes.available():
            recipe = recipes.named(name)
            self.assertEqual(recipes.read(name, variants.toml_of(recipe)).version, recipe.version)

    def test_a_recipes_expression_is_written_with_it(self) -> None:
        """A sweep that lost it would recommend a file that shows what the first one hides."""
        where = """[[filters]]\npart = "where"\nexpression = "colour == 'red'"\n"""
        own = recipes.text_of("default") + where
        recipe = recipes.read("own", own)
        self.assertEqual(recipes.read("own", variants.toml_of(recipe)).version, recipe.version)

    def test_each_part_is_taken_out_once(self) -> None:
        """Two filters, one filler and six weights; the only source stays."""
        changes = [one.change for one in variants.taken_out(RECIPE)]
        self.assertEqual(len(changes), 9)
        self.assertIn("without filter seen", changes)
        self.assertIn(variants.WITHOUT["history"][1], changes)


class Runs(unittest.TestCase):
    """A whole evaluation of a small file."""

    def setUp(self) -> None:
        """Play the campers."""
        steps, names = protocol.steps_of(campers(), GAP_MS)
        self.run_ = runs.Run(protocol.course(steps, names, protocol.before_last(steps, 3)), STAGE, SystemClock())

    def test_a_recipe_is_no_better_than_itself(self) -> None:
        """The interval of an equal twin is nought, and a hiding recipe is perfect here."""
        report = self.run_.report([RECIPE], recipes.named("rules-v1"), ["streaming", "frozen"], silent, ages=True)
        self.assertEqual({one.unseen.hit_rate for one in report.results}, {1.0})
        self.assertEqual({versus.mean for versus in report.results[0].versus if versus.figure == "hit_rate"}, {0.0})
        self.assertEqual(report.ages[0].label, "live")

    def test_the_page_holds_its_pictures_and_loads_nothing(self) -> None:
        """Five pictures inside, no script and no address to fetch from."""
        report = self.run_.report([RECIPE], None, ["streaming"], silent, ages=True)
        try:
            html = page.page("campers <3", report.results, report.ages)
        except page.NoPlots:
            self.skipTest("matplotlib is not installed")
        self.assertEqual(html.count("<svg"), 5)
        self.assertNotIn("<script", html)
        self.assertNotIn("src=", html)
        self.assertIn("campers &lt;3", html)

    def test_the_ablation_begins_with_the_whole(self) -> None:
        """Nothing taken out costs nothing."""
        costs = self.run_.ablation(RECIPE, silent)
        self.assertEqual((costs[0].change, costs[0].lost), ("as it is", 0.0))
        self.assertEqual(len(costs), 1 + 9 + len(variants.FEATURES_WITHOUT))


class Intervals(unittest.TestCase):
    """The paired bootstrap."""

    def test_a_steady_difference_is_sure_and_noise_is_not(self) -> None:
        """A tenth better everywhere is sure; better here and worse there is not."""
        sessions = np.arange(200)
        worse = np.zeros(200)
        steady = intervals.paired(worse + 0.1, worse, sessions)
        noise = intervals.paired(np.where(sessions % 2, 1.0, -1.0), worse, sessions)
        self.assertAlmostEqual(steady.mean, 0.1)
        self.assertTrue(steady.sure)
        self.assertFalse(noise.sure)

    def test_sessions_are_drawn_whole(self) -> None:
        """A thousand predictions of one session are one observation: its interval has no width."""
        one = intervals.paired(np.linspace(0, 1, 1000), np.zeros(1000), np.zeros(1000, np.int64))
        self.assertAlmostEqual(one.low, one.high)


if __name__ == "__main__":
    unittest.main()
