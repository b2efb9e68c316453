"""The loops of the index of content: items' terms, terms' items, and which items are alike.

Ranges of both kinds lie in one pool of cells. A range has room for a power of two; one that is full moves to one of twice the
room, and what it leaves is kept in a list of free ranges of its size, chained through their first cells: there is never
anything to close up.
"""

from math import log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.compiling import compiled

Whole = NDArray[np.int32]
Large = NDArray[np.int64]
Real = NDArray[np.float64]
Kinds = NDArray[np.int8]
Mask = NDArray[np.bool_]

END: Final = 0
"""In the state: the first cell that was never used."""
TERMS: Final = 1
"""How many terms there are."""
ITEMS: Final = 2
"""How many items have any."""
FREE: Final = 3
"""From here on: for every power of two the first free range, plus one; 0 where there is none."""
SIZES: Final = 31


@compiled
def found(key: int, slots: Large) -> int:
    """Return the slot of a term's key, or the free one where it would stand."""
    last = len(slots) - 1
    slot = (key >> 2) & last
    while slots[slot] != 0 and slots[slot] != key:
        slot = (slot + 1) & last
    return slot


@compiled
def rehash(old: Large, old_terms: Whole, slots: Large, slot_terms: Whole) -> None:
    """Enter all keys into larger tables."""
    for place in range(len(old)):
        if old[place] != 0:
            slot = found(old[place], slots)
            slots[slot], slot_terms[slot] = old[place], old_terms[place]


@compiled
def allotted(size: int, cells: Whole, state: Large) -> int:
    """Return the start of a range with room for 2^``size``, or -1 where the pool has none."""
    free = state[FREE + size]
    if free:
        state[FREE + size] = cells[free - 1]
        return int(free) - 1
    start = state[END]
    if start + (1 << size) > len(cells):
        return -1
    state[END] = start + (1 << size)
    return int(start)


@compiled
def freed(start: int, size: int, cells: Whole, state: Large) -> None:
    """Keep a range for whoever needs one of its size next."""
    cells[start] = state[FREE + size]
    state[FREE + size] = start + 1


@compiled
def room_of(count: int) -> int:
    """Return the power of two that has room for so many."""
    size = 0
    while 1 << size < count:
        size += 1
    return size


@compiled
def appended(term: int, item: int, starts: Large, counts: Whole, logs: Real, cells: Whole, state: Large) -> bool:
    """Put an item into a term's range; return False, nothing done, where the pool has no room for it."""
    count = counts[term]
    if count == 0 or count & (count - 1) == 0:  # none yet, or full
        start = allotted(0 if count == 0 else room_of(count) + 1, cells, state)
        if start < 0:
            return False
        if count:
            old = starts[term]
            for place in range(count):
                cells[start + place] = cells[old + place]
            freed(old, room_of(count), cells, state)
        starts[term] = start
    cells[starts[term] + count] = item
    counts[term] = count + 1
    logs[term] = log(2.0 + count)
    return True


@compiled
def taken_out(term: int, item: int, starts: Large, counts: Whole, logs: Real, cells: Whole, state: Large) -> None:
    """Take an item out of a term's range, which gets a smaller one where that is enough; the last takes its place."""
    start, last = starts[term], counts[term] - 1
    for place in range(start, start + last + 1):
        if cells[place] == item:
            cells[place] = cells[start + last]
            break
    counts[term] = last
    logs[term] = log(1.0 + last)
    size = room_of(last + 1)
    if last == 0:
        freed(start, 0, cells, state)
    elif last & (last - 1) == 0:  # as large as the next smaller range: its other half is free
        freed(start + last, size - 1, cells, state)


@compiled
def forgotten(
    item: int, wanted: int, items: Large, sizes: Whole, starts: Large, counts: Whole, logs: Real, cells: Whole, state: Large
) -> None:
    """Take an item out of all its terms; its range was made for so many as are ``wanted``."""
    start = items[item]
    for place in range(start, start + sizes[item]):
        taken_out(cells[place], item, starts, counts, logs, cells, state)
    freed(start, room_of(wanted), cells, state)
    sizes[item] = 0
    state[ITEMS] -= 1


@compiled
def entered(
    item: int,
    keys: Large,
    slots: Large,
    slot_terms: Whole,
    kinds: Kinds,
    items: Large,
    sizes: Whole,
    starts: Large,
    counts: Whole,
    logs: Real,
    cells: Whole,
    state: Large,
) -> bool:
    """Enter an item that has no terms yet; return False where the pool ran out of room, the item then having none again."""
    start = allotted(room_of(len(keys)), cells, state)
    if start < 0:
        return False
    items[item] = start
    state[ITEMS] += 1
    for place in range(len(keys)):
        slot = found(keys[place], slots)
        if slots[slot] == 0:
            slots[slot], slot_terms[slot] = keys[place], state[TERMS]
            kinds[state[TERMS]] = keys[place] & 3
            state[TERMS] += 1
        term = slot_terms[slot]
        if not appended(term, item, starts, counts, logs, cells, state):
            forgotten(item, len(keys), items, sizes, starts, counts, logs, cells, state)
            return False
        cells[start + place] = term
        sizes[item] = place + 1
    return True


@compiled
def rarity(term: int, logs: Real, state: Large) -> float:
    """Return how much a term says, squared: idf^2, idf = ln((1 + N) / (1 + n)) + 1 over N items, n of them with it."""
    idf = log(1.0 + state[ITEMS]) - logs[term] + 1.0
    return float(idf * idf)


@compiled
def rarest_first(item: int, items: Large, sizes: Whole, counts: Whole, cells: Whole, order: Whole) -> None:
    """Fill in an item's terms, those of the fewest items first, equals as they stand."""
    for place in range(sizes[item]):
        term = cells[items[item] + place]
        at = place
        while at > 0 and counts[order[at - 1]] > counts[term]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = term


@compiled
def alike(
    item: int,
    items: Large,
    sizes: Whole,
    starts: Large,
    counts: Whole,
    logs: Real,
    cells: Whole,
    state: Large,
    lengths: Real,
    visible: Mask,
    shared: Real,
    touched: Whole,
    order: Whole,
    says: Real,
    best: Whole,
    likeness: Real,
) -> int:
    """Fill in the ``best`` items that share a term with this one, most alike first, equals by number; return how many.

    The likeness is the cosine of the two items' terms, each weighed by its idf. ``lengths`` has what each item's terms say
    together, or 0 where that is not known yet; ``shared`` has a 0 for every item, and has so again at the end; ``touched`` has
    room for every item, ``order`` and ``says`` for an item's terms. Those not ``visible`` are left out, if that is not empty.
    """
    rarest_first(item, items, sizes, counts, cells, order)
    own = 0.0
    for place in range(sizes[item]):
        says[place] = rarity(order[place], logs, state)
        own += says[place]
    size = 0
    for place in range(sizes[item]):
        term = order[place]
        for other in range(starts[term], starts[term] + counts[term]):
            number = cells[other]
            if shared[number] == 0.0:
                touched[size] = number
                size += 1
            shared[number] += says[place]
    chosen = 0
    least = 0.0
    for place in range(size):
        number = touched[place]
        both = shared[number]
        shared[number] = 0.0
        # An item is no shorter than what it shares, so one that shares little is not alike enough.
        if both < least or number == item or (len(visible) > 0 and not visible[number]):
            continue
        if lengths[number] == 0.0:
            lengths[number] = length(number, items, sizes, logs, cells, state)
        chosen = inserted(number, min(1.0, both / sqrt(own * lengths[number])), chosen, best, likeness)
        if chosen == len(best):
            # A little less than that, so that no rounding leaves out what is just as alike.
            least = likeness[chosen - 1] * likeness[chosen - 1] * own * (1.0 - 1e-9)
    return chosen


@compiled
def length(item: int, items: Large, sizes: Whole, logs: Real, cells: Whole, state: Large) -> float:
    """Return the sum of what an item's terms say, squared."""
    whole = 0.0
    for place in range(items[item], items[item] + sizes[item]):
        whole += rarity(cells[place], logs, state)
    return whole


@compiled
def inserted(number: int, score: float, size: int, best: Whole, scores: Real) -> int:
    """Put an item into a list of the best, largest score first, equals by number, and return how many there are now."""
    at = size
    if size == len(best):
        at = size - 1
        if score < scores[at] or (score == scores[at] and number > best[at]):
            return size
    while at > 0 and (scores[at - 1] < score or (scores[at - 1] == score and best[at - 1] > number)):
        best[at], scores[at] = best[at - 1], scores[at - 1]
        at -= 1
    best[at], scores[at] = number, score
    return min(size + 1, len(best))
