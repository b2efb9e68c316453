"""What everybody likes lately: the filler, and the answer for a user nobody knows."""

from dataclasses import dataclass

import numpy as np

from headrace.pipeline import Numbers, Query, Scores, Step
from headrace.reasons import Factor, Figure, Reason, Take, Term, proposed
from headrace.snapshot.picture import MOST_POPULAR, Picture


@dataclass(frozen=True, slots=True)
class Popularity:
    """Proposes the items of the largest decayed popularity, scored in 0..1 against the most popular."""

    name: str = "popularity"

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return enough popular items to fill the answer even when all recent ones are left out."""
        return self._best(picture, query, *query.reach(picture))

    def shared(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return those of the list of popular items that may be shown: who reaches no further is proposed no other."""
        return self._best(picture, query, 0, MOST_POPULAR)

    def _best(self, picture: Picture, query: Query, least: int, most: int) -> tuple[Numbers, Scores]:
        popular = picture.shown_popular(least, query.permitted(picture), query.given)[:most]
        decayed = picture.decayed[popular]
        best = decayed[0] if len(decayed) else 0.0
        return popular, decayed / best if best > 0 else np.zeros(len(popular))

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return how popular an item is, and where it is not popular enough, what it would take."""
        after, now = step.after, picture.now_factor
        events, weighs = int(picture.events[item]), float(picture.decayed[item])
        figures: dict[str, Figure] = {"events": events, "weight": int(picture.weight[item]), "weight_now": weighs / now}
        place = after.place(item)
        if place is not None:
            best, first = float(picture.decayed[after.items[0]]), picture.ids[int(after.items[0])]
            return Reason(
                proposed.popular(place + 1, picture.known),
                [Term(name="popularity", adds=weighs / now, words=proposed.weighs(events))],
                [Factor(name="normalisation", times=now / best if best > 0 else 0.0, words=proposed.best_is_one(first))],
                {**figures, "place": place + 1, "of": picture.known},
            )
        if not events:
            return Reason(proposed.no_events(), figures=figures)
        place = picture.place(item)
        if not len(after):
            return Reason(proposed.not_popular_enough(place, 0), figures={**figures, "place": place})
        last = float(picture.decayed[after.items[-1]]) / now
        take = Take(words=proposed.needs_weight(last, weighs / now), figures={"weight_now": last})
        said = proposed.not_popular_enough(place, len(after))
        return Reason(said, figures={**figures, "place": place, "reach": len(after)}, takes=[take])
