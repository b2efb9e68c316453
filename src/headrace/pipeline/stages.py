"""The stages of an answer, one by one, with rules or without: what is proposed, what may stay, what chance puts in it."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from headrace.pipeline import arranging
from headrace.pipeline.candidates import Candidates, Numbers, joined, kept, nothing, owned, without
from headrace.pipeline.own import Available, Wish
from headrace.pipeline.parts import Explorer, Filter, Hiding, Recipe, Source
from headrace.pipeline.query import Query
from headrace.pipeline.ruling import Barred
from headrace.pipeline.trace import Trace
from headrace.snapshot.picture import Picture

_NOBODY: Numbers = np.empty(0, np.int32)


def scored(recipe: Recipe, sources: Sequence[Source], picture: Picture, query: Query, trace: Trace | None) -> Candidates:
    """Return what the sources propose, the filters let stay and the scorers have weighed."""
    candidates = filtered(recipe, gathered(sources, picture, query, trace), picture, query, trace)
    for scorer in recipe.scorers:
        before, scores = candidates, scorer.score(picture, query, candidates)
        candidates = Candidates(candidates.items, scores, candidates.source, candidates.sources)
        if trace is not None:
            trace.step("scorer", scorer.name, scorer, before, candidates)
    return candidates


def gathered(sources: Sequence[Source], picture: Picture, query: Query, trace: Trace | None) -> Candidates:
    """Return what the sources propose; of an item that two propose, what the first says."""
    together: Candidates | None = None
    names = tuple([source.name for source in sources])
    for number, source in enumerate(sources):
        more = _proposed(source, number, names, picture, query, trace)
        together = more if together is None else joined(together, without(more, together.items))
    return together or nothing(names)


def offered(
    recipe: Recipe,
    filler: Source,
    known: Candidates,
    names: tuple[str, ...],
    picture: Picture,
    query: Query,
    inside: Trace | None,
) -> Candidates:
    """Return what a filler, the last of the names, proposes beside what is known already and the filters let stay."""
    more = _proposed(filler, len(names) - 1, names, picture, query, inside)
    return filtered(recipe, without(more, known.items), picture, query, inside)


def _proposed(
    source: Source, number: int, names: tuple[str, ...], picture: Picture, query: Query, trace: Trace | None
) -> Candidates:
    """Return what a source proposes; it is the one of this number among the names."""
    proposed = owned(number, names, *source.propose(picture, query))
    if trace is not None:
        trace.step("source", source.name, source, nothing(names), proposed)
    return proposed


def filtered(recipe: Recipe, candidates: Candidates, picture: Picture, query: Query, trace: Trace | None) -> Candidates:
    """Return what may be shown now and all filters let stay. What is said of one candidate makes no difference to another.

    Whether the catalogue hides an item is asked always: no recipe can forget it.
    """
    stays: NDArray[np.bool_] | None = picture.catalogue.visible(candidates.items)
    left = candidates
    if stays is not None and trace is not None:
        left = _noted(trace, "available", Available(), candidates, left, stays)
    if query.only is not None:
        wanted = query.only.of(picture.catalogue.attributes, candidates.items, query.given)
        stays = wanted if stays is None else stays & wanted
        if trace is not None:
            left = _noted(trace, "wish", Wish(query.only, query.given), candidates, left, stays)
    for rules in query.rules:
        barred = Barred(rules, query.given)
        allowed = barred.allow(picture, query, candidates)
        if allowed is not None:
            stays = allowed if stays is None else stays & allowed
            if trace is not None:
                left = _noted(trace, "rules", barred, candidates, left, stays)
    for part in recipe.filters:
        mask = part.allow(picture, query, candidates)
        if mask is not None:
            stays = mask if stays is None else stays & mask
        if trace is not None:
            left = _noted(trace, "filter", part, candidates, left, stays)
    return candidates if stays is None else kept(candidates, stays)


def _noted(
    trace: Trace, kind: str, part: Filter, candidates: Candidates, before: Candidates, stays: NDArray[np.bool_] | None
) -> Candidates:
    """Note which of the candidates stay behind a filter, and return them."""
    after = candidates if stays is None else kept(candidates, stays)
    trace.step(kind, part.name, part, before, after)
    return after


def hidden(recipe: Recipe, picture: Picture, query: Query) -> Numbers:
    """Return the few items that the recipe's filters leave out."""
    found = [few for part in recipe.filters if len(few := cast(Hiding, part).hides(picture, query))]
    return found[0] if len(found) == 1 else np.concatenate(found) if found else _NOBODY


def explored(
    recipe: Recipe,
    explorer: Explorer,
    chosen: Candidates,
    picture: Picture,
    query: Query,
    trace: Trace | None,
    outcome: arranging.Outcome | None = None,
) -> Candidates:
    """Return the answer with what the explorer tries out in it; under rules, with what fits them at its place."""
    inside = None if trace is None else trace.inside(explorer.name)
    unproven = filtered(recipe, gathered(recipe.explored, picture, query, inside), picture, query, inside)
    unproven = without(unproven, chosen.items)
    if (outcome is not None or picture.catalogue.grouped) and len(unproven):
        place = explorer.at(query, chosen)
        table = arranging.table(picture, (), pinning=False) if outcome is None else outcome.table
        if outcome is not None and outcome.pinned_from(place):
            fits = np.zeros(len(unproven), np.bool_)  # it would push a pin from its place
        else:
            fits = arranging.fitting(table, picture, chosen, unproven, place, query.k)
        unproven = kept(unproven, fits)
    answer = explorer.explore(query, chosen, unproven)
    if trace is not None:
        trace.step("explorer", explorer.name, explorer, chosen, answer, unproven)
    return answer
