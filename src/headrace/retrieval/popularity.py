"""What everybody likes lately: the filler, and the answer for a user nobody knows."""

from dataclasses import dataclass

import numpy as np

from headrace.pipeline import Numbers, Query, Scores
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Popularity:
    """Proposes the items of the largest decayed popularity, scored in 0..1 against the most popular."""

    name: str = "popularity"

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return enough popular items to fill the answer even when all recent ones are left out."""
        most = query.k + len(query.numbers(picture)) + len(query.exclude)
        popular = picture.shown_popular(most, query.only, query.given)[:most]
        decayed = picture.decayed[popular]
        best = decayed[0] if len(decayed) else 0.0
        return popular, decayed / best if best > 0 else np.zeros(len(popular))
