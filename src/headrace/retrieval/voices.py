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
def leading_ruled(
    recent: Whole,
    starts: Large,
    sizes: Whole,
    items: Whole,
    voices: Real,
    ranks: Real,
    events: Whole,
    damping: Real,
    exponent: float,
    without: Whole,
    visible: Mask,
    barred: Mask,
    times: Real,
    most: float,
    wanted: Whole,
    reach: int,
    best: Whole,
    their_scores: Real,
    proposed: Mask,
) -> tuple[int, int]:
    """Fill in the ``reach`` best of what ``agreed`` finds, each score multiplied by what ``times`` has for the item.

    Those among ``without`` are left out, those not ``visible`` and those ``barred``; each of the three arrays over all items
    may be empty: all are visible, none barred, nothing multiplied. No factor is larger than ``most``: where a score cannot be
    among the best whatever multiplies it, nothing else is fetched of its item. Behind the best stand those ``wanted`` that are
    not left out, ``proposed`` or not (then with the score 0). Returns how many the best are, and how many all together. Where
    the reach is as large as there are voices, all are there, in no order.
    """
    slots, found, scores = np.empty(room(len(voices)), np.int32), np.empty(len(voices), np.int32), np.empty(len(voices))
    size = added(recent, starts, sizes, items, voices, ranks, slots, found, scores)
    hide(without, slots, found, scores)
    largest = loudest(size, events, damping, exponent, found, scores)
    above = (1 + 1e-9) / largest if largest > 0 else 1.0  # the share of the largest that no damping makes more, nor rounding
    chosen = 0
    worst = 0.0
    for place in range(size):
        score, item = scores[place], found[place]
        if copysign(1.0, score) < 0 or (chosen == reach and score * most * above < worst) or not allowed(item, visible, barred):
            continue
        if chosen == reach and len(times) and score * times[item] * above < worst:
            continue
        score = ruled(score, item, largest, events, damping, exponent, times)
        if reach >= len(voices):
            best[chosen], their_scores[chosen] = item, score
            chosen += 1
        elif chosen < reach or score >= worst:
            chosen = inserted(item, score, chosen, best[:reach], their_scores[:reach])
            worst = their_scores[chosen - 1]
    proposed[:chosen] = True
    together = chosen
    for item in wanted:
        if not allowed(item, visible, barred) or within(item, without) or within(item, best[:together]):
            continue
        place = slots[slotted(item, slots, found)]
        score = 0.0 if place < 0 else scores[place]
        best[together], their_scores[together] = item, ruled(score, item, largest, events, damping, exponent, times)
        proposed[together] = place >= 0
        together += 1
    return chosen, together


@compiled
def room(voices_heard: int) -> int:
    """Return how many slots a table for so many voices has: a power of two, and more than there are voices."""
    slots = 2
    while slots <= 2 * voices_heard:
        slots *= 2
    return slots


@compiled
def loudest(size: int, events: Whole, damping: Real, exponent: float, found: Whole, scores: Real) -> float:
    """Return the largest damped sum, hidden ones included; a sum that is too small already is not damped."""
    largest = 0.0
    for place in range(size):
        score = abs(scores[place])
        if score > largest:
            largest = max(largest, score * damped(events[found[place]], damping, exponent))
    return largest


@compiled
def ruled(score: float, item: int, largest: float, events: Whole, damping: Real, exponent: float, times: Real) -> float:
    """Return what becomes of a sum of voices: damped, as a share of the largest, and multiplied by what rules say."""
    score *= damped(events[item], damping, exponent)
    if largest > 0:
        score /= largest
    return float(score * times[item]) if len(times) else float(score)


@compiled
def allowed(item: int, visible: Mask, barred: Mask) -> bool:
    """Return whether an item is visible and not barred; where one of the two is empty, it says nothing."""
    return (len(visible) == 0 or visible[item]) and (len(barred) == 0 or not barred[item])


@compiled
def within(item: int, few: Whole) -> bool:
    """Return whether an item is among others."""
    for other in few:  # noqa: SIM110 -- compiled, which a generator would not be
        if other == item:
            return True
    return False


@compiled
def slotted(item: int, slots: Whole, found: Whole) -> int:
    """Return the slot of an item: the one that holds its place, or the free one that would, which holds -1."""
    last = len(slots) - 1
    slot = ((item * 0x9E3779B1) >> 12) & last
    while slots[slot] >= 0 and found[slots[slot]] != item:
        slot = (slot + 1) & last
    return slot


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
            slot = slotted(item, slots, found)
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
    for item in without:
        place = slots[slotted(item, slots, found)] if item >= 0 else -1
        if place >= 0:
            scores[place] = -abs(scores[place])


@compiled
def untied(items: Whole, scores: Real) -> None:
    """Put items that stand in the order of their scores into that of their numbers where scores are equal."""
    for place in range(1, len(items)):
        item, at = items[place], place
        while at > 0 and scores[at - 1] == scores[place] and items[at - 1] > item:
            items[at] = items[at - 1]
            at -= 1
        items[at] = item


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
