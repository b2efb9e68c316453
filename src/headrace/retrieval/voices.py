"""The loops of co-visitation: what the neighbours of the recent items say, and what their voices add up to."""

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.compiling import compiled

Whole = NDArray[np.int32]
Large = NDArray[np.int64]
Real = NDArray[np.float64]


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
    becomes 1. Returns how many there are. ``slots`` is room for a hash table, a power of two and larger than there are voices:
    small enough to stay in the nearest cache, where an array with a place for every item would not.
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
    largest = 0.0
    for place in range(size):
        count = events[found[place]]
        scores[place] *= damping[count] if count < len(damping) else (count + 1.0) ** exponent
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
    best: Whole,
    their_scores: Real,
) -> int:
    """Do as ``agreed`` does, then fill in the ``best`` that are not among ``without``, largest score first, equals by number.

    Returns how many there are: what a filter and a choice would leave, without their lists of a thousand between.
    """
    size = agreed(recent, starts, sizes, items, voices, ranks, events, damping, exponent, slots, found, scores)
    last = len(slots) - 1
    for item in without:
        if item < 0:
            continue
        slot = ((item * 0x9E3779B1) >> 12) & last
        while slots[slot] >= 0:
            if found[slots[slot]] == item:
                scores[slots[slot]] = -1.0
                break
            slot = (slot + 1) & last
    chosen = 0
    for place in range(size):
        score, item = scores[place], found[place]
        if score < 0:
            continue
        if chosen == len(best):
            if chosen == 0 or score < their_scores[chosen - 1] or (score == their_scores[chosen - 1] and item > best[chosen - 1]):
                continue
            at = chosen - 1
        else:
            at = chosen
            chosen += 1
        while at > 0 and (their_scores[at - 1] < score or (their_scores[at - 1] == score and best[at - 1] > item)):
            best[at], their_scores[at] = best[at - 1], their_scores[at - 1]
            at -= 1
        best[at], their_scores[at] = item, score
    return chosen
