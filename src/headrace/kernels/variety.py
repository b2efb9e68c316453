"""The loop of maximal marginal relevance: the next is who is wanted most and resembles least what is there already."""

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.compiling import compiled

Whole = NDArray[np.int32]
Large = NDArray[np.int64]
Real = NDArray[np.float64]


@compiled
def shared(one: int, other: int, begins: Large, values: Large) -> float:
    """Return which share of the values that either candidate has both have (Jaccard), over all attributes; 0 for no values."""
    both = 0
    either = 0
    for row in range(len(begins)):
        for at in range(begins[row, one], begins[row, one + 1]):
            either += 1
            for beside in range(begins[row, other], begins[row, other + 1]):
                if values[at] == values[beside]:
                    both += 1
                    break
        either += begins[row, other + 1] - begins[row, other]
    if either > both:
        return both / (either - both)
    return 1.0 if both else 0.0


@compiled
def beside(
    number: int, slots: Whole, items: Whole, starts: Large, sizes: Whole, others: Whole, strengths: Real, out: Real
) -> None:
    """Fill in how strongly each candidate is linked from an item, its strongest neighbour being 1; 0 for no link."""
    out[:] = 0.0
    start, last = starts[number], len(slots) - 1
    strongest = 0.0
    for place in range(start, start + sizes[number]):
        strongest = max(strongest, strengths[place])
    if strongest <= 0:
        return
    for place in range(start, start + sizes[number]):
        slot = ((others[place] * 0x9E3779B1) >> 12) & last
        while slots[slot] >= 0:
            if items[slots[slot]] == others[place]:
                out[slots[slot]] = strengths[place] / strongest
                break
            slot = (slot + 1) & last


@compiled
def index(items: Whole, slots: Whole) -> None:
    """Make a hash table of where each item stands."""
    slots[:] = -1
    last = len(slots) - 1
    for rank in range(len(items)):
        slot = ((items[rank] * 0x9E3779B1) >> 12) & last
        while slots[slot] >= 0:
            slot = (slot + 1) & last
        slots[slot] = rank


@compiled
def varied(
    items: Whole,
    wanted: Real,
    begins: Large,
    values: Large,
    starts: Large,
    sizes: Whole,
    others: Whole,
    strengths: Real,
    slots: Whole,
    variety: float,
    attributes: float,
    neighbours: float,
    chosen: Large,
) -> None:
    """Fill in who stands at each place, as the candidates' ranks.

    ``wanted`` falls from rank to rank, so that of two that are equally good the better wanted comes first. ``slots`` is room
    for a hash table: a power of two, larger than there are candidates.
    """
    size = len(items)
    index(items, slots)
    near, linked = np.zeros(size), np.zeros(size)
    taken = np.zeros(size, np.bool_)
    for place in range(len(chosen)):
        best = -1
        highest = 0.0
        for rank in range(size):
            if not taken[rank]:
                value = (1.0 - variety) * wanted[rank] - variety * near[rank]
                if best < 0 or value > highest:
                    best, highest = rank, value
        chosen[place] = best
        taken[best] = True
        if neighbours:
            beside(items[best], slots, items, starts, sizes, others, strengths, linked)
        for rank in range(size):
            if not taken[rank]:
                alike = neighbours * linked[rank]
                if attributes:
                    alike = max(alike, attributes * shared(rank, best, begins, values))
                near[rank] = max(near[rank], alike)
