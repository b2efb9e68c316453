"""What one evaluation runs: the candidates with their baseline, the curve over the age of the index, the ablation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

import msgspec

from headrace.clock import Clock
from headrace.evaluation import metrics, variants
from headrace.evaluation.playing import Candidate, Play, Played, Stage, Tell, play
from headrace.evaluation.protocol import DAY_MS, Course
from headrace.evaluation.results import CUT, Point, Result, result_of
from headrace.evaluation.tuning import hides_nothing
from headrace.pipeline import Recipe

Index = Literal["streaming", "frozen"]

AGES_DAYS: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 7.0, 14.0)


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What is lost when something is taken out, in points of HR@20 (over all targets, or unseen ones for a hiding recipe)."""

    change: str
    hit_rate: float
    lost: float


class Report(msgspec.Struct, kw_only=True):
    """Everything that was found. ``ages`` are hit rates of the first recipe with its index frozen ever earlier.

    ``features`` and ``neighbours``, the most that memory held of an item, are what the figures hold for.
    """

    targets: int
    unseen_targets: int
    split_ms: int
    features: dict[str, float]
    neighbours: int
    events_learned_per_s: float
    results: list[Result]
    ages: list[Point]
    ablation: list[Cost] = []


class Run:
    """Evaluations over one course."""

    def __init__(self, course: Course, stage: Stage, clock: Clock) -> None:
        self._course = course
        self._stage = stage
        self._clock = clock

    def report(
        self, chosen: Sequence[Recipe], baseline: Recipe | None, indexes: Sequence[Index], tell: Tell, *, ages: bool
    ) -> Report:
        """Return each recipe's figures for each index, all from one pass."""
        wanted = list(chosen)
        if baseline is not None and baseline.version not in {one.version for one in wanted}:
            wanted.append(baseline)
        asked = [(recipe, index) for recipe in wanted for index in indexes]
        candidates = [self._candidate(recipe, index) for recipe, index in asked]
        aged = self._aged(wanted[0]) if ages else []
        found = self._play([*candidates, *(candidate for _, candidate in aged)], self._stage, tell)
        beside = {
            index: found.played[place]
            for place, (recipe, index) in enumerate(asked)
            if baseline is not None and recipe.version == baseline.version
        }
        results = [
            result_of(found, one, index, beside.get(index)) for one, (_, index) in zip(found.played, asked, strict=False)
        ]
        old = [
            Point(label, *self._hit_rate(found, one, wanted[0]))
            for (label, _), one in zip(aged, found.played[len(candidates) :], strict=True)
        ]
        features = self._stage.features
        return Report(
            targets=len(found.moments),
            unseen_targets=int((~found.moments.seen).sum()),
            split_ms=self._course.split_ms,
            features={name: getattr(features, name) for name in type(features).__dataclass_fields__},
            neighbours=self._stage.neighbours,
            events_learned_per_s=found.learned / found.learn_seconds if found.learn_seconds else 0.0,
            results=results,
            ages=old,
        )

    def ablation(self, recipe: Recipe, tell: Tell) -> list[Cost]:
        """Return what each part of the recipe and of the features is worth, streaming; the whole one first."""
        changed = list(variants.taken_out(recipe))
        candidates = [Candidate("as it is", recipe), *(Candidate(one.change, one.recipe) for one in changed)]
        found = self._play(candidates, self._stage, tell)
        # All are asked for the targets that the whole recipe is held to, also one that no longer hides what was seen.
        whole = self._hit_rate(found, found.played[0], recipe)[1]
        costs = [self._cost(one.candidate.name, self._hit_rate(found, one, recipe)[1], whole) for one in found.played]
        for change, values in variants.FEATURES_WITHOUT.items():
            stage = replace(self._stage, features=variants.features_with(self._stage.features, values))
            other = self._play([Candidate(change, recipe)], stage, tell)
            costs.append(self._cost(change, self._hit_rate(other, other.played[0], recipe)[1], whole))
        return costs

    def _candidate(self, recipe: Recipe, index: Index) -> Candidate:
        return Candidate(recipe.name, recipe, None if index == "streaming" else self._course.frozen_ms)

    def _aged(self, recipe: Recipe) -> list[tuple[str, Candidate]]:
        first_ms = self._course.steps[0].act.ts_ms
        moments = [("live", None), *((f"{days:g} d", self._course.split_ms - round(days * DAY_MS)) for days in AGES_DAYS)]
        return [(label, Candidate(label, recipe, at)) for label, at in moments if at is None or at > first_ms]

    def _play(self, candidates: Sequence[Candidate], stage: Stage, tell: Tell) -> Play:
        return play(self._course, candidates, stage, self._clock, tell)

    @staticmethod
    def _hit_rate(found: Play, one: Played, held_to: Recipe) -> tuple[int, float]:
        ranks = one.ranks if hides_nothing(held_to) else one.ranks[~found.moments.seen]
        return len(ranks), metrics.hit_rate(ranks, CUT)

    @staticmethod
    def _cost(change: str, hit_rate: float, whole: float) -> Cost:
        return Cost(change=change, hit_rate=hit_rate, lost=100 * (whole - hit_rate))
