"""Personal signal first, a little popularity beside it, popular items behind."""

from dataclasses import dataclass

import numpy as np

from headrace.pipeline import Candidates, Query, Scores, Step
from headrace.reasons import Reason, Term, placed, scored
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

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return what an item's popularity adds to its score, or that nothing but its popularity counts."""
        popular, before = picture.popular(), step.before
        best = float(picture.decayed[popular[0]]) if len(popular) else 0.0
        share = float(picture.decayed[item]) / best if best > 0 else 0.0
        place = before.place(item)
        if place is None:
            return Reason(scored.unchanged(self.name))
        if before.sources[before.source[place]] == self.filler:
            aside = Term(name="set_aside", adds=-float(before.scores[place]), words=scored.set_aside())
            return Reason(
                scored.stays_behind(),
                [aside, Term(name="popularity", adds=share), Term(name="behind", adds=-1.0, words=placed.behind())],
                figures={"share": share},
            )
        more = Term(name="popularity", adds=self.popularity * share, words=scored.a_little_popular(share))
        return Reason(scored.a_little_popular(share), [more], figures={"share": share, "most": self.popularity})
