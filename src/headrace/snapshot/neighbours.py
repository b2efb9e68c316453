"""An item's strongest neighbours, as parallel arrays that grow up to a bound."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SMALLEST: Final = 4


class Neighbours:
    """The strongest ``most`` neighbours of one item: numbers, strengths of the direction item -> neighbour, meetings.

    Values are absolute and only grow, so putting one merges by maximum: late or repeated news changes nothing.
    """

    __slots__ = ("_items", "_meetings", "_size", "_strengths")

    def __init__(self, items: NDArray[np.int32], strengths: NDArray[np.float64], meetings: NDArray[np.int64]) -> None:
        self._items = items
        self._strengths = strengths
        self._meetings = meetings
        self._size = len(items)

    def __len__(self) -> int:
        """Return how many neighbours are kept."""
        return self._size

    @property
    def items(self) -> NDArray[np.int32]:
        """Return the neighbours' numbers, in no particular order."""
        return self._items[: self._size]

    @property
    def strengths(self) -> NDArray[np.float64]:
        """Return the strengths, forward-decayed from the landmark, parallel to ``items``."""
        return self._strengths[: self._size]

    @property
    def meetings(self) -> NDArray[np.int64]:
        """Return how often each neighbour was met, parallel to ``items``."""
        return self._meetings[: self._size]

    def put(self, item: int, strength: float, meetings: int, *, most: int) -> int:
        """Merge one neighbour's values; a new one beyond the bound takes the weakest's place if it is stronger.

        Returns by how much the number of neighbours grew: 0 or 1.
        """
        size = self._size
        found = np.flatnonzero(self._items[:size] == item)
        if len(found):
            at = int(found[0])
            self._strengths[at] = max(self._strengths[at], strength)
            self._meetings[at] = max(self._meetings[at], meetings)
            return 0
        if size < most:
            if size == len(self._items):
                self._grow(min(most, max(SMALLEST, 2 * size)))
            at = size
            self._size += 1
        else:
            at = int(self._strengths[:size].argmin())
            if strength <= self._strengths[at]:
                return 0
        self._items[at] = item
        self._strengths[at] = strength
        self._meetings[at] = meetings
        return self._size - size

    def _grow(self, room: int) -> None:
        size = self._size
        for name in ("_items", "_strengths", "_meetings"):
            old = getattr(self, name)
            new = np.zeros(room, dtype=old.dtype)
            new[:size] = old[:size]
            setattr(self, name, new)


def empty() -> Neighbours:
    """Return neighbours with none in it."""
    return Neighbours(np.empty(0, np.int32), np.empty(0, np.float64), np.empty(0, np.int64))
