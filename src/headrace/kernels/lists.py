"""Loops over lists of candidates: which are not among a few, which stay, which are the best."""

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.compiling import compiled

Numbers = NDArray[np.int32]
Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]


@compiled
def absent(items: Numbers, few: Numbers) -> Mask:
    """Return true for each item that is not among the few."""
    mask = np.ones(len(items), np.bool_)
    for number in few:
        for place in range(len(items)):
            mask[place] &= items[place] != number
    return mask


@compiled
def kept(items: Numbers, scores: Scores, source: NDArray[np.int8], mask: Mask) -> tuple[Numbers, Scores, NDArray[np.int8]]:
    """Return the candidates for which the mask is true, in their order."""
    size = 0
    for stays in mask:
        size += stays
    some, their_scores, their_source = np.empty(size, np.int32), np.empty(size, np.float64), np.empty(size, np.int8)
    at = 0
    for place in range(len(items)):
        if mask[place]:
            some[at], their_scores[at], their_source[at] = items[place], scores[place], source[place]
            at += 1
    return some, their_scores, their_source


@compiled
def add(items: Numbers, scores: Scores, few: Numbers, more: Scores) -> None:
    """Add to the score of each of the few, where it is among the items, what stands beside it in ``more``."""
    for rank in range(len(few)):
        for place in range(len(items)):
            if items[place] == few[rank]:
                scores[place] += more[rank]


@compiled
def best(items: Numbers, scores: Scores, k: int) -> NDArray[np.intp]:
    """Return the places of the k largest scores, largest first; equals go by item number.

    A short sorted list takes in what is better than its last: of n candidates in no order some k·log(n/k) are.
    """
    most = min(k, len(items))
    chosen = np.empty(most, np.intp)
    size = 0
    for place in range(len(items)):
        score, item = scores[place], items[place]
        if size == most:
            if most == 0:
                break
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
    return chosen
