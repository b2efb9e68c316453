"""The short way to an answer under rules: from the best candidates alone, filled up from what is kept ready for everybody.

It makes the very answer that ``ruled`` makes of a whole pool, or none. It is for the common case: one set that says the same of
an item whoever asks, over a recipe that has a short way itself.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, cast

import numpy as np

from headrace.kernels import arranging as kernel
from headrace.kernels import shortly as loops
from headrace.pipeline import arranging
from headrace.pipeline.arranging import Places, Table
from headrace.pipeline.candidates import Candidates, Numbers, Scores
from headrace.pipeline.parts import Lead, Leading, Recipe, Shared
from headrace.pipeline.query import Query
from headrace.pipeline.ruling import PINNED
from headrace.pipeline.stages import hidden
from headrace.rules.made import NOTHING_SAID, Marks, Under
from headrace.snapshot.picture import Picture

FIRST: Final = 1.0
"""So much lower lie the scores of what the first filler adds."""

_PINNED: Final = 1
"""The number of the source of what pins alone put there."""

_ALONE: Final[Numbers] = np.empty(0, np.int32)


def answered(recipe: Recipe, table: Table, picture: Picture, query: Query) -> Candidates | None:
    """Return the answer; None where it is not to be had this way."""
    if not recipe.short or query.only is not None or recipe.explorer is not None or len(query.rules) > 1:
        return None
    under = query.rules[0].under(picture) if query.rules else NOTHING_SAID
    if under is None:
        return None
    way = _Way(recipe, table, picture, query, under, hidden(recipe, picture, query))
    marks = query.rules[0].marks(picture) if query.rules and recipe.stocked and table.only_named else None
    if marks is not None and marks.wide:
        answer = way.filled(marks)
        if answer is not None:
            return answer
        marks.wide = False
    return way.led(marks)


class _Way(NamedTuple):
    """The short way of one answer: ``without`` are those that the recipe's filters leave out."""

    recipe: Recipe
    table: Table
    picture: Picture
    query: Query
    under: Under
    without: Numbers

    def led(self, marks: Marks | None) -> Candidates | None:
        """Return the answer from the best alone, and only where they do not make it full from all; None where those do not."""
        query, reach = self.query, arranging.prefix(self.query.k)
        lead = self.lead(reach)
        state, answer = self.quietly(lead)
        if state == kernel.FULL:
            return answer
        if state == kernel.SHORT:
            return None if marks is None else self.filled(marks, lead if lead.free < reach else None)
        outcome, pool = self.told(lead)
        if not outcome.full:
            return None
        answer = outcome.answer(pool)
        applied = outcome.applied(query.k) if query.rules else None
        return Candidates(answer.items, answer.scores, answer.source, answer.sources, None, applied)

    def lead(self, size: int | None) -> Lead:
        """Return the best, or all, and who is pinned."""
        source = cast(Leading, self.recipe.sources[0])
        return source.lead_ruled(self.picture, self.query, self.without, self.under, self.table.wanted, size)

    def quietly(self, lead: Lead, stock: "Stock | None" = None) -> tuple[int, Candidates | None]:
        """Return the answer where it is full and every pin stands: then there is nothing more to be said of it.

        With a stock, the best of it stands behind the lead, which is then all that there is.
        """
        table, query, items, scores = self.table, self.query, lead.items, lead.scores
        grouped = self.picture.catalogue.grouped
        groups = self.picture.catalogue.group(items) if grouped else _ALONE
        ranks = np.empty(len(table.places), np.int64)
        if not table.only_named or not loops.named(items, table.numbers, table.firsts, groups, ranks):
            return kernel.FELL, None
        if stock is not None:
            items, scores = stock.poured(lead, ranks, self.without, arranging.prefix(query.k))
            groups = self.picture.catalogue.group(items) if grouped else _ALONE
        begins, values = arranging.values_of(table.columns, items)
        chosen = np.empty(query.k, np.int64)
        state = kernel.quiet(
            groups, len(items), lead.free, len(lead.items), begins, values, table.most, table.within, table.strict,
            table.places, ranks, chosen,
        )  # fmt: skip
        if state != kernel.FULL:
            return state, None
        names, owners = self.names, np.zeros(len(items), np.int8)
        owners[lead.free : len(lead.items)] = ~lead.proposed[lead.free :]
        if stock is not None and int(chosen.max()) >= len(lead.items):
            owners[len(lead.items) :] = len(names)
            names = (*names, self.recipe.fillers[0].name)
        applied = table.quiet if query.rules else None
        return state, Candidates(items[chosen], scores[chosen], owners[chosen], names, None, applied)

    def filled(self, marks: Marks, lead: Lead | None = None) -> Candidates | None:
        """Return the answer from all that there is and what fills up; ``lead`` where that is known to be all.

        None where it is not full, a pin falls, or what fills up is not the same for everybody.
        """
        stock = _stock(self.recipe, marks, self.picture, self.query)
        lead = self.lead(None) if lead is None and stock is not None else lead
        if (
            stock is None or lead is None or (lead.free and lead.scores[lead.free - 1] <= 0)
        ):  # where fillers may stand beside it
            return None
        answer = self.quietly(lead, stock)[1]
        if answer is not None:
            rest = lead.scores[min(arranging.prefix(self.query.k), lead.free) - 1] if lead.free else 0.0
            marks.wide = bool((answer.scores[answer.source != _PINNED] < rest).any())
        return answer

    def told(self, lead: Lead) -> tuple[arranging.Outcome, Candidates]:
        """Return the list that the best make, with all that is to be said of it, and those that it was made of."""
        pool = Candidates(lead.items, lead.scores, (~lead.proposed).view(np.int8), self.names)
        free = np.arange(len(pool)) < lead.free
        table, query = self.table, self.query
        return arranging.arrange(table, self.picture, query.given, pool, free, None, query.k, settle=False), pool

    @property
    def names(self) -> tuple[str, ...]:
        """Return the sources of those that lead."""
        source = self.recipe.sources[0].name
        return (source, PINNED) if self.table.by_name else (source,)


@dataclass(frozen=True, slots=True)
class Stock:
    """What the first filler offers to everybody under a rule set: weighed, the largest score first."""

    items: Numbers
    scores: Scores
    places: Numbers
    """Where each item of the picture stands among those; -1 for nowhere."""

    def poured(self, lead: Lead, ranks: Places, without: Numbers, reach: int) -> tuple[Numbers, Scores]:
        """Return the lead and behind it at least ``reach`` of the stock where there are so many, lower by ``FIRST``.

        Only what is in the lead by its rank, or is pinned, is not offered again.
        """
        known, pinned = lead.items[: lead.free], lead.items[ranks]
        some, scores = np.empty(len(self.items), np.int32), np.empty(len(self.items))
        size = loops.poured(
            self.items, self.scores, self.places, known, pinned, without, FIRST, reach, some, scores
        )  # fmt: skip
        return np.concatenate([lead.items, some[:size]]), np.concatenate([lead.scores, scores[:size]])


def _stock(recipe: Recipe, marks: Marks, picture: Picture, query: Query) -> Stock | None:
    """Return what fills up first, made anew where it may have changed; None where it is not enough for this query."""
    filler = cast(Shared, recipe.fillers[0])
    state = (filler, picture.moves, picture.catalogue.flips, marks.room, marks.changes, marks.known)
    if marks.fill_of != state:
        items, scores = filler.shared(picture, query)
        weighed, _ = query.rules[0].weigh(picture, items, scores, query.given)
        scores = scores if weighed is None else weighed
        order = np.lexsort((items, -scores))
        places = np.full(len(picture), -1, np.int32)
        places[items[order]] = np.arange(len(items))
        marks.fill, marks.fill_of = Stock(items[order], scores[order], places), state
    stock = marks.fill
    return stock if isinstance(stock, Stock) and query.reach(picture)[0] <= len(stock.items) else None
