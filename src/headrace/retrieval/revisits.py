"""What the user may want to come back to."""

from dataclasses import dataclass

import numpy as np

from headrace.pipeline import Numbers, Query, Scores
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Revisits:
    """Proposes the user's recent items with the score 0; the scorer ``returning`` says what coming back is worth."""

    history: int = 20
    name: str = "revisits"

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return the known ones of the recent items, newest first."""
        recent = query.numbers(picture)[: self.history]
        known = recent[recent >= 0]
        return known, np.zeros(len(known))
