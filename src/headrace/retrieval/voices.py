"""The loops of co-visitation: what the neighbours of the recent items say, and what their voices add up to."""

from math import copysign

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.compiling import compiled

Whole = NDArray[np.int32]
Large = NDArray[np.int64]
Real = NDArray[np.float64]
Mask = NDArray[np.bool_]


@compiled
def heard(
    recent: Whole,
    starts: Large,
    sizes: Whole,
    strengths: Real,
    meetings: Whole,
    visits: Real,
    smoothing: float,
    doubt: float,
    voices: Real,
) -> int:
    """Fill in the voice of every neighbour of every recent item, one after the other: how strongly it is linked to the item.

    Returns how many there are.
    """
    at = 0
    for number in recent:
        if number < 0:
            continue
        start = starts[number]
        whole = visits[number] + smoothing
        for place in range(start, start + sizes[number]):
            voice = strengths[place] / whole
            if doubt:
                voice *= meetings[place] / (meetings[place] + doubt)
            voices[at] = voice
            at += 1
    return at


@compiled
def agreed(
    recent: Whole,
    starts: Large,
    sizes: Whole,
    items: Whole,
    voices: Real,
    ranks: Real,
    events: Whole,
    damping: Real,
    exponent: float,
    slots: Whole,
    found: Whole,
    scores: Real,
) -> int:
    """Fill in the neighbours, each once, with the sum of their voices, each divided by the rank of the item it speaks for.

    Each sum is damped by the item's count of events e: by ``damping[e]``, or (e + 1)^``exponent`` beyond the table. The largest
    becomes 1. Returns how many there are.
    """
    size = added(recent, starts, sizes, items, voices, ranks, slots, found, scores)
    largest = 0.0
    for place in range(size):
        scores[place] *= damped(events[found[place]], damping, exponent)
        largest = max(largest, scores[place])
    if largest > 0:
        for place in range(size):
            scores[place] /= largest
    return size


@compiled
def leading(
    recent: Whole,
    starts: Large,
    sizes: Whole,
    items: Whole,
    voices: Real,
    ranks: Real,
    events: Whole,
    damping: Real,
    exponent: float,
    slots: Whole,
    found: Whole,
    scores: Real,
    without: Whole,
    visible: Mask,
    best: Whole,
    their_scores: Real,
) -> int:
    """Fill in the ``best`` of what ``agreed`` finds, largest score first, equals by number.

    Those among ``without`` are left out, and those not ``visible`` where that is not empty. Returns how many there are. No
    damping makes a sum larger, so one that is too small already need not be damped: most items' counts of events are never
    fetched.
    """
    size = added(recent, starts, sizes, items, voices, ranks, slots, found, scores)
    hide(without, slots, found, scores)
    largest = worst = 0.0
    chosen = 0
    for place in range(size):
        score, item = abs(scores[place]), found[place]
        hidden = copysign(1.0, scores[place]) < 0
        if score <= largest and (hidden or (chosen == len(best) and score < worst)):
            continue
        score *= damped(events[item], damping, exponent)
        largest = max(largest, score)
        if not hidden and (len(visible) == 0 or visible[item]):
            chosen = inserted(item, score, chosen, best, their_scores)
            worst = their_scores[chosen - 1]
    if largest > 0:
        for place in range(chosen):
            their_scores[place] /= largest
    return chosen


@compiled
def added(
    recent: Whole,
    starts: Large,
    sizes: Whole,
    items: Whole,
    voices: Real,
    ranks: Real,
    slots: Whole,
    found: Whole,
    scores: Real,
) -> int:
    """Fill in the neighbours, each once, with the sum of their voices, each divided by the rank of the item it speaks for.

    ``slots`` is room for a hash table, a power of two and larger than there are voices: small enough to stay in the nearest
    cache, where an array with a place for every item would not. It holds the place of each item that was found.
    """
    slots[:] = -1
    last = len(slots) - 1
    size = 0
    at = 0
    for rank in range(len(recent)):
        number = recent[rank]
        if number < 0:
            continue
        start = starts[number]
        for place in range(start, start + sizes[number]):
            item = items[place]
            voice = voices[at] / ranks[rank]
            at += 1
            slot = ((item * 0x9E3779B1) >> 12) & last
            while slots[slot] >= 0 and found[slots[slot]] != item:
                slot = (slot + 1) & last
            if slots[slot] < 0:
                slots[slot] = size
                found[size], scores[size] = item, voice
                size += 1
            else:
                scores[slots[slot]] += voice
    return size


@compiled
def damped(count: int, damping: Real, exponent: float) -> float:
    """Return what a sum is multiplied by for an item of so many events, at most 1."""
    return float(damping[count] if count < len(damping) else (count + 1.0) ** exponent)


@compiled
def hide(without: Whole, slots: Whole, found: Whole, scores: Real) -> None:
    """Give the scores of these items, where they were found, a minus; a number below 0 is no item."""
    last = len(slots) - 1
    for item in without:
        slot = ((item * 0x9E3779B1) >> 12) & last
        while item >= 0 and slots[slot] >= 0:
            if found[slots[slot]] == item:
                scores[slots[slot]] = -abs(scores[slots[slot]])
                break
            slot = (slot + 1) & last


@compiled
def inserted(item: int, score: float, size: int, best: Whole, scores: Real) -> int:
    """Put an item into a list of the best, largest score first, equals by number, and return how many there are now."""
    at = size
    if size == len(best):
        worst = size - 1
        if size == 0 or score < scores[worst] or (score == scores[worst] and item > best[worst]):
            return size
        at = worst
    while at > 0 and (scores[at - 1] < score or (scores[at - 1] == score and best[at - 1] > item)):
        best[at], scores[at] = best[at - 1], scores[at - 1]
        at -= 1
    best[at], scores[at] = item, score
    return min(size + 1, len(best))
