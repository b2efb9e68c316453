"""How an answer is made: sources propose, filters remove, scorers weigh, a selector chooses, fillers complete a short answer.

An explorer may then put something unproven in it. Items are numbers here, the dense numbers that the snapshot gives them, so
that every stage works on arrays. What an answer is made of stands in ``parts`` and ``query``; how one is put together in
``plain`` and, under rules, in ``ruled``.
"""

import msgspec

from headrace.kernels import arranging as kernel
from headrace.pipeline import plain, ruled
from headrace.pipeline.candidates import Candidates, Numbers, Scores
from headrace.pipeline.own import outranked
from headrace.pipeline.parts import Explaining, Explorer, Filter, Hiding, Lead, Leading, Recipe, Scorer, Selector, Source
from headrace.pipeline.query import Query
from headrace.pipeline.trace import Step, Trace
from headrace.rules.made import Under
from headrace.snapshot.picture import Picture

__all__ = [
    "Candidates", "Explaining", "Explorer", "Filter", "Hiding", "Lead", "Leading",
    "Numbers", "Query", "Recipe", "Scorer", "Scores",
    "Selector", "Source", "Step", "Trace", "Under", "contributors", "outranked", "run",
]  # fmt: skip


def run(recipe: Recipe, picture: Picture, query: Query, trace: Trace | None = None) -> Candidates:
    """Return the answer, best first: at most ``query.k`` candidates, no item twice, each with its source and score.

    What a filler adds stands behind everything else, its scores below 0. Rules that are laid over the query or stand in the
    recipe hold whatever its parts are, and no two items are of one group. With a ``trace`` the answer is the very same, and
    what each stage did is noted in it. Raises ``ExpressionError`` and ``Rejected`` for what the request asks of attributes.
    """
    if recipe.rules is not None:
        query = msgspec.structs.replace(query, rules=(*query.rules, recipe.rules))
    if query.rules:
        return ruled.answered(recipe, picture, query, trace)
    answer = plain.answered(recipe, picture, query, trace)
    catalogue = picture.catalogue
    if catalogue.grouped and kernel.twins(catalogue.group(answer.items)):
        if trace is not None:
            trace.steps.clear()
        return ruled.answered(recipe, picture, query, trace)
    return answer


def contributors(answer: Candidates) -> list[str]:
    """Return the names of the sources that the answer's items came from, in the recipe's order."""
    if len(answer.sources) == 1:
        return list(answer.sources) if len(answer) else []
    return [answer.sources[number] for number in sorted(set(answer.source.tolist()))]
