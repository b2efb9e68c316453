"""Putting a list together under rules: who stands where, what held whom back, and what had to give way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.expressions import Given
from headrace.kernels import arranging as kernel
from headrace.kernels import lists
from headrace.pipeline.candidates import Candidates, Numbers
from headrace.reasons import ruled
from headrace.rules.made import BEHIND, WHOLE, Applied, Part, Rules
from headrace.snapshot.attributes import Column
from headrace.snapshot.picture import Picture

Places = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEAST_REACH: Final = 32
_ALONE: Final[Numbers] = np.empty(0, np.int32)
"""Stands for the groups of candidates where no item is a variant of anything."""


@dataclass(frozen=True, slots=True)
class Cap:
    """A cap that holds now, for one kind of values of its attribute."""

    rules: Rules
    part: Part
    column: Column

    @property
    def rule(self) -> str:
        """Return its name and whose it is."""
        return ruled.by(self.part.label, self.rules.name)

    @property
    def says(self) -> str:
        """Return what it says."""
        part = self.part
        return ruled.at_most(part.most, part.by, None if part.within == WHOLE else part.within)


@dataclass(frozen=True, slots=True)
class Pin:
    """A pin that holds now, the ``number``-th of its rules."""

    rules: Rules
    part: Part
    number: int

    @property
    def rule(self) -> str:
        """Return its name and whose it is."""
        return ruled.by(self.part.label, self.rules.name)


@dataclass(frozen=True, slots=True)
class Table:
    """What a list is to be put together under: the caps and pins of all rules that are laid over it.

    ``most``, ``within`` and ``strict`` run beside the caps, ``places`` (from 0) beside the pins.
    """

    laid: tuple[Rules, ...]
    caps: tuple[Cap, ...]
    pins: tuple[Pin, ...]
    columns: tuple[Column, ...]
    most: Places
    within: Places
    strict: Mask
    places: Places
    by_name: bool
    """Whether any pin names items by their ids."""

    quiet: Applied
    """What is said of an answer in which nothing had to give way."""

    wanted: Numbers
    """The numbers of the items that pins name, none twice, in the order of the pins; what was not known yet is left out."""

    numbers: Numbers
    firsts: Places
    """Those of each pin, one behind the other, -1 for what was not known yet, and where they begin; the last is the end."""

    only_named: bool
    """Whether every pin names items, so that nobody need ask who may stand there."""

    lasts: int
    """For how many items of the picture it was made; -1 where it knows all that it names, so that new ones change nothing."""


def table(picture: Picture, laid: tuple[Rules, ...], *, pinning: bool) -> Table:
    """Return what a list of this picture is put together under now; without ``pinning``, pins are left aside."""
    kinds = picture.catalogue.attributes.kinds
    alone = laid[0].marks(picture) if len(laid) == 1 else None
    known = alone.plan if alone is not None and isinstance(alone.plan, Table) and alone.plan_of == (kinds, pinning) else None
    if known is not None and known.lasts in (-1, len(picture)):
        return known
    made = _made(picture, laid, pinning=pinning)
    if alone is not None:
        alone.plan, alone.plan_of = made, (kinds, pinning)
    return made


def _made(picture: Picture, laid: tuple[Rules, ...], *, pinning: bool) -> Table:
    caps, pins = [], []
    for rules in laid:
        now = rules.marks(picture).now
        columns = picture.catalogue.attributes.columns
        caps += [Cap(rules, part, column) for part in now.caps for column in columns(part.by).values()]
        if pinning:
            pins += [Pin(rules, part, number) for number, part in enumerate(now.pins)]
    named = [[picture.numbers.get(item, -1) for item in one.part.items] for one in pins]
    numbers = [number for each in named for number in each]
    return Table(
        laid,
        tuple(caps),
        tuple(pins),
        tuple([one.column for one in caps]),
        np.array([one.part.most for one in caps], np.int64),
        np.array([one.part.within for one in caps], np.int64),
        np.array([one.part.strict for one in caps], np.bool_),
        np.array([one.part.place for one in pins], np.int64),
        any(one.part.items for one in pins),
        Applied([rules.name for rules in laid]),
        np.array([number for number in dict.fromkeys(numbers) if number >= 0], np.int32),
        np.array(numbers, np.int32),
        np.cumsum([0, *(len(each) for each in named)], dtype=np.int64),
        all(one.part.where is None for one in pins),
        len(picture) if -1 in numbers else -1,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A list that was put together: ``order`` are the pool's candidates by rank, ``chosen`` the ranks that stand in the list.

    ``items`` are those candidates' numbers. ``full`` says whether the list is as long as was asked for, ``settled`` whether
    anything may have given way for that. ``pins`` and ``pin_ranks`` run beside the table's pins; the rank of one that found
    nothing to pin is -1.
    """

    table: Table
    picture: Picture
    items: Numbers
    order: Places
    chosen: Places
    broken: Places
    held: Places
    pins: Places
    pin_ranks: Places
    full: bool
    settled: bool

    def answer(self, pool: Candidates) -> Candidates:
        """Return the list."""
        return pool.keep(self.order[self.chosen])

    def buried(self, pool: Candidates) -> bool:
        """Return whether the list shows anything that a rule puts behind everything."""
        return bool((pool.scores[self.order[self.chosen]] < -BEHIND / 2).any())

    def standing(self, free: Mask) -> Mask:
        """Return which of the pool's candidates can still come into a list: those of pins that fell alone cannot."""
        stays = free.copy()
        pinned = self.pin_ranks[(self.pins == kernel.STANDS) | (self.pins == kernel.MOVED)]
        stays[self.order[pinned[pinned >= 0]]] = True
        return stays

    def rank(self, item: int) -> int | None:
        """Return an item's rank; None where it was not looked at."""
        found = np.flatnonzero(self.items == item)
        return int(found[0]) if len(found) else None

    def pinning(self, rank: int) -> list[int]:
        """Return which pins would put a candidate somewhere."""
        item = self.picture.ids[int(self.items[rank])]
        return [
            pin
            for pin, one in enumerate(self.table.pins)
            if self.pin_ranks[pin] == rank or (self.pin_ranks[pin] < 0 and item in one.part.items)
        ]

    def pinned_from(self, place: int) -> bool:
        """Return whether a pin stands at this place or behind."""
        ranks = self.pin_ranks[(self.pins == kernel.STANDS) | (self.pins == kernel.MOVED)]
        return bool(np.isin(self.chosen[place:], ranks).any())

    def applied(self, size: int) -> Applied:
        """Return what the rules did to the list as a whole, of which so many places were asked for."""
        if len(self.chosen) == size and not self.pins.any() and not (self.settled and (self.broken >= 0).any()):
            return self.table.quiet
        caps = self.table.caps
        relaxed = [ruled.gave_way(caps[cap].rule, place + 1) for place, cap in enumerate(self.broken.tolist()) if cap >= 0]
        short: list[str] = []
        if len(self.chosen) < size:
            left = np.ones(len(self.order), np.bool_)
            left[self.chosen] = False
            holding = {int(cap) for cap in self.held[left] if cap >= 0 and caps[cap].part.strict}
            short = [ruled.left_short(caps[cap].rule, len(self.chosen), size) for cap in sorted(holding)]
        unpinned = [said for pin in range(len(self.table.pins)) if (said := self.fallen(pin)) is not None]
        return Applied([rules.name for rules in self.table.laid], relaxed, list(dict.fromkeys(short)), unpinned)

    def fallen(self, pin: int) -> str | None:
        """Return why a pin does not stand where it was put; None where it does."""
        state, one = int(self.pins[pin]), self.table.pins[pin]
        place = one.part.place + 1
        if self.pin_ranks[pin] < 0:
            return ruled.not_pinned(place, one.rule, ruled.nothing_to_pin())
        if state == kernel.STANDS:
            return None
        if state == kernel.MOVED:
            at = int(np.flatnonzero(self.chosen == self.pin_ranks[pin])[0]) + 1
            return ruled.pinned_earlier(at, place, one.rule)
        reasons = {kernel.TAKEN: ruled.place_taken(), kernel.TWIN: ruled.twin_pinned(), kernel.BEYOND: ruled.list_too_short()}
        why = reasons.get(state) or ruled.against_cap(self.table.caps[state - kernel.CAPPED].rule)
        return ruled.not_pinned(place, one.rule, why)


def arrange(
    table: Table,
    picture: Picture,
    given: Mapping[str, Given],
    pool: Candidates,
    free: Mask,
    order: Places | None,
    size: int,
    *,
    settle: bool,
) -> Outcome:
    """Return the list of ``size`` places that the table makes of a pool, whose best come first in ``order``.

    ``order`` may leave some of the pool out: then the list is the one of the whole pool if it is full. Those ``free`` may come
    in by rank, others where they are pinned alone. Without an order the pool is the best of a larger one, in its order, and
    whoever is pinned. ``settle``: see the kernel.
    """
    if order is None:
        ranked, may, items, part = np.arange(len(pool)), free, pool.items, True
    else:
        extra = _beyond(table, picture, pool, order) if table.by_name else ()
        ranked = np.concatenate([order, np.array(extra, np.int64)]) if extra else order
        may, items, part = free[ranked], pool.items[ranked], len(order) < len(pool)
        if extra:
            may[len(order) :] = False
    begins, values = values_of(table.columns, items)
    groups = picture.catalogue.group(items) if picture.catalogue.grouped else _ALONE
    ranks = _pins(table, picture, given, items, may, groups)
    places = table.places
    stands = None if -1 not in ranks else np.array(ranks) >= 0
    pin_ranks = np.array(ranks, np.int64)
    chosen, broken = np.empty(size, np.int64), np.empty(size, np.int64)
    found, held = np.empty(len(ranks) if stands is None else int(stands.sum()), np.int64), np.empty(len(ranked), np.int64)
    count = kernel.arranged(
        groups, may, begins, values, table.most, table.within, table.strict,
        places if stands is None else places[stands], pin_ranks if stands is None else pin_ranks[stands],
        int(settle), chosen, broken, found, held,
    )  # fmt: skip
    pins, missed = found, False
    if stands is not None:
        pins = np.full(len(ranks), kernel.TAKEN, np.int64)
        pins[stands] = found
        missed = part and any(rank < 0 and one.part.where is not None for rank, one in zip(ranks, table.pins, strict=True))
    full = count == size and not missed
    if count < size:
        chosen, broken = chosen[:count], broken[:count]
    return Outcome(table, picture, items, ranked, chosen, broken, held, pins, pin_ranks, full, settle)


def fitting(table: Table, picture: Picture, answer: Candidates, more: Candidates, place: int, size: int) -> Mask:
    """Return which others could be put into an answer at a place (from 0): no cap breaks, no group is there twice."""
    items = np.concatenate([answer.items, more.items])
    begins, values = values_of(table.columns, items)
    groups = picture.catalogue.group(items) if picture.catalogue.grouped else _ALONE
    mask = np.empty(len(more), np.bool_)
    room = np.empty(min(len(answer) + 1, size), np.int64)
    kernel.fits(groups, begins, values, table.most, table.within, place, len(answer), room, mask)
    return mask


def _beyond(table: Table, picture: Picture, pool: Candidates, order: Places) -> list[int]:
    """Return where in the pool those items stand that are pinned by their ids and are not in the order."""
    numbers, found = picture.numbers, []
    for pin in table.pins:
        for item in pin.part.items:
            at = kernel.outside(pool.items, numbers.get(item, -1), order)
            if at >= 0:
                found.append(at)
    return found


def _pins(table: Table, picture: Picture, given: Mapping[str, Given], items: Numbers, may: Mask, groups: Numbers) -> list[int]:
    """Return the rank of what each pin puts into its place, -1 where there is nothing: none twice, no two of one group."""
    ranks: list[int] = []
    for pin in table.pins:
        if pin.part.where is None:
            named = [lists.place(items, picture.numbers.get(item, -1)) for item in pin.part.items]
            candidates = [at for at in named if at >= 0]
        else:
            candidates = np.flatnonzero(pin.rules.pinnable(pin.number, picture, items, given) & may).tolist()
        if ranks and len(groups):
            kinds = {int(groups[one]) for one in ranks if one >= 0} - {-1}
            candidates = [one for one in candidates if int(groups[one]) not in kinds]
        ranks.append(next((one for one in candidates if one not in ranks), -1))
    return ranks


def values_of(columns: Sequence[Column], items: Numbers) -> tuple[Places, Places]:
    """Return where each item's values begin, by column, and the values as numbers; each text of a list is one."""
    size = len(items)
    begins = np.empty((len(columns), size + 1), np.int64)
    values = np.empty(size * sum([column.longest for column in columns]), np.int64)
    at = 0
    for row, column in enumerate(columns):
        if column.kind == "list":
            starts, parts = column.parts()
            at = kernel.spread(column.values, items, starts, parts, begins[row], values, at)
        elif column.kind in ("number", "time"):
            at = kernel.counted(column.values, items, begins[row], values, at)
        else:
            at = kernel.single(column.values, items, begins[row], values, at)
    return begins, values


def whole(pool: Candidates, order: Places) -> Places:
    """Return the order of the whole pool that begins with this one; what it leaves out goes by score, equals by number."""
    if len(order) == len(pool):
        return order
    rest = np.lexsort((pool.items, -pool.scores))
    return np.concatenate([order, rest[np.isin(rest, order, invert=True)]])


def prefix(size: int) -> int:
    """Return how many of the best are usually enough to put a list of this size together."""
    return max(2 * size, LEAST_REACH)
