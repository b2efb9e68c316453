"""How an answer is put together plainly: the best of what the stages leave, filled up where it is short."""

from typing import cast

from headrace.kernels import lists
from headrace.pipeline.candidates import Candidates, joined, owned
from headrace.pipeline.own import Filling
from headrace.pipeline.parts import Leading, Recipe, Source
from headrace.pipeline.query import Query
from headrace.pipeline.stages import explored, hidden, offered, scored
from headrace.pipeline.trace import Trace
from headrace.snapshot.picture import Picture


def answered(recipe: Recipe, picture: Picture, query: Query, trace: Trace | None) -> Candidates:
    """Return the answer that the recipe alone makes."""
    shortly = recipe.short and query.only is None
    chosen = _shortly(recipe, picture, query) if shortly else None
    if chosen is None or trace is not None:
        chosen = _staged(recipe, picture, query, trace, chosen)
    for number, filler in enumerate(recipe.fillers, start=1):
        if len(chosen) < query.k:
            chosen = _filled(recipe, chosen, filler, number, picture, query, trace)
    return chosen if recipe.explorer is None else explored(recipe, recipe.explorer, chosen, picture, query, trace)


def _shortly(recipe: Recipe, picture: Picture, query: Query) -> Candidates:
    (source,) = recipe.sources
    best = cast(Leading, source).lead(picture, query, hidden(recipe, picture, query))
    return owned(0, (source.name,), *best)


def _staged(recipe: Recipe, picture: Picture, query: Query, trace: Trace | None, known: Candidates | None = None) -> Candidates:
    """Go through all stages; where the answer is ``known`` already, only to note what they did."""
    candidates = scored(recipe, recipe.sources, picture, query, trace)
    chosen = candidates.keep(recipe.selector.select(picture, query, candidates)) if known is None else known
    if trace is not None:
        trace.step("selector", recipe.selector.name, recipe.selector, candidates, chosen)
    return chosen


def _filled(
    recipe: Recipe, chosen: Candidates, filler: Source, number: int, picture: Picture, query: Query, trace: Trace | None
) -> Candidates:
    """Return the answer with what this filler, the recipe's ``number``-th, can add; its scores lie ``number`` lower."""
    inside = None if trace is None else trace.inside(filler.name)
    names = (*chosen.sources, filler.name)
    more = offered(recipe, filler, chosen, names, picture, query, inside)
    lower = Candidates(more.items, more.scores - number, more.source, names)
    best = lower.keep(lists.best(lower.items, lower.scores, query.k - len(chosen)))
    filled = joined(Candidates(chosen.items, chosen.scores, chosen.source, names), best)
    if trace is not None:
        trace.step("filler", filler.name, Filling(number, filler.name), chosen, filled, lower)
    return filled
