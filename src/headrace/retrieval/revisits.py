"""What the user may want to come back to."""

from dataclasses import dataclass

import numpy as np

from headrace.pipeline import Numbers, Query, Scores, Step
from headrace.reasons import Reason, proposed
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

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return whether an item may come again; its score begins at 0."""
        if step.after.place(item) is None:
            return Reason(proposed.not_had(self.history), figures={"history": self.history})
        return Reason(proposed.had(), about=picture.ids[item], figures={"place": (step.after.place(item) or 0) + 1})
