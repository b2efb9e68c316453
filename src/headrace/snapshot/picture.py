"""The item side in memory: popularity and neighbours by dense item numbers, with the version and time it stands for.

It is changed and read on one thread, between awaits, so a request that does not wait sees one unchanging picture.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from headrace.features.changes import Changes, ItemState, PairState
from headrace.features.decay import factor
from headrace.features.projection import Rules
from headrace.snapshot import merging
from headrace.snapshot.attributes import Attributes
from headrace.snapshot.catalogue import Catalogue
from headrace.snapshot.neighbours import Beside, Neighbours

MOST_POPULAR: Final = 1000
"""How long the list of popular items is."""

SMALLEST: Final = 1024


class Asked(Protocol):
    """Something that is true of some items and not of others."""

    def of(
        self, attributes: Attributes, items: NDArray[np.int32], given: Mapping[str, Any], *, strict: bool = True
    ) -> NDArray[np.bool_]:
        """Return of which of these items it is true."""
        ...


class Picture:
    """What a request is answered from.

    ``version`` is the number of the next change per partition, ``as_of_ms`` the wall clock at which the picture last agreed
    with the tables, ``moved_s`` the monotonic second at which requests began to see this version.
    """

    def __init__(
        self, generation: int, rules: Rules, *, most_neighbours: int, unknown_shown: bool = True, content: bool = True
    ) -> None:
        self.generation = generation
        self.rules = rules
        self.version: dict[int, int] = {}
        self.as_of_ms = 0
        self.moved_s = 0.0
        self.newest_ts_ms = 0
        self.ids: list[str] = []
        self.numbers: dict[str, int] = {}
        self.links = Neighbours(most=most_neighbours)
        self.catalogue = Catalogue(self.number_of, unknown_shown=unknown_shown, content=content)
        self._events = np.zeros(0, np.int32)
        self._weight = np.zeros(0, np.int64)
        self._decayed = np.zeros(0)
        self._visits = np.zeros(0)
        self._rank = np.zeros(0, np.int32)
        self._popular = np.empty(MOST_POPULAR, np.int32)
        self._listed = 0
        self.moves = 0
        """Counts how often items' popularity has changed."""

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self.ids)

    @property
    def pairs(self) -> int:
        """Return how many neighbour entries there are, each direction one."""
        return len(self.links)

    @property
    def events(self) -> NDArray[np.int32]:
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

    def neighbours(self, number: int) -> Beside:
        """Return an item's neighbours, possibly none."""
        return self.links.of(number)

    def popular(self) -> NDArray[np.int32]:
        """Return the items of the largest decayed popularity, best first, equals by number; at most 1000."""
        return self._popular[: self._listed]

    @property
    def known(self) -> int:
        """Return of how many items there are events."""
        return int((self.events > 0).sum())

    def place(self, number: int) -> int:
        """Return at which place an item stands by decayed popularity, from 1, equals by number, whether or not it is shown."""
        decayed = self.decayed
        before = (decayed > decayed[number]) | ((decayed == decayed[number]) & (np.arange(len(self)) < number))
        return int((before & (self.events > 0)).sum()) + 1

    def shown_popular(
        self, wanted: int, only: "Asked | None" = None, given: Mapping[str, Any] = MappingProxyType({})
    ) -> NDArray[np.int32]:
        """Return those of the popular items that may be shown now; where they are too few, the best of all that may.

        ``only`` is what else must be true of them.

        An item that no event ever named is none of them.
        """
        popular = self.popular()
        visible = self._allowed(popular, only, given)
        if visible is None:
            return popular
        shown = popular[visible]
        if len(shown) >= wanted or len(popular) < MOST_POPULAR:
            return shown
        visible = self._allowed(np.arange(len(self), dtype=np.int32), only, given)
        known = np.flatnonzero((self.events > 0) if visible is None else visible & (self.events > 0)).astype(np.int32)
        decayed = self.decayed[known]
        order: NDArray[np.int32] = known[np.argsort(-decayed, kind="stable")[:MOST_POPULAR]]
        return order

    def _allowed(self, items: NDArray[np.int32], only: "Asked | None", given: Mapping[str, Any]) -> NDArray[np.bool_] | None:
        visible = self.catalogue.visible(items)
        if only is None:
            return visible
        mask = only.of(self.catalogue.attributes, items, given)
        return mask if visible is None else mask & visible

    def apply(self, changes: Changes) -> None:
        """Merge a batch's absolute values by maximum; applying it again changes nothing."""
        self.put_items(changes.items)
        self.put_pairs(changes.pairs)
        self.catalogue.put(changes.catalogue)
        self.newest_ts_ms = max(self.newest_ts_ms, changes.newest_ts_ms)

    def number_of(self, item_id: str) -> int:
        """Return the item's number; a new item gets the next one."""
        number = self.numbers.get(item_id)
        if number is None:
            number = self.numbers[item_id] = len(self.ids)
            self.ids.append(item_id)
            if number >= len(self._events):
                self._grow(max(SMALLEST, 2 * number))
        return number

    def put_items(self, items: Sequence[ItemState]) -> None:
        """Merge items' popularity."""
        if not items:
            return
        number = self.number_of
        self.moves += 1
        self._listed = merging.put_items(
            np.array([number(item.item_id) for item in items], np.int32),
            np.array([(item.decayed, item.visits) for item in items]),
            np.array([(item.events, item.weight) for item in items], np.int64),
            self._events, self._weight, self._decayed, self._visits, self._popular, self._rank, self._listed,
        )  # fmt: skip

    def put_pairs(self, pairs: Sequence[PairState]) -> None:
        """Merge pairs, each into the neighbours of both its items."""
        if not pairs:
            return
        number = self.number_of
        low = np.array([number(pair.low) for pair in pairs], np.int32)
        high = np.array([number(pair.high) for pair in pairs], np.int32)
        self.links.merge(
            low,
            high,
            np.array([pair.meetings for pair in pairs], np.int32),
            np.array([pair.low_to_high for pair in pairs]),
            np.array([pair.high_to_low for pair in pairs]),
        )

    def position(self) -> Mapping[str, int]:
        """Return the version as it goes into traces and impressions."""
        return {str(partition): number for partition, number in self.version.items()}

    def _grow(self, room: int) -> None:
        for name, blank in (("_events", 0), ("_weight", 0), ("_decayed", 0), ("_visits", 0), ("_rank", -1)):
            old = getattr(self, name)
            new = np.full(room, blank, dtype=old.dtype) if blank else np.zeros(room, dtype=old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
        self.links.room_for(room)
        self.catalogue.room_for(room)
