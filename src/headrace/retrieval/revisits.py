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
        recent = query.recent[: self.history]
        found = [number for entry in recent if (number := picture.numbers.get(entry.item_id)) is not None]
        return np.array(found, np.int32), np.zeros(len(found))
