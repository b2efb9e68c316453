"""Playing a file: what is known when, and what it does to the answers."""

import unittest

import numpy as np

from headrace.clock import SystemClock
from headrace.evaluation import protocol
from headrace.evaluation.playing import Candidate, Play, Stage, play
from headrace.evaluation.results import result_of
from headrace.evaluation.tables import learned
from headrace.events.items import Item
from headrace.features.projection import Rules
from headrace.features.settings import FeatureSettings
from headrace.serving import recipes
from tests.evaluation.worlds import MINUTE, START, act, campers

GAP_MS = 30 * MINUTE
RECIPE = recipes.named("default")


def played(acts: list[protocol.Act], split_ms: int, *candidates: Candidate) -> Play:
    """Play these events without a word."""
    steps, names = protocol.steps_of(acts, GAP_MS)
    course = protocol.course(steps, names, split_ms)
    return play(course, candidates, Stage(FeatureSettings()), SystemClock(), lambda _done, _all: None)


class Playing(unittest.TestCase):
    """The campers, whose next step can be said aloud."""

    def test_what_always_follows_is_predicted_first(self) -> None:
        """After the tent the stove, after both the lamp: every target of the last session stands first."""
        result = played(campers(), START + 11 * 60 * MINUTE, Candidate("live", RECIPE))
        self.assertEqual(result.played[0].ranks.tolist(), [1, 1])
        self.assertEqual(result.learned, 34)

    def test_a_prediction_knows_nothing_of_its_target(self) -> None:
        """The very first session meets an empty world, and its items are nobody's."""
        result = played(campers(1), START, Candidate("live", RECIPE))
        self.assertEqual(result.played[0].ranks.tolist(), [0, 0])
        self.assertEqual(result.moments.age_ms.tolist(), [-1, -1])
        self.assertEqual(result.moments.met.tolist(), [0, 0])

    def test_the_live_picture_learns_from_the_test_and_the_frozen_one_does_not(self) -> None:
        """Skiers come only behind the split: the third one's boots are known live, and never to the frozen picture."""
        skiers = [
            act(f"skier-{n}", item, 10_000 + 60 * n + place) for n in range(3) for place, item in enumerate(("ski", "boots"))
        ]
        split_ms = START + 9_000 * MINUTE
        result = played([*campers(), *skiers], split_ms, Candidate("live", RECIPE), Candidate("frozen", RECIPE, split_ms))
        live, frozen = result.played
        self.assertEqual(live.ranks.tolist(), [0, 1, 1])
        self.assertEqual(frozen.ranks.tolist(), [0, 0, 0])

    def test_an_item_is_new_to_an_index_that_ended_before_it_came(self) -> None:
        """Skis came an hour before the split: to an index of a day earlier they are new, to one of the split not."""
        skiers = [
            act(f"skier-{n}", item, 10_000 + 60 * n + place) for n in range(4) for place, item in enumerate(("ski", "boots"))
        ]
        steps, names = protocol.steps_of([*campers(), *skiers], GAP_MS)
        split_ms = START + 10_060 * MINUTE
        for days, known, hits in ((0.0, 5, [1, 1, 1]), (1.0, 3, [0, 0, 0])):
            course = protocol.course(steps, names, split_ms, frozen_days=days)
            frozen = Candidate("frozen", RECIPE, course.frozen_ms)
            result = play(course, [frozen], Stage(FeatureSettings()), SystemClock(), lambda _done, _all: None)
            self.assertEqual((result.known, result.played[0].ranks.tolist()), (known, hits))
        fare = result_of(result, result.played[0], "frozen").newcomers
        self.assertEqual((fare.items, fare.shown, fare.share_of_targets, fare.share_of_places), (2, 0, 1.0, 0.0))

    def test_how_often_a_new_item_was_met_before_it_was_shown_is_told(self) -> None:
        """Skis come with the split; the second skier is shown the boots, which one had met until then."""
        skiers = [
            act(f"skier-{n}", item, 10_000 + 60 * n + place) for n in range(3) for place, item in enumerate(("ski", "boots"))
        ]
        result = played([*campers(), *skiers], START + 9_000 * MINUTE, Candidate("live", RECIPE))
        fare = result_of(result, result.played[0], "streaming").newcomers
        self.assertEqual((fare.items, fare.shown, fare.share_of_targets), (2, 1, 1.0))
        self.assertEqual((fare.events_until_shown, fare.hit_rate), (1.0, 2 / 3))

    def test_nothing_is_learned_of_what_is_withheld_and_content_alone_can_show_it(self) -> None:
        """Everything is withheld but the tent: the stove is never learned, and found by what the catalogue says of it."""
        steps, names = protocol.steps_of(campers(), GAP_MS)
        course = protocol.course(steps, names, START + 11 * 60 * MINUTE)
        catalogue = {item: Item(title=f"the {item}", categories=["camp"]) for item in ("tent", "stove", "lamp", "axe")}

        class ButTheTent(Stage):
            def withholds(self, item_id: str) -> bool:
                return item_id != "tent"

        stage = ButTheTent(FeatureSettings(), catalogue=catalogue)
        candidates = [Candidate("default", RECIPE), Candidate("cold", recipes.named("cold"))]
        result = play(course, candidates, stage, SystemClock(), lambda _done, _all: None)
        default, cold = (result_of(result, one, "streaming").cold for one in result.played)
        self.assertEqual((default.targets, default.shown, default.hit_rate, default.share_of_targets), (2, 0, 0.0, 1.0))
        self.assertEqual((cold.shown, cold.hit_rate, cold.share_of_places), (3, 1.0, 1.0))

    def test_the_share_that_is_withheld_is_drawn_by_the_ids(self) -> None:
        """About so many of them, always the same ones, and more of them with a larger share."""
        ids = [f"item-{number}" for number in range(1000)]
        few, many = ({one for one in ids if Stage(FeatureSettings(), withheld=share).withholds(one)} for share in (0.1, 0.3))
        self.assertTrue(70 < len(few) < 130 and 250 < len(many) < 350 and few < many)

    def test_candidates_are_asked_at_the_same_moments(self) -> None:
        """Two equal candidates give equal lists."""
        result = played(campers(), START, Candidate("one", RECIPE), Candidate("two", RECIPE))
        self.assertEqual(result.played[0].lists, result.played[1].lists)


class Tables(unittest.TestCase):
    """The tables in memory."""

    def test_a_picture_that_follows_equals_one_that_is_loaded(self) -> None:
        """Half of the events loaded and half followed make the sums of all loaded."""
        acts = campers()
        rules = Rules(FeatureSettings(), acts[-1].ts_ms)
        tables = learned(rules, acts[:18])
        followed = tables.picture(most_neighbours=200)
        for one in acts[18:]:
            tables.learn(one)
            followed.apply(tables.changes())
        loaded = learned(rules, acts).picture(most_neighbours=200)
        for name in ("events", "weight", "decayed", "visits"):
            np.testing.assert_allclose(getattr(followed, name), getattr(loaded, name))
        for item in loaded.ids:
            here, there = followed.neighbours(followed.numbers[item]), loaded.neighbours(loaded.numbers[item])
            strengths = {loaded.ids[number]: strength for number, strength in zip(there.items, there.strengths, strict=True)}
            for number, strength in zip(here.items, here.strengths, strict=True):
                self.assertAlmostEqual(strengths.pop(followed.ids[number]), strength)
            self.assertEqual(strengths, {})


if __name__ == "__main__":
    unittest.main()
