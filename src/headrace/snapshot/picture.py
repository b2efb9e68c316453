"""The item side in memory: popularity and neighbours by dense item numbers, with the version and time it stands for.

It is changed and read on one thread, between awaits, so a request that does not wait sees one unchanging picture.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.features.changes import Changes, ItemState, PairState
from headrace.features.decay import factor
from headrace.features.projection import Rules
from headrace.snapshot.neighbours import Neighbours, empty

MOST_POPULAR: Final = 1000
"""How long the list of popular items is."""

_NONE: Final = empty()


class Picture:
    """What a request is answered from.

    ``version`` is the number of the next change per partition, ``as_of_ms`` the wall clock at which the picture last agreed
    with the tables.
    """

    def __init__(self, generation: int, rules: Rules, *, most_neighbours: int) -> None:
        self.generation = generation
        self.rules = rules
        self.version: dict[int, int] = {}
        self.as_of_ms = 0
        self.newest_ts_ms = 0
        self.ids: list[str] = []
        self.numbers: dict[str, int] = {}
        self._most = most_neighbours
        self._events = np.zeros(0, np.int64)
        self._weight = np.zeros(0, np.int64)
        self._decayed = np.zeros(0)
        self._visits = np.zeros(0)
        self._neighbours: list[Neighbours | None] = []
        self._pairs = 0
        self._popular: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self.ids)

    @property
    def pairs(self) -> int:
        """Return how many neighbour entries there are, each direction one."""
        return self._pairs

    @property
    def events(self) -> NDArray[np.int64]:
        """Return each item's count of events."""
        return self._events[: len(self.ids)]

    @property
    def weight(self) -> NDArray[np.int64]:
        """Return each item's weight, raw."""
        return self._weight[: len(self.ids)]

    @property
    def decayed(self) -> NDArray[np.float64]:
        """Return each item's weight, forward-decayed from the landmark."""
        return self._decayed[: len(self.ids)]

    @property
    def visits(self) -> NDArray[np.float64]:
        """Return each item's visits, forward-decayed from the landmark."""
        return self._visits[: len(self.ids)]

    @property
    def now_factor(self) -> float:
        """Return the forward factor of the newest time the stream has seen: what sums are divided by to be of now."""
        return factor(self.newest_ts_ms, self.rules.landmark_ms, self.rules.settings.half_life_ms)

    def neighbours(self, number: int) -> Neighbours:
        """Return an item's neighbours, possibly none."""
        return self._neighbours[number] or _NONE

    def popular(self) -> NDArray[np.int32]:
        """Return the items of the largest decayed popularity, best first, equals by number; at most 1000."""
        if self._popular is None:
            decayed = self.decayed
            most = min(MOST_POPULAR, len(decayed))
            if most < len(decayed):
                edge = np.partition(decayed, len(decayed) - most)[len(decayed) - most]
                among = np.flatnonzero(decayed >= edge)
            else:
                among = np.arange(most)
            order = np.lexsort((among, -decayed[among]))[:most]
            self._popular = among[order].astype(np.int32)
        return self._popular

    def apply(self, changes: Changes) -> None:
        """Merge a batch's absolute values by maximum; applying it again changes nothing."""
        for item in changes.items:
            self._put_item(item)
        for pair in changes.pairs:
            self._put_pair(pair)
        self.newest_ts_ms = max(self.newest_ts_ms, changes.newest_ts_ms)
        if changes.items:
            self._popular = None

    def number_of(self, item_id: str) -> int:
        """Return the item's number; a new item gets the next one."""
        number = self.numbers.get(item_id)
        if number is None:
            number = self.numbers[item_id] = len(self.ids)
            self.ids.append(item_id)
            self._neighbours.append(None)
            if number >= len(self._events):
                self._grow(max(1024, 2 * number))
        return number

    def load_pairs(
        self,
        low: NDArray[np.int32],
        high: NDArray[np.int32],
        meetings: NDArray[np.int64],
        low_to_high: NDArray[np.float64],
        high_to_low: NDArray[np.float64],
    ) -> None:
        """Set all neighbours at once from parallel arrays of pairs, keeping the strongest of each item."""
        source = np.concatenate([low, high])
        target = np.concatenate([high, low])
        strength = np.concatenate([low_to_high, high_to_low])
        met = np.concatenate([meetings, meetings])
        order = np.lexsort((-strength, source))
        source, target, strength, met = source[order], target[order], strength[order], met[order]
        starts = np.flatnonzero(np.r_[True, source[1:] != source[:-1]]) if len(source) else np.empty(0, np.intp)
        ends = np.r_[starts[1:], len(source)] if len(source) else starts
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            last = min(end, start + self._most)
            self._neighbours[int(source[start])] = Neighbours(
                target[start:last].copy(), strength[start:last].copy(), met[start:last].copy()
            )
            self._pairs += last - start

    def put_items(self, items: list[ItemState]) -> None:
        """Merge items' popularity."""
        for item in items:
            self._put_item(item)
        self._popular = None

    def position(self) -> Mapping[str, int]:
        """Return the version as it goes into traces and impressions."""
        return {str(partition): number for partition, number in self.version.items()}

    def _put_item(self, item: ItemState) -> None:
        number = self.number_of(item.item_id)
        self._events[number] = max(self._events[number], item.events)
        self._weight[number] = max(self._weight[number], item.weight)
        self._decayed[number] = max(self._decayed[number], item.decayed)
        self._visits[number] = max(self._visits[number], item.visits)

    def _put_pair(self, pair: PairState) -> None:
        low, high = self.number_of(pair.low), self.number_of(pair.high)
        self._put_neighbour(low, high, pair.low_to_high, pair.meetings)
        self._put_neighbour(high, low, pair.high_to_low, pair.meetings)

    def _put_neighbour(self, source: int, target: int, strength: float, meetings: int) -> None:
        neighbours = self._neighbours[source]
        if neighbours is None:
            neighbours = self._neighbours[source] = empty()
        self._pairs += neighbours.put(target, strength, meetings, most=self._most)

    def _grow(self, room: int) -> None:
        for name in ("_events", "_weight", "_decayed", "_visits"):
            old = getattr(self, name)
            new = np.zeros(room, dtype=old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
