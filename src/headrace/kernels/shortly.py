"""Loops of the short way to an answer under rules: who is pinned by name, and what fills a list up."""

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.compiling import compiled

Whole = NDArray[np.int32]
Large = NDArray[np.int64]
Real = NDArray[np.float64]


@compiled
def named(items: Whole, numbers: Whole, firsts: Large, groups: Whole, ranks: Large) -> bool:
    """Fill in which rank each pin puts into its place: none twice, no two of one group. Returns whether each found one.

    A pin names the ``numbers`` from its place in ``firsts`` to the next, the one it would rather have first.
    """
    for pin in range(len(ranks)):
        ranks[pin] = -1
        for at in range(firsts[pin], firsts[pin + 1]):
            rank = ranked(items, numbers[at])
            if rank >= 0 and unlike(rank, ranks[:pin], groups):
                ranks[pin] = rank
                break
        if ranks[pin] < 0:
            return False
    return True


@compiled
def ranked(items: Whole, number: int) -> int:
    """Return an item's rank; -1 where it is not there."""
    for rank in range(len(items)):
        if items[rank] == number:
            return rank
    return -1


@compiled
def unlike(rank: int, others: Large, groups: Whole) -> bool:
    """Return whether a candidate is none of these others, and of no group of theirs."""
    for other in others:  # noqa: SIM110 -- compiled, which a generator would not be
        if other == rank or (len(groups) and groups[rank] >= 0 and groups[rank] == groups[other]):
            return False
    return True


@compiled
def poured(
    items: Whole,
    scores: Real,
    places: Whole,
    known: Whole,
    pinned_too: Whole,
    without: Whole,
    lower: float,
    reach: int,
    some: Whole,
    their_scores: Real,
) -> int:
    """Fill in the best of what fills up, largest score first, equals by number: at least ``reach`` where there are so many.

    ``items`` are all that may, the largest of their ``scores`` first, and ``places`` has for every item where it stands among
    them, -1 for nowhere. Left out are those among the other three. The largest score that is left becomes 1 where it was more,
    and each is then so much ``lower``. Returns how many there are.
    """
    gone = np.zeros(len(items), np.bool_)
    for others in (known, pinned_too, without):
        for item in others:
            if item >= 0 and places[item] >= 0:
                gone[places[item]] = True
    size = 0
    largest = 0.0
    for place in range(len(items)):
        item = items[place]
        score = scores[place] / largest - lower if largest > 1 else scores[place] - lower
        if size >= reach and score < their_scores[size - 1]:
            break
        if gone[place]:
            continue
        if size == 0:
            largest = scores[place]
            score = scores[place] / largest - lower if largest > 1 else scores[place] - lower
        at = size
        while at > 0 and their_scores[at - 1] == score and some[at - 1] > item:
            some[at] = some[at - 1]
            their_scores[at] = score
            at -= 1
        some[at], their_scores[at] = item, score
        size += 1
    return size
