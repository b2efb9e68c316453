"""All items' strongest neighbours, in one pool of places: 16 bytes a neighbour, and a little room to grow."""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from headrace.snapshot import merging

SMALLEST: Final = 1 << 14
AT_ONCE: Final = 50_000
"""So many places are closed up between two batches: about a tenth of a millisecond."""

Kind = TypeVar("Kind", bound=np.generic)
Numbers = NDArray[np.int32]
Strengths = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Beside:
    """One item's neighbours as parallel arrays, in no particular order.

    ``strengths`` are those of the direction item -> neighbour, forward-decayed from the landmark; ``meetings`` are counts.
    """

    items: Numbers
    strengths: Strengths
    meetings: Numbers

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.items)


class Neighbours:
    """The strongest ``most`` neighbours of every item.

    Values are absolute and only grow, so they merge by maximum: late or repeated news change nothing. The arrays are read by
    compiled loops; ``starts`` and ``sizes`` tell an item's range in ``items``, ``strengths`` and ``meetings``. Any of them may
    be another array after the next merge.
    """

    def __init__(self, *, most: int) -> None:
        self.most = most
        self.starts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.sizes: Numbers = np.zeros(0, np.int32)
        self._floors: Strengths = np.zeros(0)
        room = max(SMALLEST, 4 * (most + 1))
        # Empty, not zeroed: what is not used yet takes no memory.
        self.items: Numbers = np.empty(room, np.int32)
        self.strengths: Strengths = np.empty(room, np.float64)
        self.meetings: Numbers = np.empty(room, np.int32)
        self._state = np.zeros(5, np.int64)

    def __len__(self) -> int:
        """Return how many neighbours there are, each direction of a pair one."""
        return int(self._state[merging.ENTRIES])

    @property
    def places(self) -> int:
        """Return how many places of the pool were ever used; each takes 16 bytes."""
        return int(self._state[merging.END])

    def of(self, number: int) -> Beside:
        """Return a copy of one item's neighbours, possibly none."""
        start = int(self.starts[number])
        place = slice(start, start + int(self.sizes[number]))
        return Beside(self.items[place].copy(), self.strengths[place].copy(), self.meetings[place].copy())

    def room_for(self, items: int) -> None:
        """Have room for so many items."""
        if items > len(self.starts):
            self.starts = _longer(self.starts, items)
            self.sizes = _longer(self.sizes, items)
            self._floors = _longer(self._floors, items)

    def merge(self, low: Numbers, high: Numbers, met: Numbers, low_to_high: Strengths, high_to_low: Strengths) -> None:
        """Merge pairs, given as parallel arrays, in both directions."""
        done = 0
        while True:
            done = merging.merge(
                done, low, high, met, low_to_high, high_to_low, self.most, self.starts, self.sizes,
                self._floors, self.items, self.strengths, self.meetings, self._state,
            )  # fmt: skip
            if done == len(low):
                break
            self._make_room()
        state = self._state
        if state[merging.READ] or 8 * state[merging.DEAD] > state[merging.END]:
            self._slide(AT_ONCE)

    def tighten(self) -> None:
        """Close up all dead places at once."""
        self._slide(self.places)
        if self._state[merging.DEAD]:  # some died behind a closing up that was under way
            self._slide(self.places)

    def _slide(self, budget: int) -> None:
        merging.slide(budget, self.starts, self.sizes, self.items, self.strengths, self.meetings, self._state)

    def _make_room(self) -> None:
        if 8 * self._state[merging.DEAD] > self._state[merging.END]:
            self.tighten()
            return
        used, room = self.places, 2 * len(self.items)
        # One after the other: the old one is let go of before the next is copied.
        self.items = _copied(self.items, used, room)
        self.strengths = _copied(self.strengths, used, room)
        self.meetings = _copied(self.meetings, used, room)


def _longer(old: NDArray[Kind], size: int) -> NDArray[Kind]:
    new = np.zeros(size, old.dtype)
    new[: len(old)] = old
    return new


def _copied(old: NDArray[Kind], used: int, room: int) -> NDArray[Kind]:
    new = np.empty(room, old.dtype)
    new[:used] = old[:used]
    return new
