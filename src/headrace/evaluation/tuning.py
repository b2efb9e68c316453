"""Tuning: moves one number at a time, on a window cut from before the test, and never sees the test.

The window is as long as the test window and ends where that begins. Coordinate steps: all variants of a recipe are played in
one pass, then each changed feature setting in a pass of its own, as other sums come of it; the best becomes the next round's
start, until none is better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from headrace.clock import Clock
from headrace.evaluation import metrics, protocol, variants
from headrace.evaluation.playing import Candidate, Play, Played, Stage, Tell, play
from headrace.evaluation.protocol import Course, Step
from headrace.features.settings import FeatureSettings
from headrace.pipeline import Recipe

ROUNDS: Final = 4
TARGETS: Final = 4_000
"""About so many targets are asked a round: enough to tell a quarter of a point from chance, mostly."""


class TestWindow(Exception):
    """What was about to be tuned on holds events of the test window."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a round found: what it changed, and the value of that beside the one it began with."""

    change: str
    value: float
    before: float


@dataclass(frozen=True, slots=True)
class Found:
    """The best recipe, and the feature settings that it was best with."""

    recipe: Recipe
    features: FeatureSettings


def window(steps: list[Step], names: list[str], split_ms: int, *, about: int = TARGETS) -> Course:
    """Return the course to tune on. Raises ``NothingToPredict`` where there is too little before the split."""
    length = steps[-1].act.ts_ms - split_ms
    return protocol.course(steps, names, split_ms - length, end_ms=split_ms, about=about)


def sweep(
    recipe: Recipe, course: Course, test_from_ms: int, stage: Stage, clock: Clock, tell: Tell, say: Callable[[Round], None]
) -> Found:
    """Return the best that was found; ``say`` hears each round. Raises ``TestWindow`` rather than look at the test."""
    if any(step.act.ts_ms >= test_from_ms for step in course.steps):
        raise TestWindow("the window to tune on reaches into the test window: nobody tunes on what is tested")

    def values_of(tried: Sequence[Recipe], features: FeatureSettings) -> list[float]:
        found = play(course, [Candidate(one.version, one) for one in tried], replace(stage, features=features), clock, tell)
        return [worth(found, one) for one in found.played]

    best = Found(recipe, stage.features)
    for _ in range(ROUNDS):
        tried = list(variants.moved(best.recipe))
        before, *values = values_of([best.recipe, *(one.recipe for one in tried)], best.features)
        value = max(values, default=before)
        if value > before:
            chosen = tried[values.index(value)]
            say(Round(chosen.change, value, before))
            best = Found(chosen.recipe, best.features)
        value = start = max(value, before)
        change, features = "", best.features
        for label, other in variants.features_moved(best.features):
            worth_it = values_of([best.recipe], other)[0]
            if worth_it > value:
                change, features, value = label, other, worth_it
        if change:
            say(Round(change, value, start))
            best = Found(best.recipe, features)
        if value <= before:
            say(Round("nothing better", value, before))
            break
    return best


def worth(found: Play, one: Played) -> float:
    """Return what is tuned for: hit rate plus MRR at 20; over unseen targets where the recipe hides what was seen."""
    ranks = one.ranks if hides_nothing(one.candidate.recipe) else one.ranks[~found.moments.seen]
    return metrics.hit_rate(ranks, 20) + metrics.mean_reciprocal_rank(ranks, 20)


def hides_nothing(recipe: Recipe) -> bool:
    """Return whether a recipe may show what the user has seen."""
    return not any(part.name == "seen" for part in recipe.filters)


def changes_between(one: Recipe, other: Recipe) -> Sequence[str]:
    """Return the lines of the other's recipe file that differ from the one's."""
    known = variants.toml_of(one).splitlines()
    return [line for line in variants.toml_of(other).splitlines() if line not in known]
