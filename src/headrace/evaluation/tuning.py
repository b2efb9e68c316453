"""Tuning: moves one weight of a recipe at a time, on a window cut from before the test, and never sees the test.

The window is as long as the test window and ends where that begins. Coordinate steps: all variants of a round are played in
one pass, the best becomes the next round's start, until none is better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from headrace.clock import Clock
from headrace.evaluation import metrics, protocol, variants
from headrace.evaluation.playing import Candidate, Play, Played, Stage, Tell, play
from headrace.evaluation.protocol import Course, Step
from headrace.pipeline import Recipe

ROUNDS: Final = 4
TARGETS: Final = 4_000
"""About so many targets are asked a round: enough to tell a quarter of a point from chance, mostly."""


class TestWindow(Exception):
    """What was about to be tuned on holds events of the test window."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a round found: the recipe it chose, what was changed for it, and its value beside the one it began with."""

    change: str
    recipe: Recipe
    value: float
    before: float


def window(steps: list[Step], names: list[str], split_ms: int, *, about: int = TARGETS) -> Course:
    """Return the course to tune on. Raises ``NothingToPredict`` where there is too little before the split."""
    length = steps[-1].act.ts_ms - split_ms
    return protocol.course(steps, names, split_ms - length, end_ms=split_ms, about=about)


def sweep(
    recipe: Recipe, course: Course, test_from_ms: int, stage: Stage, clock: Clock, tell: Tell, say: Callable[[Round], None]
) -> Recipe:
    """Return the best recipe found; ``say`` hears each round. Raises ``TestWindow`` rather than look at the test."""
    if any(step.act.ts_ms >= test_from_ms for step in course.steps):
        raise TestWindow("the window to tune on reaches into the test window: nobody tunes on what is tested")
    best = recipe
    for _ in range(ROUNDS):
        tried = [variants.Variant("as it is", best), *variants.moved(best)]
        found = play(course, [Candidate(one.change, one.recipe) for one in tried], stage, clock, tell)
        values = [worth(found, one) for one in found.played]
        chosen = max(range(len(values)), key=values.__getitem__)
        say(Round(tried[chosen].change, tried[chosen].recipe, values[chosen], values[0]))
        if values[chosen] <= values[0]:
            break
        best = tried[chosen].recipe
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
