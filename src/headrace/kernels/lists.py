"""Loops over lists of candidates: which are not among a few, which stay, which are the best.

The arrays that a loop fills are made here: for a compiled loop to return one costs more than to fill it.
"""

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.compiling import compiled

Numbers = NDArray[np.int32]
Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]
Sources = NDArray[np.int8]
Places = NDArray[np.intp]


def absent(items: Numbers, few: Numbers) -> Mask:
    """Return true for each item that is not among the few."""
    mask = np.empty(len(items), np.bool_)
    _absent(items, few, mask)
    return mask


def kept(items: Numbers, scores: Scores, source: Sources, mask: Mask) -> tuple[Numbers, Scores, Sources]:
    """Return the candidates for which the mask is true, in their order."""
    size = len(items)
    some, their_scores, their_source = np.empty(size, np.int32), np.empty(size), np.empty(size, np.int8)
    size = _kept(items, scores, source, mask, some, their_scores, their_source)
    return some[:size], their_scores[:size], their_source[:size]


def best(items: Numbers, scores: Scores, k: int) -> Places:
    """Return the places of the k largest scores, largest first; equals go by item number."""
    chosen = np.empty(min(k, len(items)), np.intp)
    if len(chosen):
        _best(items, scores, chosen)
    return chosen


@compiled
def place(items: Numbers, number: int) -> int:
    """Return where an item stands; -1 where it does not."""
    for at in range(len(items)):
        if items[at] == number:
            return at
    return -1


@compiled
def weighed(items: Numbers, scores: Scores, times: Scores, out: Scores) -> float:
    """Fill in each score times what ``times`` has for its item, one below 0 divided by it; returns the largest, at least 0."""
    largest = 0.0
    for at in range(len(items)):
        factor = times[items[at]]
        out[at] = scores[at] / factor if scores[at] < 0 else scores[at] * factor
        largest = max(largest, out[at])
    return largest


@compiled
def add(items: Numbers, scores: Scores, few: Numbers, more: Scores) -> None:
    """Add to the score of each of the few, where it is among the items, what stands beside it in ``more``."""
    for rank in range(len(few)):
        for place in range(len(items)):
            if items[place] == few[rank]:
                scores[place] += more[rank]


@compiled
def _absent(items: Numbers, few: Numbers, mask: Mask) -> None:
    mask[:] = True
    for number in few:
        for place in range(len(items)):
            mask[place] &= items[place] != number


@compiled
def _kept(
    items: Numbers, scores: Scores, source: Sources, mask: Mask, some: Numbers, their_scores: Scores, their_source: Sources
) -> int:
    size = 0
    for place in range(len(items)):
        some[size], their_scores[size], their_source[size] = items[place], scores[place], source[place]
        size += mask[place]  # what does not stay is written over
    return size


@compiled
def _best(items: Numbers, scores: Scores, chosen: Places) -> None:
    """Fill a short sorted list with what is better than its last: of n candidates in no order some k·log(n/k) are."""
    size = 0
    for place in range(len(items)):
        score, item = scores[place], items[place]
        if size == len(chosen):
            last = chosen[size - 1]
            if score < scores[last] or (score == scores[last] and item > items[last]):
                continue
            at = size - 1
        else:
            at = size
            size += 1
        while at > 0:
            other = chosen[at - 1]
            if scores[other] > score or (scores[other] == score and items[other] < item):
                break
            chosen[at] = other
            at -= 1
        chosen[at] = place
