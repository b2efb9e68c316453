"""What a pipeline does by itself, whatever the recipe, as parts that can tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.expressions import Expression, Given
from headrace.pipeline.candidates import Candidates
from headrace.pipeline.trace import Step
from headrace.reasons import Reason, Term, filtered, placed
from headrace.snapshot.catalogue import Hidden
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Available:
    """Leaves out what the catalogue does not show now."""

    name: str = "available"

    def allow(self, picture: Picture, query: object, candidates: Candidates) -> NDArray[np.bool_] | None:
        """Return true for candidates that may be shown now; None where all may."""
        return picture.catalogue.visible(candidates.items)

    def explain(self, picture: Picture, query: object, step: Step, item: int) -> Reason:
        """Return what the catalogue has against an item."""
        hidden, edge_ms = picture.catalogue.hidden(picture.ids[item])
        if hidden is None:
            return Reason(filtered.passes(self.name))
        return Reason(_said(hidden, edge_ms), figures={"why": hidden, "edge_ms": edge_ms})


@dataclass(frozen=True, slots=True)
class Wish:
    """Leaves out everything of which the request's own expression is not true."""

    only: Expression
    given: Mapping[str, Given]
    name: str = "filter"

    def allow(self, picture: Picture, query: object, candidates: Candidates) -> NDArray[np.bool_]:
        """Return true for candidates of which the expression is true. Raises ``ExpressionError``."""
        return self.only.of(picture.catalogue.attributes, candidates.items, self.given)

    def explain(self, picture: Picture, query: object, step: Step, item: int) -> Reason:
        """Return whether the expression is true, with what it looks at."""
        true = self.only.of(picture.catalogue.attributes, np.array([item], np.int32), self.given)[0]
        values = self.only.values(picture.catalogue.attributes, item)
        said = filtered.passes(self.name) if true else filtered.not_true("the request", self.only.text.strip(), values)
        return Reason(said, figures=dict(values))


@dataclass(frozen=True, slots=True)
class Filling:
    """Fills an answer that is short: what the recipe's ``number``-th filler offers gets scores so much lower."""

    number: int
    name: str

    def explain(self, picture: Picture, query: object, step: Step, item: int) -> Reason:
        """Return why there was room for an item, or at which place it was when there was none left."""
        offered = step.after if step.offered is None else step.offered
        place, score, room = offered.rank(item), offered.score(item), len(step.after) - len(step.before)
        if place is None or score is None:
            return Reason(placed.nothing_to_fill(self.name))
        place, of = place + len(step.before), len(offered) + len(step.before)
        if step.after.place(item) is not None:
            behind = Term(name="behind", adds=-float(self.number), words=placed.behind())
            return Reason(placed.fills_up(room), [behind], figures={"place": place, "of": of, "room": room})
        return outranked(picture, step.after, place, of, score)


def outranked(picture: Picture, shown: Candidates, place: int, of: int, score: float) -> Reason:
    """Return what keeps an item at this place out: the last of what is ``shown`` instead."""
    if not len(shown):
        return Reason(placed.nothing_chosen(place, of), figures={"place": place, "of": of, "score": score})
    cut = picture.ids[int(shown.items[-1])]
    return Reason(
        placed.outranked(place, of, len(shown), cut),
        figures={"place": place, "of": of, "score": score, "cut_score": float(shown.scores[-1]), "cut_item_id": cut},
    )


def _said(hidden: Hidden, edge_ms: int | None) -> str:
    if edge_ms is not None:
        return filtered.not_yet(edge_ms) if hidden == "not_yet" else filtered.no_more(edge_ms)
    if hidden == "deleted":
        return filtered.deleted()
    return filtered.switched_off() if hidden == "switched_off" else filtered.not_in_catalogue()
