"""Personal signal first, a little popularity beside it, popular items behind."""

from dataclasses import dataclass

import numpy as np

from headrace.pipeline import Candidates, Query, Scores
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Blend:
    """Adds a share of decayed popularity (0..1 against the most popular) to scores of 0..1; fillers stay behind.

    ``popularity`` is that share. Candidates of the source ``filler`` keep their own order below all others: a popular item
    that nothing links to the user never displaces one that something does.
    """

    popularity: float = 0.02
    filler: str = "popularity"
    name: str = "blend"

    def score(self, picture: Picture, query: Query, candidates: Candidates) -> Scores:
        """Return personal scores plus the share of popularity; fillers' scores lie in -1..0."""
        popular = picture.popular()
        best = float(picture.decayed[popular[0]]) if len(popular) else 0.0
        share = picture.decayed[candidates.items] / best if best > 0 else np.zeros(len(candidates))
        scores: Scores = candidates.scores + self.popularity * share
        if self.filler in candidates.sources:
            filling = candidates.source == candidates.sources.index(self.filler)
            scores[filling] = share[filling] - 1.0
        return scores
