"""Items that met the user's recent items: the read half of ``features.covisitation``."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.pipeline import Numbers, Query, Scores
from headrace.retrieval import voices
from headrace.snapshot.picture import Picture

MOST_TABULATED: Final = 10_000


@dataclass(frozen=True, slots=True)
class CoVisitation:
    """Scores c by (events[c] + 1)^-tau · sum_r (C[h_r -> c] / (visits[h_r] + s·F))^p / r^q; see ``features.covisitation``.

    ``history`` is how many recent items speak, ``recency`` is q, ``smoothing`` s (in visits), ``damping`` tau. ``power`` p
    below 1 lets what several items agree on count for more than what one of them says alone. ``doubt`` d takes
    meetings / (meetings + d) of each strength, as what was met once may be chance. The scores of one answer are divided by the
    largest, so that they lie in 0..1 and are comparable with other sources'.
    """

    history: int = 10
    recency: float = 1.0
    smoothing: float = 10.0
    damping: float = 0.1
    power: float = 1.0
    doubt: float = 0.0
    name: str = "co_visitation"

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return the neighbours of the query's recent items, scored in 0..1."""
        recent = query.numbers(picture)[: self.history]
        heard, links = self._heard(picture, recent), picture.links
        found, scores = np.empty(len(heard), np.int32), np.empty(len(heard))
        size = voices.agreed(
            recent, links.starts, links.sizes, links.items, heard, _ranks(self.history, self.recency), picture.events,
            _damping(self.damping), -self.damping, _slots(len(heard)), found, scores,
        )  # fmt: skip
        return found[:size], scores[:size]

    def lead(self, picture: Picture, query: Query, without: Numbers) -> tuple[Numbers, Scores]:
        """Return the ``query.k`` best of what ``propose`` returns that may be shown and are not among ``without``."""
        recent = query.numbers(picture)[: self.history]
        heard, links = self._heard(picture, recent), picture.links
        found, scores = np.empty(len(heard), np.int32), np.empty(len(heard))
        best, their_scores = np.empty(query.k, np.int32), np.empty(query.k)
        size = voices.leading(
            recent, links.starts, links.sizes, links.items, heard, _ranks(self.history, self.recency), picture.events,
            _damping(self.damping), -self.damping, _slots(len(heard)), found, scores, without,
            picture.catalogue.shown, best, their_scores,
        )  # fmt: skip
        return best[:size], their_scores[:size]

    def _heard(self, picture: Picture, recent: Numbers) -> Scores:
        links = picture.links
        voice = np.empty(len(recent) * links.most)
        size = voices.heard(
            recent, links.starts, links.sizes, links.strengths, links.meetings, picture.visits,
            self.smoothing * picture.now_factor, float(self.doubt), voice,
        )  # fmt: skip
        voice = voice[:size]
        return voice if self.power == 1.0 else np.power(voice, self.power, out=voice)


def _slots(voices_heard: int) -> Numbers:
    return np.empty(1 << (2 * voices_heard).bit_length(), np.int32)


@cache
def _ranks(history: int, recency: float) -> NDArray[np.float64]:
    """Return r^q for the ranks r from 1 on."""
    return np.array([rank**recency for rank in range(1, history + 1)], np.float64)


@cache
def _damping(tau: float) -> NDArray[np.float64]:
    """Return (e + 1)^-tau for the counts of events e that most items have."""
    counts: NDArray[np.float64] = np.arange(1.0, MOST_TABULATED + 1.0)
    return np.asarray(counts**-tau)
