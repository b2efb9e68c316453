"""Plays a file: at every target each candidate answers from its picture, then the event is revealed and learned.

The features, the picture and the runner are production's. One pass serves any number of candidates, as they look at the same
moments: that is also what makes their comparison paired.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace import pipeline
from headrace.clock import Clock
from headrace.evaluation.metrics import Ranks
from headrace.evaluation.protocol import Act, Course
from headrace.evaluation.tables import Tables
from headrace.events.items import Item
from headrace.features.projection import Rules
from headrace.features.settings import FeatureSettings
from headrace.pipeline import Recipe
from headrace.serving.asking import query
from headrace.snapshot.picture import Picture

TELL_EVERY: Final = 2_000

Tell = Callable[[int, int], None]
"""Told (steps played, steps there are)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipe and how fresh its picture is: ``frozen_ms`` None follows the stream, else nothing from then on is known."""

    name: str
    recipe: Recipe
    frozen_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Moments:
    """What is true of each target, whatever is recommended; parallel arrays over the targets.

    ``item`` numbers the file's items in order of appearance, ``age_ms`` is the time since the item's first event, -1 for an
    item nobody has met, ``met`` how often it was met before, ``revealed`` how many events its session had shown. Of a ``cold``
    item nothing was learned: nobody met it, or it is withheld.
    """

    session: NDArray[np.int64]
    item: NDArray[np.int64]
    seen: NDArray[np.bool_]
    revealed: NDArray[np.int64]
    age_ms: NDArray[np.int64]
    met: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    cold: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many targets there are."""
        return len(self.item)


@dataclass(frozen=True, slots=True)
class Played:
    """One candidate's answers: the target's rank in each (0: missed), the lists as item numbers, seconds each took.

    An item that the file has not named by then has a number below 0. ``cold_shown`` are the items that were shown before
    anything was learned of them, ``cold_places`` how many places they had in each list.
    """

    candidate: Candidate
    ranks: Ranks
    lists: list[list[int]]
    seconds: NDArray[np.float64]
    cold_places: NDArray[np.int64]
    cold_shown: frozenset[str]


@dataclass(frozen=True, slots=True)
class Play:
    """One pass: the moments, each candidate's answers, the file's items, and each item's events before the split."""

    moments: Moments
    played: list[Played]
    items: list[str]
    events: dict[int, int]
    learn_seconds: float
    learned: int
    known: int
    """How many items had been met when the frozen index ended: items of this number and above are new to it."""
    meetings: dict[int, list[int]]
    """Of each new item: the times of its events, as counts of targets asked before each."""

    def met_at(self, item: int, target: int) -> int:
        """Return how often a new item had been met when the ``target``-th target was asked."""
        return bisect_right(self.meetings.get(item, []), target)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a file is played with: feature settings, neighbours kept an item, length of the lists, the catalogue.

    Of the share ``withheld`` of all items, drawn by a hash of their ids, no event is learned: they stay as on their first day.
    """

    features: FeatureSettings
    neighbours: int = 200
    k: int = 20
    catalogue: Mapping[str, Item] = field(default_factory=dict)
    withheld: float = 0.0

    def withholds(self, item_id: str) -> bool:
        """Return whether nothing is learned of an item."""
        if not self.withheld:
            return False
        drawn = int.from_bytes(blake2b(item_id.encode(), digest_size=8).digest(), "big")
        return drawn < self.withheld * (1 << 64)


def play(course: Course, candidates: Sequence[Candidate], stage: Stage, clock: Clock, tell: Tell) -> Play:
    """Play the course for all candidates. ``tell`` is called now and then."""
    return _Pass(course, candidates, stage, clock).run(tell)


class _Pass:
    """One pass through a course."""

    def __init__(self, course: Course, candidates: Sequence[Candidate], stage: Stage, clock: Clock) -> None:
        self._course = course
        self._stage = stage
        self._clock = clock
        # As a new generation takes the moment it is made at, so does this one: old events count as history.
        self._tables = Tables(Rules(stage.features, course.steps[-1].act.ts_ms), stage.catalogue)
        self._candidates = list(candidates)
        self._pictures: dict[int | None, Picture] = {}
        self._freezes = sorted({one.frozen_ms for one in candidates if one.frozen_ms is not None}, reverse=True)
        self._numbers: dict[str, int] = {}
        self._first_ms: list[int] = []
        self._met: list[int] = []
        self._unnamed: dict[str, int] = {}
        self._rows: list[tuple[int, int, bool, int, int, int, int, bool]] = []
        self._ranks: list[list[int]] = [[] for _ in candidates]
        self._lists: list[list[list[int]]] = [[] for _ in candidates]
        self._seconds: list[list[float]] = [[] for _ in candidates]
        self._cold_places: list[list[int]] = [[] for _ in candidates]
        self._cold_shown: list[set[str]] = [set() for _ in candidates]
        self._learning = 0.0
        self._meetings: dict[int, list[int]] = {}

    def run(self, tell: Tell) -> Play:
        steps, targets = self._course.steps, self._course.targets
        first, last = targets[0], targets[-1]
        wanted = set(targets)
        before: dict[int, int] | None = None
        known: int | None = None
        began = self._clock.monotonic()
        for index in range(last + 1):
            step = steps[index]
            if index % TELL_EVERY == 0:
                tell(index, last + 1)
            if index == first:
                self._learning += self._clock.monotonic() - began
                self._freeze(self._course.split_ms)
                self._pictures[None] = self._tables.picture(most_neighbours=self._stage.neighbours)
            elif index < first:
                self._freeze(step.act.ts_ms)
            if before is None and step.act.ts_ms >= self._course.split_ms:
                before = dict(enumerate(self._met))
            if known is None and step.act.ts_ms >= self._course.frozen_ms:
                known = len(self._met)
            if index in wanted:
                self._ask(index)
            self._meet(step.act, known)
            if self._stage.withholds(step.act.item_id):
                continue
            if index < first:
                self._tables.learn_unseen(step.act)
            else:
                self._tables.learn(step.act)
        tell(last + 1, last + 1)
        return self._result(before or {}, known or 0, first)

    def _freeze(self, now_ms: int) -> None:
        """Keep a picture of what was known, for each candidate whose moment has come."""
        while self._freezes and self._freezes[-1] <= now_ms:
            moment = self._freezes.pop()
            self._pictures[moment] = self._tables.picture(most_neighbours=self._stage.neighbours)

    def _ask(self, index: int) -> None:
        step = self._course.steps[index]
        act = step.act
        self._pictures[None].apply(self._tables.changes())
        asked = query(
            act.user_id,
            act.session_id,
            f"target-{index}",
            self._stage.k,
            self._tables.history(act.user_id),
        )
        item = self._number(act.item_id)
        known = item < len(self._first_ms)
        age_ms = act.ts_ms - self._first_ms[item] if known else -1
        met = self._met[item] if known else 0
        cold = not met or self._stage.withholds(act.item_id)
        self._rows.append((step.session, item, step.seen, step.revealed, age_ms, met, act.ts_ms, cold))
        for number, candidate in enumerate(self._candidates):
            picture = self._pictures[candidate.frozen_ms]
            began = self._clock.monotonic()
            answer = pipeline.run(candidate.recipe, picture, asked)
            self._seconds[number].append(self._clock.monotonic() - began)
            names = [picture.ids[one] for one in answer.items]
            new = [picture.ids[one] for one in answer.items[picture.events[answer.items] == 0]]
            self._cold_places[number].append(len(new))
            self._cold_shown[number].update(new)
            self._lists[number].append([self._number_shown(name) for name in names])
            self._ranks[number].append(names.index(act.item_id) + 1 if act.item_id in names else 0)

    def _number_shown(self, item_id: str) -> int:
        number = self._numbers.get(item_id)
        return self._unnamed.setdefault(item_id, -1 - len(self._unnamed)) if number is None else number

    def _number(self, item_id: str) -> int:
        return self._numbers.get(item_id, len(self._numbers))

    def _meet(self, act: Act, known: int | None) -> None:
        number = self._numbers.setdefault(act.item_id, len(self._numbers))
        if number == len(self._met):
            self._met.append(0)
            self._first_ms.append(act.ts_ms)
        self._met[number] += 1
        if known is not None and number >= known:
            self._meetings.setdefault(number, []).append(len(self._rows))

    def _result(self, before: dict[int, int], known: int, first: int) -> Play:
        session, item, seen, revealed, age_ms, met, ts_ms, cold = (np.array(column) for column in zip(*self._rows, strict=True))
        played = [
            Played(candidate, np.array(ranks, np.int32), lists, np.array(seconds), np.array(places), frozenset(shown))
            for candidate, ranks, lists, seconds, places, shown in zip(
                self._candidates, self._ranks, self._lists, self._seconds, self._cold_places, self._cold_shown, strict=True
            )
        ]
        return Play(
            Moments(session, item, seen.astype(np.bool_), revealed, age_ms, met, ts_ms, cold.astype(np.bool_)),
            played,
            list(self._numbers),
            before,
            self._learning,
            first,
            known,
            self._meetings,
        )
