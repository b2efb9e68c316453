"""How an answer is put together under rules and groups: from a pool of all that may be shown, or shortly from its best."""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.kernels import lists
from headrace.pipeline import arranging, shortly
from headrace.pipeline.arranged import Arranged, living
from headrace.pipeline.candidates import Candidates, joined
from headrace.pipeline.parts import Recipe, Source
from headrace.pipeline.query import Query
from headrace.pipeline.ruling import Pinned, Poured, weighed
from headrace.pipeline.stages import explored, offered, scored
from headrace.pipeline.trace import Trace
from headrace.snapshot.picture import Picture

WIDER: Final = 2
"""A selector that looks at more than scores orders so many times as many, before score alone goes on."""


def answered(recipe: Recipe, picture: Picture, query: Query, trace: Trace | None) -> Candidates:
    """Return the answer that the recipe makes under the query's rules, and groups.

    Everything that may be shown is pooled, fillers only while the list is not full of what nobody buries; then it is put
    together. Only when no filler is left do relaxed caps give way.
    """
    table = arranging.table(picture, query.rules, pinning=query.pinning)
    answer = None if trace is not None else shortly.answered(recipe, table, picture, query)
    if answer is not None:
        return answer
    sources, pin = recipe.sources, -1
    if table.by_name:
        pin, sources = len(sources), (*sources, Pinned(query.rules))
    pool = weighed(scored(recipe, sources, picture, query, trace), picture, query.rules, query.given, trace)
    outcome, order = _arranged(recipe, table, picture, pool, query, pin, settle=not recipe.fillers)
    for number, filler in enumerate(recipe.fillers, start=1):
        if outcome.full and not any(rules.buries(picture) and outcome.buried(pool) for rules in query.rules):
            break
        pool = living(outcome, pool, pin, trace)
        pool = _poured(recipe, pool, filler, number, picture, query, trace)
        outcome, order = _arranged(recipe, table, picture, pool, query, pin, settle=number == len(recipe.fillers))
    answer = outcome.answer(pool)
    if trace is not None:
        ordered = pool.keep(arranging.whole(pool, order))
        trace.step("selector", recipe.selector.name, recipe.selector, pool, ordered)
        trace.step("arrangement", "rules", Arranged(outcome), ordered, answer)
    applied = outcome.applied(query.k) if query.rules else None
    if recipe.explorer is not None:
        answer = explored(recipe, recipe.explorer, answer, picture, query, trace, outcome)
    return Candidates(answer.items, answer.scores, answer.source, answer.sources, answer.propensities, applied)


def _arranged(
    recipe: Recipe, table: arranging.Table, picture: Picture, pool: Candidates, query: Query, pin: int, *, settle: bool
) -> tuple[arranging.Outcome, NDArray[np.int64]]:
    """Return the list that a pool makes, and the pool's order: that of its best alone, where it makes the same list."""
    free = np.ones(len(pool), np.bool_) if pin < 0 else pool.source != pin
    reach = arranging.prefix(query.k)
    if recipe.selector.plain:
        order = lists.best(pool.items, pool.scores, reach)
    else:
        own = np.flatnonzero(free)
        asked = msgspec.structs.replace(query, k=min(WIDER * reach, len(own)))
        order = own[recipe.selector.select(picture, asked, pool.keep(own))] if len(own) else own
    last = settle and len(order) == len(pool)
    outcome = arranging.arrange(table, picture, query.given, pool, free, order, query.k, settle=last)
    if outcome.full or len(order) == len(pool):
        return outcome, order
    order = arranging.whole(pool, order)
    return arranging.arrange(table, picture, query.given, pool, free, order, query.k, settle=settle), order


def _poured(
    recipe: Recipe, pool: Candidates, filler: Source, number: int, picture: Picture, query: Query, trace: Trace | None
) -> Candidates:
    """Return the pool with what this filler, the recipe's ``number``-th, can add; its scores lie ``number`` lower."""
    inside = None if trace is None else trace.inside(filler.name)
    names = (*pool.sources, filler.name)
    more = offered(recipe, filler, pool, names, picture, query, inside)
    more = weighed(more, picture, query.rules, query.given, inside, filling=True)
    lower = Candidates(more.items, more.scores - number, more.source, names)
    poured = joined(Candidates(pool.items, pool.scores, pool.source, names), lower)
    if trace is not None:
        trace.step("filler", filler.name, Poured(number, filler.name), pool, poured, lower)
    return poured
