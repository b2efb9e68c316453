"""What is liked now in the categories that are being looked at: for somebody of whom nothing else is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.pipeline import Numbers, Query, Scores, Step
from headrace.reasons import Factor, Figure, Reason, Term, proposed
from headrace.retrieval.trending import mean_age_days
from headrace.snapshot.attributes import Attributes
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Categories:
    """Proposes items of the query's ``categories``, those of the largest decayed weight · 2^(-mean age / ``half_life_days``).

    Items of these categories without any event follow with the score 0, as many as are needed to fill the answer. A query that
    names no category gets nothing.
    """

    half_life_days: float = 1.0
    name: str = "categories"

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return enough items to fill the answer even when all recent ones are left out, if there are so many."""
        if not query.categories:
            return np.empty(0, np.int32), np.empty(0)
        most = query.k + len(query.numbers(picture)) + len(query.exclude)
        inside = _Inside(query)
        popular = picture.shown_popular(most, inside, query.given)
        heat = self._heat(picture, popular)
        best = np.argsort(-heat, kind="stable")[:most]
        items, scores = popular[best], heat[best] / heat[best[0]] if len(best) and heat[best[0]] > 0 else np.zeros(len(best))
        if len(items) < most:
            without = np.flatnonzero(picture.events == 0).astype(np.int32)
            visible = picture.catalogue.visible(without)
            without = without if visible is None else without[visible]
            without = without[inside.of(picture.catalogue.attributes, without, query.given)][: most - len(items)]
            items, scores = np.concatenate([items, without]), np.concatenate([scores, np.zeros(len(without))])
        return items, scores

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return how much an item is liked now in these categories, or that it is in none of them."""
        if not query.categories:
            return Reason(proposed.no_categories())
        held = picture.catalogue.attributes.value("categories", item)
        mine = [one for one in query.categories if isinstance(held, list) and one in held]
        figures: dict[str, Figure] = {"categories": mine}
        if not mine:
            return Reason(proposed.in_none_of(list(query.categories)), figures=figures)
        place = step.after.place(item)
        if place is None:
            return Reason(proposed.not_trending(), figures=figures)
        if not picture.events[item]:
            return Reason(proposed.in_category_without_events(mine), figures=figures)
        heat, first = self._heat(picture, np.array([item, step.after.items[0]], np.int32)), int(step.after.items[0])
        now = picture.now_factor
        top = float(heat[1]) / now
        liked = Term(name="heat", adds=float(heat[0]) / now)
        scale = Factor(name="normalisation", times=1 / top if top > 0 else 0.0, words=proposed.best_is_one(picture.ids[first]))
        return Reason(proposed.trending_in(place + 1, mine), [liked], [scale], {**figures, "place": place + 1})

    def _heat(self, picture: Picture, items: Numbers) -> Scores:
        heat: Scores = picture.decayed[items] * np.exp2(-mean_age_days(picture, items) / self.half_life_days)
        return heat


@dataclass(frozen=True, slots=True)
class _Inside:
    """Is true of items in any of a query's categories of which the request's own filter is true too."""

    query: Query

    def of(self, attributes: Attributes, items: Numbers, given: Mapping[str, Any], *, strict: bool = True) -> NDArray[np.bool_]:
        """Return of which items it is true."""
        column = attributes.columns("categories").get("list")
        if column is None:
            return np.zeros(len(items), np.bool_)
        mask = np.zeros(len(items), np.bool_)
        for category in self.query.categories:
            mask |= column.having(items, category)
        only = self.query.only
        return mask if only is None else mask & only.of(attributes, items, given, strict=strict)
