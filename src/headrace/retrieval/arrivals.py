"""What is new: items with few events, all of them recent."""

from dataclasses import dataclass

import numpy as np

from headrace.features.decay import MS_PER_DAY
from headrace.pipeline import Numbers, Query, Scores, Step
from headrace.reasons import Reason, Term, proposed
from headrace.retrieval.trending import mean_age_days
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Proposes items of at most ``events`` events that are at most ``days`` old in the mean, scored 2^(-age / ``days``).

    The mean age stands for the first event, which no table keeps: where all events of an item are recent, so was its first. An
    old item that few ever met has an old mean. It looks through all items, so it belongs where few requests ask for it.
    """

    events: int = 10
    days: float = 2.0
    name: str = "arrivals"

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return all such items, in the order of their numbers."""
        freshest = picture.now_factor * 2.0 ** (-self.days * MS_PER_DAY / picture.rules.settings.half_life_ms)
        events = picture.events
        new = (events > 0) & (events <= self.events) & (picture.decayed >= freshest * picture.weight)
        items = np.flatnonzero(new).astype(np.int32)
        return items, np.exp2(-mean_age_days(picture, items) / self.days) if self.days else np.ones(len(items))

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return how new an item is, or why it does not count as new."""
        events, age = int(picture.events[item]), float(mean_age_days(picture, np.array([item], np.int32))[0])
        if step.after.place(item) is None:
            said = proposed.not_new(events, self.events, age, self.days)
            return Reason(said, figures={"events": events, "mean_age_days": age, "most": self.events, "days": self.days})
        newness = Term(name="newness", adds=float(np.exp2(-age / self.days)) if self.days else 1.0)
        return Reason(proposed.new(events, age), [newness], figures={"events": events, "mean_age_days": age})
