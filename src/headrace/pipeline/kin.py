"""What is alike to the user's recent items by its content, and how much that counts beside an item's own events."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from headrace.pipeline.candidates import Numbers, Scores
from headrace.snapshot.picture import Picture


class Voice(NamedTuple):
    """What one of the user's recent items says of another: how much the two are alike, and what that adds."""

    speaker: int
    rank: int
    likeness: float
    adds: float


@dataclass(frozen=True, slots=True)
class Kin:
    """Scores c by kappa / (kappa + events[c]) · sum_r likeness(h_r, c) / r^q / sum_r 1 / r^q, in 0..1.

    h_r are the user's ``history`` most recent items of which the catalogue says anything, q is ``recency``, and the ``most``
    items that are most alike to each are heard of. The first factor is the weight that credibility theory leaves to what is
    known beforehand after n observations, k / (n + k) (Bühlmann 1967, "Experience rating and credibility"): ``kappa`` events
    halve what content says.
    """

    history: int
    recency: float
    most: int
    kappa: float

    def found(self, picture: Picture, recent: Numbers) -> tuple[Numbers, Scores]:
        """Return the items alike to these recent ones, none twice, each with its score."""
        speakers = self._speakers(picture, recent)
        lists = [self._alike(picture, number) for number, _ in speakers]
        if not lists:
            return np.empty(0, np.int32), np.empty(0)
        whole = sum(weight for _, weight in speakers)
        voices = [likeness * (weight / whole) for (_, likeness), (_, weight) in zip(lists, speakers, strict=True)]
        items, places = np.unique(np.concatenate([items for items, _ in lists]), return_inverse=True)
        scores = np.bincount(places, np.concatenate(voices), len(items))
        return items, scores * (self.kappa / (self.kappa + picture.events[items]))

    def voices(self, picture: Picture, recent: Numbers, item: int) -> list[Voice]:
        """Return what each of the recent items says of one, before its own events count."""
        speakers = self._speakers(picture, recent)
        whole = sum(weight for _, weight in speakers)
        said = []
        for rank, (number, weight) in enumerate(speakers, start=1):
            items, likeness = self._alike(picture, number)
            place = np.flatnonzero(items == item)
            if len(place):
                likely = float(likeness[place[0]])
                said.append(Voice(number, rank, likely, likely * (weight / whole)))
        return said

    def trust(self, picture: Picture, item: int) -> float:
        """Return how much content still counts for an item."""
        return float(self.kappa / (self.kappa + picture.events[item]))

    def _speakers(self, picture: Picture, recent: Numbers) -> list[tuple[int, float]]:
        content = picture.catalogue.content
        speaking = [number for number in recent.tolist() if number >= 0 and content.tells(number)][: self.history]
        return [(number, rank**-self.recency) for rank, number in enumerate(speaking, start=1)]

    def _alike(self, picture: Picture, number: int) -> tuple[Numbers, Scores]:
        catalogue = picture.catalogue
        return catalogue.content.alike(number, self.most, catalogue.shown, catalogue.flips)
