"""Why one item is shown, or why not: never proposed, filtered, outranked, or unknown to everybody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from headrace.features.changes import PairState
from headrace.pipeline import Candidates, Explaining, Filter, Recipe, Step
from headrace.pipeline.own import Available, Wish
from headrace.pipeline.ruling import Barred
from headrace.reasons import Take, verdicts
from headrace.serving.explaining import telling
from headrace.serving.explaining.following import Following, Told, Way
from headrace.serving.explaining.telling import Events
from headrace.serving.explaining.told import Cut, Met, Verdict


@dataclass(slots=True)
class Judged:
    """A verdict on one item and what led to it."""

    verdict: Verdict
    by: str | None = None
    place: int | None = None
    score: float | None = None
    cut: Cut | None = None
    words: list[str] = field(default_factory=list)
    takes: list[Take] = field(default_factory=list)
    way: Way = field(default_factory=Way)
    against: list[Told] = field(default_factory=list)
    """What does not let it pass, or does not propose it."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Tells of single items why they are in an answer, or why not."""

    following: Following
    recipe: Recipe
    answer: Candidates
    events: Events
    now_ms: int

    def of(self, item: int) -> Judged:
        """Return the verdict on an item of the picture."""
        way = self.following.way(item)
        place = self.answer.place(item)
        if place is not None:
            said = [verdicts.is_shown(place + 1), *telling.sentences(way.made, self.events, self.now_ms)]
            return Judged("shown", place=place + 1, score=float(self.answer.scores[place]), words=said, way=way)
        against = self._filters(item)
        if against:
            said = [one for told in against for one in telling.sentence_of(told, self.events, self.now_ms)]
            return Judged("filtered", by=against[0].step.name, words=said, way=way, against=against)
        if way.lost is not None:
            return self._lost(way, way.lost, item)
        return self._outfilled(way, item) or self._undrawn(way, item) or self._never(way, item)

    def _filters(self, item: int) -> list[Told]:
        """Return the filters that would leave the item out, whoever proposed it: their verdict depends on it alone."""
        picture, query = self.following.picture, self.following.query
        alone = Candidates(np.array([item], np.int32), np.zeros(1), np.zeros(1, np.int8), ("",))
        parts: list[tuple[str, Filter]] = [("available", Available())]
        if query.only is not None:
            parts.append(("wish", Wish(query.only, query.given)))
        laid = (*query.rules, *(() if self.recipe.rules is None else (self.recipe.rules,)))
        parts.extend(("rules", Barred(rules, query.given)) for rules in laid)
        parts.extend(("filter", one) for one in self.recipe.filters)
        found = []
        for kind, part in parts:
            mask = part.allow(picture, query, alone)
            if mask is None or mask[0]:
                continue
            step = Step(kind, part.name, part, alone, alone.keep(mask))
            found.append(Told(step, item, self.following.said(step, item), None, None))
        return found

    def _lost(self, way: Way, step: Step, item: int) -> Judged:
        """Return what a stage of the main way had against an item."""
        told = Told(step, item, self.following.said(step, item), step.before.score(item), None)
        if step.kind not in ("selector", "explorer") and not (step.kind == "arrangement" and "rule" not in told.reason.figures):
            said = telling.sentence_of(told, self.events, self.now_ms)
            return Judged("filtered", by=step.name, score=told.before, words=said, way=way, against=[told])
        return self._outranked(way, told, step.before.rank(item))

    def _outfilled(self, way: Way, item: int) -> Judged | None:
        """Return the verdict on an item that a filler offered too late for the last place; None where none did."""
        for step in self.following.trace.steps:
            if step.kind == "filler" and step.offered is not None and (rank := step.offered.rank(item)) is not None:
                told = Told(step, item, self.following.said(step, item), step.offered.score(item), None)
                return self._outranked(way, told, rank + len(step.before))
        return None

    def _undrawn(self, way: Way, item: int) -> Judged | None:
        """Return the verdict on an item that was there to be tried out, and was not; None where it was not."""
        steps = self.following.trace.steps
        for step in (one for one in steps if one.kind == "explorer"):
            for one in steps:
                if one.kind == "source" and one.within == step.name and (score := one.after.score(item)) is not None:
                    return self._outranked(way, Told(step, item, self.following.said(step, item), score, None), None)
        return None

    def _outranked(self, way: Way, told: Told, place: int | None) -> Judged:
        """Return the verdict on an item that a stage put others before."""
        said = telling.sentence_of(told, self.events, self.now_ms)
        return Judged("outranked", told.step.name, place, told.before, self._cut(), said, way=way, against=[told])

    def _never(self, way: Way, item: int) -> Judged:
        """Return why no source proposes an item, and what it would take."""
        against, asked = [], set()
        for step in self.following.trace.steps:
            if step.kind == "source" and isinstance(step.part, Explaining):
                against.append(Told(step, item, self.following.said(step, item), None, None))
            if step.within is not None:
                asked.add(step.within)
        said = [verdicts.never_proposed(), *(told.reason.words for told in against)]
        said += [verdicts.full_before(filler.name) for filler in self.recipe.fillers if filler.name not in asked]
        takes = [take for told in against for take in told.reason.takes]
        return Judged("never_proposed", words=said + [take.words for take in takes], takes=takes, way=way, against=against)

    def _cut(self) -> Cut | None:
        """Return the last item that is shown instead, whatever came into the answer behind the stage that lost this one."""
        shown = self.answer
        if not len(shown):
            return None
        return Cut(self.following.picture.ids[int(shown.items[-1])], len(shown), float(shown.scores[-1]))


def met(following: Following, item: int, heard: Iterable[str], stored: Mapping[str, PairState] | None) -> list[Met]:
    """Return how often an item met each of the user's latest ones; those it never met are left out.

    ``heard`` are those that a source heard speak for it; ``stored`` is what the tables say, None where they are away.
    """
    picture, speaking = following.picture, set(heard)
    now, mine = picture.now_factor, picture.ids[item]
    found = []
    for rank, number in enumerate(following.query.numbers(picture).tolist(), start=1):
        if number < 0 or number == item:
            continue
        name = picture.ids[number]
        beside = picture.neighbours(number)
        places = np.flatnonzero(beside.items == item)
        pair = None if stored is None else stored.get(name)
        if pair is not None:
            strength = pair.low_to_high if name < mine else pair.high_to_low
            found.append(Met(name, rank, pair.meetings, strength / now, bool(len(places)), name in speaking))
        elif len(places):
            place = int(places[0])
            meetings, strength = int(beside.meetings[place]), float(beside.strengths[place])
            found.append(Met(name, rank, meetings, strength / now, in_memory=True, speaks=name in speaking))
    return found
