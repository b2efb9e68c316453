"""The loop that puts a list together under rules: pins stand, caps hold in every window, no two variants of one group.

Candidates are spoken of by their rank: the best is 0. What a cap counts are values, as numbers: those of the candidate of rank
r lie in ``values`` from ``begins[cap, r]`` to ``begins[cap, r + 1]``. ``chosen`` holds the rank at each place of the list, -1
where there is none yet, and ``last`` is the last place in use. ``groups`` is empty where no item is of any.
"""

from math import frexp

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.compiling import compiled

Whole = NDArray[np.int32]
Large = NDArray[np.int64]
Mask = NDArray[np.bool_]
Real = NDArray[np.float64]

STANDS = 0
TAKEN = 1
TWIN = 2
BEYOND = 3
MOVED = 4
CAPPED = 5
"""What became of a pin: it stands; its place was taken; a variant of its group is pinned before it; no list is that long; it
stands earlier, as the list is shorter than its place; from here on, less this number, which cap does not let it stand."""

EVERY = 1
STRICT = 2
"""Which caps are to hold; added up, for which of these a candidate can come into the list no more, whatever the place."""

FULL = 0
SHORT = 1
FELL = 2
"""What became of a list that is to be full, and all pins stand in it: it is so, it is too short, or a pin fell."""

NOTHING = -1
VARIANT = -2
"""What held a candidate back: nothing; a variant of its group that stands in the list; otherwise the cap of that number."""


@compiled
def spread(codes: Whole, items: Whole, begins: Large, parts: Large, out: Large, values: Large, at: int) -> int:
    """Write the parts of each item's code one after the other, from ``at`` on, and where each begins; returns their end.

    ``codes`` holds every item's; one below 0 has no parts.
    """
    for place in range(len(items)):
        out[place] = at
        code = codes[items[place]]
        if code >= 0:
            for part in range(begins[code], begins[code + 1]):
                values[at] = parts[part]
                at += 1
    out[len(items)] = at
    return at


@compiled
def single(codes: Whole, items: Whole, out: Large, values: Large, at: int) -> int:
    """Do the same for codes that are their own and only part."""
    for place in range(len(items)):
        out[place] = at
        if codes[items[place]] >= 0:
            values[at] = codes[items[place]]
            at += 1
    out[len(items)] = at
    return at


@compiled
def counted(numbers: Real, items: Whole, out: Large, values: Large, at: int) -> int:
    """Do the same for numbers, NaN being none; what differs in the last of 48 bits of a fraction alone is one value."""
    for place in range(len(items)):
        out[place] = at
        number = numbers[items[place]]
        if number == number:  # noqa: PLR0124 -- not NaN
            mantissa, exponent = frexp(number)
            values[at] = int(mantissa * (1 << 48)) * 4096 + (exponent + 2048) if number else 0
            at += 1
    out[len(items)] = at
    return at


@compiled
def outside(items: Whole, number: int, order: Large) -> int:
    """Return where an item stands among others that an order leaves out; -1 where it is in the order, or not there."""
    for at in range(len(items)):
        if items[at] == number:
            for place in order:
                if place == at:
                    return -1
            return at
    return -1


@compiled
def twins(groups: Whole) -> bool:
    """Return whether two of these are of one group; -1 is none."""
    for place in range(len(groups)):
        if groups[place] >= 0:
            for other in range(place):
                if groups[other] == groups[place]:
                    return True
    return False


@compiled
def alike(cap: int, rank: int, value: int, begins: Large, values: Large) -> int:
    """Return how often a candidate has a value: once or never."""
    for at in range(begins[cap, rank], begins[cap, rank + 1]):
        if values[at] == value:
            return 1
    return 0


@compiled
def breaks(
    cap: int, rank: int, place: int, last: int, most: int, within: int, begins: Large, values: Large, chosen: Large
) -> bool:
    """Return whether some window would hold too many with this candidate at this place; ``last`` is the last place in use."""
    for at in range(begins[cap, rank], begins[cap, rank + 1]):
        first = max(0, place - within + 1)
        # Where nothing stands behind the place, the window that ends there is the fullest; one of the whole list is the only.
        behind = last > place and within < len(chosen)
        count = 1
        for other in range(first, min(first + within, last + 1)):
            if other != place and chosen[other] >= 0:
                count += alike(cap, chosen[other], values[at], begins, values)
        if count > most:
            return True
        # Each window further on loses its first place, which is before this one, and gains one that is behind it.
        for start in range(first + 1, (place if behind else first) + 1):
            gone, come = start - 1, start + within - 1
            if chosen[gone] >= 0:
                count -= alike(cap, chosen[gone], values[at], begins, values)
            if come <= last and chosen[come] >= 0:
                count += alike(cap, chosen[come], values[at], begins, values)
            if count > most:
                return True
    return False


@compiled
def against(
    rank: int,
    place: int,
    last: int,
    holds: Mask,
    groups: Whole,
    begins: Large,
    values: Large,
    most: Large,
    within: Large,
    chosen: Large,
) -> int:
    """Return what does not let a candidate stand at a place, by groups and by the caps that are to hold."""
    if len(groups) and groups[rank] >= 0:
        for other in range(last + 1):
            if chosen[other] >= 0 and groups[chosen[other]] == groups[rank]:
                return VARIANT
    for cap in range(len(most)):
        if holds[cap] and breaks(cap, rank, place, max(last, place), most[cap], within[cap], begins, values, chosen):
            return cap
    return NOTHING


@compiled
def pinned(
    places: Large,
    ranks: Large,
    strict: Mask,
    groups: Whole,
    begins: Large,
    values: Large,
    most: Large,
    within: Large,
    chosen: Large,
    taken: Mask,
    pins: Large,
) -> int:
    """Put every pin that may stand into its place, the first of two first; returns the last place in use, -1 for none."""
    last = -1
    for pin in range(len(places)):
        place, rank = places[pin], ranks[pin]
        if place >= len(chosen):
            pins[pin] = BEYOND
        elif chosen[place] >= 0 or taken[rank]:
            pins[pin] = TAKEN
        else:
            why = against(rank, place, last, strict, groups, begins, values, most, within, chosen)
            pins[pin] = became(why, STANDS)
            if why == NOTHING:
                chosen[place] = rank
                taken[rank] = True
                last = max(last, place)
    return last


@compiled
def became(why: int, good: int) -> int:
    """Return what became of a pin that something, or nothing, speaks against."""
    if why == NOTHING:
        return good
    return TWIN if why == VARIANT else CAPPED + why


@compiled
def moved(
    place: int,
    last: int,
    ranks: Large,
    strict: Mask,
    groups: Whole,
    begins: Large,
    values: Large,
    most: Large,
    within: Large,
    chosen: Large,
    pins: Large,
) -> int:
    """Take the next pin behind a place out of its own, and return its rank if it may stand there; -1 where it falls."""
    later = place + 1
    while later < last and chosen[later] < 0:
        later += 1
    rank = chosen[later]
    chosen[later] = -1
    why = against(rank, place, last, strict, groups, begins, values, most, within, chosen)
    for pin in range(len(ranks)):
        if pins[pin] == STANDS and ranks[pin] == rank:
            pins[pin] = became(why, MOVED)
    return rank if why == NOTHING else -1


@compiled
def fitting(
    first: int,
    place: int,
    last: int,
    holds: Mask,
    free: Mask,
    taken: Mask,
    groups: Whole,
    begins: Large,
    values: Large,
    most: Large,
    within: Large,
    chosen: Large,
    held: Large,
    barred: Large,
    which: int,
    strict: Mask,
) -> int:
    """Return the best rank from ``first`` on that may stand at a place, -1 for none; note what first held others back.

    ``which`` caps are to hold is ``EVERY`` or ``STRICT``; a candidate that a variant or a cap of the whole list holds back is
    ``barred`` from then on: what stands in the list stays there.
    """
    for rank in range(first, len(free)):
        if taken[rank] or not free[rank] or barred[rank] & which:
            continue
        why = against(rank, place, last, holds, groups, begins, values, most, within, chosen)
        if why == NOTHING:
            return rank
        if held[rank] == NOTHING:
            held[rank] = why
        if why == VARIANT:
            barred[rank] = EVERY | STRICT
        elif within[why] >= len(chosen):
            barred[rank] |= EVERY | STRICT if strict[why] else EVERY
    return -1


@compiled
def arranged(
    groups: Whole,
    free: Mask,
    begins: Large,
    values: Large,
    most: Large,
    within: Large,
    strict: Mask,
    pin_places: Large,
    pin_ranks: Large,
    settle: int,
    chosen: Large,
    broken: Large,
    pins: Large,
    held: Large,
) -> int:
    """Fill in which candidate stands at each place of ``chosen``, the best that may first; returns how many places are filled.

    ``free`` says who may be chosen for its rank; the others stand where they are pinned or not at all. A pin stands unless its
    place is taken, a variant of it or a strict cap speaks against it, by the pins before it. Where nobody fits a place, the
    list ends there; or, where ``settle`` is 1, the best that strict caps let stand is taken, and ``broken`` tells which cap
    gave way there; else the next pin moves up. ``held`` tells what first held each candidate back.
    """
    chosen[:] = -1
    broken[:] = NOTHING
    held[:] = NOTHING
    taken, every = np.zeros(len(free), np.bool_), np.ones(len(most), np.bool_)
    barred = np.zeros(len(free), np.int64)
    last = pinned(pin_places, pin_ranks, strict, groups, begins, values, most, within, chosen, taken, pins)
    first = 0
    for place in range(len(chosen)):
        if chosen[place] >= 0:
            continue
        while first < len(free) and (taken[first] or not free[first]):
            first += 1
        found = fitting(
            first, place, last, every, free, taken, groups, begins, values, most, within, chosen, held, barred, EVERY, strict
        )
        if found < 0 and settle:
            found = fitting(
                first,
                place,
                last,
                strict,
                free,
                taken,
                groups,
                begins,
                values,
                most,
                within,
                chosen,
                held,
                barred,
                STRICT,
                strict,
            )
            if found >= 0:
                broken[place] = against(found, place, last, every, groups, begins, values, most, within, chosen)
            if found < 0:
                first = len(free)  # only pins follow: where a list went on behind them, they would have moved for nothing
            while found < 0 and last > place:
                found = moved(place, last, pin_ranks, strict, groups, begins, values, most, within, chosen, pins)
                while last >= 0 and chosen[last] < 0:
                    last -= 1
        if found < 0:
            return place
        chosen[place] = found
        taken[found] = True
        last = max(last, place)
    return len(chosen)


@compiled
def quiet(
    groups: Whole,
    size: int,
    away: int,
    back: int,
    begins: Large,
    values: Large,
    most: Large,
    within: Large,
    strict: Mask,
    places: Large,
    ranks: Large,
    chosen: Large,
) -> int:
    """Fill in the list as ``arranged`` does, without settling; returns what became of it, first ``FELL``.

    There are so many candidates, all free but those from ``away`` to ``back``.
    """
    free = np.ones(size, np.bool_)
    free[away:back] = False
    broken, pins, held = np.empty(len(chosen), np.int64), np.empty(len(ranks), np.int64), np.empty(len(free), np.int64)
    count = arranged(groups, free, begins, values, most, within, strict, places, ranks, 0, chosen, broken, pins, held)
    for state in pins:
        if state != STANDS:
            return FELL
    return FULL if count == len(chosen) else SHORT


@compiled
def fits(
    groups: Whole,
    begins: Large,
    values: Large,
    most: Large,
    within: Large,
    place: int,
    shown: int,
    chosen: Large,
    mask: Mask,
) -> None:
    """Fill in which of the candidates behind the first ``shown`` could be put into their list at a place.

    The first ``shown`` ranks are the list in its order; what stands at the place and behind moves down by one, and what is then
    behind the end of ``chosen`` goes.
    """
    every = np.ones(len(most), np.bool_)
    last = min(shown, len(chosen) - 1)
    for at in range(last + 1):
        chosen[at] = at if at < place else at - 1
    chosen[place] = -1
    for rank in range(shown, shown + len(mask)):
        why = against(rank, place, last, every, groups, begins, values, most, within, chosen)
        mask[rank - shown] = why == NOTHING
