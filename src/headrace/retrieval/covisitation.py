"""Items that met the user's recent items: the read half of ``features.covisitation``."""

from dataclasses import dataclass

import numpy as np

from headrace.pipeline import Numbers, Query, Scores
from headrace.snapshot.picture import Picture


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
        found: list[Numbers] = []
        parts: list[Scores] = []
        smoothing = self.smoothing * picture.now_factor
        for rank, entry in enumerate(query.recent[: self.history], start=1):
            number = picture.numbers.get(entry.item_id)
            if number is None:
                continue
            neighbours = picture.neighbours(number)
            if len(neighbours):
                voice = neighbours.strengths / (float(picture.visits[number]) + smoothing)
                if self.doubt:
                    voice *= neighbours.meetings / (neighbours.meetings + self.doubt)
                found.append(neighbours.items)
                parts.append((voice if self.power == 1.0 else voice**self.power) / rank**self.recency)
        if not found:
            return np.empty(0, np.int32), np.empty(0)
        items, where = np.unique(np.concatenate(found), return_inverse=True)
        scores: Scores = np.bincount(where, weights=np.concatenate(parts)).astype(np.float64)
        scores = scores * np.power(picture.events[items] + 1.0, -self.damping)
        best = scores.max()
        return items, scores / best if best > 0 else scores
