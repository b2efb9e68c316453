"""Content and events together: what an item is like counts for it until its own events do."""

from dataclasses import dataclass

import numpy as np

from headrace.pipeline import Candidates, Query, Scores, Step
from headrace.pipeline.kin import Kin
from headrace.reasons import Factor, Figure, Reason, Term, proposed, scored
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Likeness:
    """Adds ``share`` times the score of ``pipeline.kin``, where the best score of co-visitation is 1.

    Candidates of the ``source`` of that name bring that score already: theirs is multiplied. The other weights are those of
    that source, and should be the same.
    """

    share: float = 1.0
    history: int = 5
    recency: float = 1.0
    most: int = 50
    kappa: float = 5.0
    source: str = "content"
    name: str = "likeness"

    def __post_init__(self) -> None:
        """Refuse weights that mean nothing."""
        if self.kappa <= 0 or self.most < 1:
            raise ValueError("kappa must be larger than 0, and most at least 1")

    def score(self, picture: Picture, query: Query, candidates: Candidates) -> Scores:
        """Return the scores with what content says."""
        scores = candidates.scores.copy()
        brought = self._brought(candidates)
        scores[brought] *= self.share
        items, alike = self._kin.found(picture, query.numbers(picture))
        if len(items):
            places = np.minimum(np.searchsorted(items, candidates.items), len(items) - 1)
            more = np.where(items[places] == candidates.items, alike[places], 0.0)
            scores[~brought] += self.share * more[~brought]
        return scores

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return what an item's likeness to the recent ones adds."""
        place = step.before.place(item)
        if place is None:
            return Reason(scored.unchanged(self.name))
        if self._brought(step.before)[place]:
            return Reason(scored.weighed(self.share), [], [Factor(name="share", times=self.share)])
        kin = self._kin
        said = kin.voices(picture, query.numbers(picture), item)
        if not said:
            return Reason(scored.unchanged(self.name))
        trust, events = kin.trust(picture, item), int(picture.events[item])
        terms = []
        for voice in said:
            name = picture.ids[voice.speaker]
            figures: dict[str, Figure] = {
                "likeness": voice.likeness,
                "share": self.share,
                "few_events": trust,
                "events": events,
            }
            adds = self.share * trust * voice.adds
            terms.append(Term(name="likeness", adds=adds, words=proposed.like(name, ""), item_id=name, figures=figures))
        return Reason(scored.also_alike([picture.ids[voice.speaker] for voice in said]), terms)

    @property
    def _kin(self) -> Kin:
        return Kin(self.history, self.recency, self.most, self.kappa)

    def _brought(self, candidates: Candidates) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        if self.source not in candidates.sources:
            return np.zeros(len(candidates), np.bool_)
        brought: np.ndarray[tuple[int], np.dtype[np.bool_]] = candidates.source == candidates.sources.index(self.source)
        return brought
