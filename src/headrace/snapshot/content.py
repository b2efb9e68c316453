"""Which items are alike by what the catalogue says of them: an index of their terms in memory, changed in place.

It takes some 230 bytes an item of twelve terms (docs/decisions/0013-likeness-by-an-index-of-terms.md).
"""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from headrace.events.items import Item
from headrace.features import content
from headrace.snapshot import likeness

Kind = TypeVar("Kind", bound=np.generic)
Numbers = NDArray[np.int32]
Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]

SMALLEST: Final = 1 << 12
MOST_REMEMBERED: Final = 2048
"""So many items' lists are remembered; then all are forgotten, and found again as they are asked for."""

_NOTHING: Final = (np.empty(0, np.int32), np.empty(0))


class Content:
    """The index; where it is off it stays empty. Changed and read on one thread."""

    def __init__(self, *, on: bool = True) -> None:
        self.on = on
        self._told: NDArray[np.int64] = np.zeros(0, np.int64)
        self._remembered: dict[tuple[int, int], tuple[Numbers, Scores]] = {}
        self._remembered_at = (0, 0)
        self._changes = 0
        self._items = np.zeros(0, np.int64)
        self._sizes = np.zeros(0, np.int32)
        self._shared = np.zeros(0)
        self._lengths = np.zeros(0)
        self._lengths_at = 0
        self._touched = np.zeros(0, np.int32)
        self._slots = np.zeros(2 * SMALLEST if on else 0, np.int64)
        self._slot_terms = np.zeros(len(self._slots), np.int32)
        self._kinds = np.zeros(SMALLEST if on else 0, np.int8)
        self._starts = np.zeros(len(self._kinds), np.int64)
        self._counts = np.zeros(len(self._kinds), np.int32)
        self._logs = np.zeros(len(self._kinds))
        self._says = np.empty(content.MOST_TERMS)
        self._order = np.empty(content.MOST_TERMS, np.int32)
        self._cells = np.empty(8 * SMALLEST if on else 0, np.int32)
        self._state = np.zeros(likeness.FREE + likeness.SIZES, np.int64)

    def __len__(self) -> int:
        """Return how many items have any term."""
        return int(self._state[likeness.ITEMS])

    @property
    def memory(self) -> int:
        """Return how many bytes the index takes."""
        arrays = (one for one in vars(self).values() if isinstance(one, np.ndarray))
        return sum(one.nbytes for one in arrays)

    def room_for(self, items: int) -> None:
        """Have room for so many items."""
        if self.on and items > len(self._items):
            self._told = _longer(self._told, items)
            self._items = _longer(self._items, items)
            self._sizes = _longer(self._sizes, items)
            self._shared = np.zeros(items)
            self._lengths = np.zeros(items)
            self._touched = np.empty(items, np.int32)

    def put(self, number: int, item: Item | None) -> None:
        """Set what an item says of itself; None takes it all away. Other prices or times change nothing."""
        if not self.on:
            return
        keys = np.empty(0, np.int64) if item is None else content.keys(item)
        told = hash(keys.tobytes()) if len(keys) else 0
        if told == self._told[number]:
            return
        self._told[number] = told
        held = int(self._sizes[number])
        self._changes += 1
        if held:
            likeness.forgotten(
                number, held, self._items, self._sizes, self._starts, self._counts, self._logs, self._cells, self._state
            )
        if len(keys):
            self._enter(number, keys)

    def tells(self, number: int) -> bool:
        """Tell whether the catalogue says anything of an item by which it could be like another."""
        return self.on and bool(self._sizes[number])

    def alike(self, number: int, most: int, visible: Mask, flips: int = 0) -> tuple[Numbers, Scores]:
        """Return at most so many items that are alike to this one, the most alike first, with how much: 0..1.

        Those not ``visible`` are left out, where that is not empty; ``flips`` counts how often that has changed. It is the
        cosine of the two items' terms, each weighed by how rare it is (Salton and Buckley 1988, "Term-weighting approaches in
        automatic text retrieval"). What was found is remembered until something changes; whoever asks must not write into it.
        """
        if not self.tells(number):
            return _NOTHING
        if self._remembered_at != (self._changes, flips) or len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
            self._remembered_at = (self._changes, flips)
        known = self._remembered.get((number, most))
        if known is None:
            known = self._remembered[number, most] = self._looked_for(number, most, visible)
        return known

    def between(self, one: int, other: int) -> tuple[float, dict[int, int]]:
        """Return how much two items are alike, and how many terms of each kind they share."""
        if not self.on:
            return 0.0, {}
        mine, theirs = self._terms(one), set(self._terms(other))
        both = [term for term in mine if term in theirs]
        if not both:
            return 0.0, {}
        kinds: dict[int, int] = {}
        for term in both:
            kinds[int(self._kinds[term])] = kinds.get(int(self._kinds[term]), 0) + 1
        said = sum(self._rarity(term) for term in both)
        whole = sum(map(self._rarity, mine)) * sum(map(self._rarity, self._terms(other)))
        return min(1.0, said / float(np.sqrt(whole))), kinds

    def _looked_for(self, number: int, most: int, visible: Mask) -> tuple[Numbers, Scores]:
        if self._lengths_at != self._changes:
            self._lengths[:] = 0.0
            self._lengths_at = self._changes
        best, scores = np.empty(most, np.int32), np.empty(most)
        size = likeness.alike(
            number, self._items, self._sizes, self._starts, self._counts, self._logs, self._cells, self._state, self._lengths,
            visible, self._shared, self._touched, self._order, self._says, best, scores,
        )  # fmt: skip
        return best[:size].copy(), scores[:size].copy()

    def _terms(self, number: int) -> list[int]:
        start = int(self._items[number])
        terms: list[int] = self._cells[start : start + int(self._sizes[number])].tolist()
        return terms

    def _rarity(self, term: int) -> float:
        return float((np.log(1.0 + len(self)) - self._logs[term] + 1.0) ** 2)

    def _enter(self, number: int, keys: content.Keys) -> None:
        terms = int(self._state[likeness.TERMS]) + len(keys)
        if terms > len(self._kinds):
            self._kinds = _longer(self._kinds, 2 * len(self._kinds))
            self._starts = _longer(self._starts, len(self._kinds))
            self._counts = _longer(self._counts, len(self._kinds))
            self._logs = _longer(self._logs, len(self._kinds))
            slots, slot_terms = np.zeros(2 * len(self._slots), np.int64), np.zeros(2 * len(self._slots), np.int32)
            likeness.rehash(self._slots, self._slot_terms, slots, slot_terms)
            self._slots, self._slot_terms = slots, slot_terms
        while not likeness.entered(
            number, keys, self._slots, self._slot_terms, self._kinds, self._items, self._sizes, self._starts, self._counts,
            self._logs, self._cells, self._state,
        ):  # fmt: skip
            self._cells = _longer(self._cells, 3 * len(self._cells) // 2)


def _longer(array: NDArray[Kind], room: int) -> NDArray[Kind]:
    new = np.zeros(room, dtype=array.dtype)
    new[: len(array)] = array
    return new
