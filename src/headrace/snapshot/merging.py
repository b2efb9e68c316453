"""The loops that take news in: an item's values and a pair's, each merged by maximum.

Neighbours live in one pool: an item's are a range of it, in front of which one place tells whose it is and how much room it
has. A range that is full moves to the end with an eighth more room; what it leaves behind is dead until ``slide`` closes up.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.compiling import compiled

Whole = NDArray[np.int32]
Large = NDArray[np.int64]
Real = NDArray[np.float64]

END: Final = 0
"""In the pool's state: the first place that was never used."""
DEAD: Final = 1
"""How many places behind the end belong to nobody any more."""
ENTRIES: Final = 2
"""How many neighbours there are."""
READ: Final = 3
"""While closing up: up to here was looked at; 0 while nothing is closed up."""
WRITE: Final = 4
"""While closing up: up to here all is tight."""


@compiled
def weakest(start: int, size: int, items: Whole, strengths: Real) -> int:
    """Return the place of the weakest of a range."""
    at = start
    for place in range(start + 1, start + size):
        if strengths[place] < strengths[at] or (strengths[place] == strengths[at] and items[place] > items[at]):
            at = place
    return at


@compiled
def move(
    source: int, most: int, starts: Large, sizes: Whole, items: Whole, strengths: Real, meetings: Whole, state: Large
) -> None:
    """Give an item a range at the end of the pool, an eighth larger than the one it had, if any."""
    old, size, new = starts[source], sizes[source], state[END] + 1
    room = min(most, size + size // 8 + 2)
    for step in range(size):
        items[new + step] = items[old + step]
        strengths[new + step] = strengths[old + step]
        meetings[new + step] = meetings[old + step]
    if size:
        items[old - 1] = -1
        state[DEAD] += size + 1
    items[new - 1], meetings[new - 1] = source, room
    state[END] += room + 1
    starts[source] = new


@compiled
def put(
    source: int,
    target: int,
    strength: float,
    met: int,
    most: int,
    starts: Large,
    sizes: Whole,
    floors: Real,
    items: Whole,
    strengths: Real,
    meetings: Whole,
    state: Large,
) -> None:
    """Merge one neighbour's values; a new one beyond the bound takes the weakest's place if it is stronger.

    Of equally strong ones the larger number is the weaker, so that what is kept does not depend on the order of news.
    ``floors`` tells how strong a full list's weakest is at least.
    """
    start, size = starts[source], sizes[source]
    if size == most and strength < floors[source]:
        return  # weaker than the weakest: not there, or late news of what has grown since
    known = 0
    for place in range(start, start + size):  # counts, and so looks at many places at once, where finding would not
        known += items[place] == target
    if known:
        for place in range(start, start + size):
            if items[place] == target:
                strengths[place] = max(strengths[place], strength)
                meetings[place] = max(meetings[place], met)
                return
    if size == most:
        at = weakest(start, size, items, strengths)
        floors[source] = strengths[at]
        if strength < strengths[at] or (strength == strengths[at] and target > items[at]):
            return
    else:
        if size == 0 or size == meetings[start - 1]:
            move(source, most, starts, sizes, items, strengths, meetings, state)
        at = starts[source] + size
        sizes[source] += 1
        state[ENTRIES] += 1
    items[at], strengths[at], meetings[at] = target, strength, met


@compiled
def merge(
    begin: int,
    low: Whole,
    high: Whole,
    met: Whole,
    low_to_high: Real,
    high_to_low: Real,
    most: int,
    starts: Large,
    sizes: Whole,
    floors: Real,
    items: Whole,
    strengths: Real,
    meetings: Whole,
    state: Large,
) -> int:
    """Merge the pairs from ``begin`` on, both directions; return how far it came before the pool had no room for another."""
    for place in range(begin, len(low)):
        if state[END] + 2 * (most + 1) > len(items):
            return place
        one, other, count = low[place], high[place], met[place]
        put(one, other, low_to_high[place], count, most, starts, sizes, floors, items, strengths, meetings, state)
        put(other, one, high_to_low[place], count, most, starts, sizes, floors, items, strengths, meetings, state)
    return len(low)


@compiled
def slide(budget: int, starts: Large, sizes: Whole, items: Whole, strengths: Real, meetings: Whole, state: Large) -> None:
    """Close up dead places, moving about ``budget`` places at most; goes on where the last call stopped."""
    read, write = state[READ], state[WRITE]
    last = read + budget
    while read < state[END] and read < last:
        owner, room = items[read], meetings[read]
        if owner < 0:
            state[DEAD] -= room + 1
        else:
            if write < read:
                items[write], meetings[write] = owner, room
                for step in range(1, sizes[owner] + 1):
                    items[write + step] = items[read + step]
                    strengths[write + step] = strengths[read + step]
                    meetings[write + step] = meetings[read + step]
                starts[owner] = write + 1
            write += room + 1
        read += room + 1
    if read >= state[END]:
        state[END] = write
        read = write = 0
    state[READ], state[WRITE] = read, write


@compiled
def put_items(
    numbers: Whole,
    news: Real,
    counts: Large,
    events: Whole,
    weight: Large,
    decayed: Real,
    visits: Real,
    popular: Whole,
    rank: Whole,
    listed: int,
) -> int:
    """Merge items' values by maximum, and let each rise in the list of popular ones; return how many that list now has.

    ``news`` has rows of (decayed, visits), ``counts`` of (events, weight). ``rank`` is an item's place in ``popular``, or -1.
    As values only grow, an item that fell out of a full list is never missed: all in it were and are better.
    """
    for row in range(len(numbers)):
        item = numbers[row]
        events[item] = max(events[item], counts[row, 0])
        weight[item] = max(weight[item], counts[row, 1])
        decayed[item] = max(decayed[item], news[row, 0])
        visits[item] = max(visits[item], news[row, 1])
        value = decayed[item]
        at = rank[item]
        if at < 0:
            if listed < len(popular):
                at = listed
                listed += 1
            else:
                last = popular[listed - 1]
                if value < decayed[last] or (value == decayed[last] and item > last):
                    continue
                rank[last] = -1
                at = listed - 1
        while at > 0:
            other = popular[at - 1]
            if decayed[other] > value or (decayed[other] == value and other < item):
                break
            popular[at] = other
            rank[other] = at
            at -= 1
        popular[at] = item
        rank[item] = at
    return listed
