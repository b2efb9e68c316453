"""The loops of co-visitation: what the neighbours of the recent items say, and what their voices add up to."""

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.compiling import compiled

Whole = NDArray[np.int32]
Large = NDArray[np.int64]
Real = NDArray[np.float64]


@compiled
def heard(
    recent: Whole, starts: Large, sizes: Whole, strengths: Real, meetings: Whole, visits: Real, smoothing: float, doubt: float
) -> Real:
    """Return the voice of every neighbour of every recent item, one after the other: how strongly it is linked to the item."""
    size = 0
    for number in recent:
        if number >= 0:
            size += sizes[number]
    voices = np.empty(size, np.float64)
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
    return voices


@compiled
def agreed(
    recent: Whole,
    starts: Large,
    sizes: Whole,
    items: Whole,
    voices: Real,
    ranks: Real,
    events: Large,
    damping: Real,
    exponent: float,
    sums: Real,
) -> tuple[Whole, Real]:
    """Return the neighbours, each once, with the sum of their voices, each divided by the rank of the item it speaks for.

    Each sum is damped by the item's count of events e: by ``damping[e]``, or (e + 1)^``exponent`` beyond the table. The largest
    becomes 1. ``sums`` has a place for every item; it is -1 everywhere, before and after.
    """
    found = np.empty(len(voices), np.int32)
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
            if sums[item] < 0:
                sums[item] = voice
                found[size] = item
                size += 1
            else:
                sums[item] += voice
    scores = np.empty(size, np.float64)
    largest = 0.0
    for place in range(size):
        item = found[place]
        count = events[item]
        damped = sums[item] * (damping[count] if count < len(damping) else (count + 1.0) ** exponent)
        sums[item] = -1.0
        scores[place] = damped
        largest = max(largest, damped)
    if largest > 0:
        scores /= largest
    return found[:size].copy(), scores
