"""Items that met the user's recent items: the read half of ``features.covisitation``."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.pipeline import Lead, Numbers, Query, Scores, Step, Under
from headrace.reasons import Factor, Reason, Take, Term, proposed
from headrace.retrieval import voices
from headrace.snapshot.picture import Picture

MOST_TABULATED: Final = 10_000
MOST_TAKES: Final = 3
"""So many items are named that would lead to one."""


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

    def lead_ruled(
        self, picture: Picture, query: Query, without: Numbers, under: Under, wanted: Numbers, size: int | None
    ) -> Lead:
        """Return the ``size`` best under rules, or all, and behind them those ``wanted``; see ``Leading``."""
        recent = query.numbers(picture)[: self.history]
        heard, links = self._heard(picture, recent), picture.links
        reach = len(heard) if size is None else min(size, len(heard))
        room = reach + len(wanted)
        best, their_scores, proposed = np.empty(room, np.int32), np.empty(room), np.empty(room, np.bool_)
        free, together = voices.leading_ruled(
            recent, links.starts, links.sizes, links.items, heard, _ranks(self.history, self.recency), picture.events,
            _damping(self.damping), -self.damping, without, picture.catalogue.shown, under.barred, under.times, under.most,
            wanted, reach, best, their_scores, proposed,
        )  # fmt: skip
        if reach == len(heard):
            order = np.argsort(-their_scores[:free])
            best[:free], their_scores[:free], proposed[:free] = best[order], their_scores[order], proposed[order]
            voices.untied(best[:free], their_scores[:free])
        return Lead(best[:together], their_scores[:together], proposed[:together], free)

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return which of the recent items speak for an item, and how loudly; else which do not, and what would."""
        recent = query.numbers(picture)
        terms = self._terms(picture, recent[: self.history], item)
        if step.after.place(item) is None:
            return self._nobody(picture, recent, item)
        factors = [self._damped(picture, item)]
        best = int(step.after.items[np.argmax(step.after.scores)])
        largest = sum(term.adds for term in self._terms(picture, recent[: self.history], best))
        largest *= self._damped(picture, best).times
        if largest > 0:
            factors.append(Factor(name="normalisation", times=1 / largest, words=proposed.best_is_one(picture.ids[best])))
        speaking = sorted(terms, key=lambda term: -term.adds)
        return Reason(proposed.goes_with([term.item_id for term in speaking if term.item_id is not None]), terms, factors)

    def _terms(self, picture: Picture, recent: Numbers, item: int) -> list[Term]:
        """Return the voice of each recent item that has this one among its neighbours, in the order in which they are added."""
        terms = []
        now = picture.now_factor
        for rank, number in enumerate(recent.tolist(), start=1):
            found = _link(picture, number, item)
            if found is None:
                continue
            strength, met = found
            visits = float(picture.visits[number])
            share = strength / (visits + self.smoothing * now)
            believed = met / (met + self.doubt) if self.doubt else 1.0
            terms.append(
                Term(
                    name="voice",
                    adds=(share * believed) ** self.power / rank**self.recency,
                    words=proposed.seen_together(picture.ids[number], met),
                    item_id=picture.ids[number],
                    figures={
                        "meetings": met,
                        "strength_now": strength / now,
                        "visits_now": visits / now,
                        "smoothing": self.smoothing,
                        "share": share,
                        "believed": believed,
                        "power": self.power,
                        "rank": rank,
                        "rank_discount": rank**-self.recency,
                    },
                )
            )
        return terms

    def _damped(self, picture: Picture, item: int) -> Factor:
        events = int(picture.events[item])
        return Factor(name="damping", times=(events + 1.0) ** -self.damping, words=proposed.held_against(events))

    def _nobody(self, picture: Picture, recent: Numbers, item: int) -> Reason:
        """Return why none of the recent items speaks for an item, and what would have one speak."""
        spoken = int((recent[: self.history] >= 0).sum())
        takes = []
        for rank, number in enumerate(recent.tolist(), start=1):
            if rank > self.history and (found := _link(picture, number, item)) is not None:
                said = proposed.speaks_no_more(picture.ids[number], found[1], self.history)
                takes.append(Take(words=said, item_id=picture.ids[number], figures={"meetings": found[1], "rank": rank}))
        leading = _leading_to(picture, item)
        mine = set(recent.tolist())
        for number, strength, met in leading:
            if number not in mine and len(takes) < MOST_TAKES:
                figures = {"meetings": met, "strength_now": strength / picture.now_factor}
                said = proposed.would_bring(picture.ids[number], met)
                takes.append(Take(words=said, item_id=picture.ids[number], figures=dict(figures)))
        if not leading:
            met_any = len(picture.neighbours(item)) > 0
            takes.append(Take(words=proposed.led_to_by_none() if met_any else proposed.met_nothing()))
        return Reason(proposed.goes_with_none(spoken), takes=takes, figures={"history": self.history, "speaking": spoken})

    def _heard(self, picture: Picture, recent: Numbers) -> Scores:
        links = picture.links
        voice = np.empty(len(recent) * links.most)
        size = voices.heard(
            recent, links.starts, links.sizes, links.strengths, links.meetings, picture.visits,
            self.smoothing * picture.now_factor, float(self.doubt), voice,
        )  # fmt: skip
        voice = voice[:size]
        return voice if self.power == 1.0 else np.power(voice, self.power, out=voice)


def _link(picture: Picture, number: int, item: int) -> tuple[float, int] | None:
    """Return strength and meetings of the link from one item to another; None where memory has none."""
    if number < 0:
        return None
    links = picture.links
    start = int(links.starts[number])
    found = np.flatnonzero(links.items[start : start + int(links.sizes[number])] == item)
    if not len(found):
        return None
    place = start + int(found[0])
    return float(links.strengths[place]), int(links.meetings[place])


def _leading_to(picture: Picture, item: int) -> list[tuple[int, float, int]]:
    """Return the items among whose neighbours this one is, with strength and meetings, the strongest link first.

    They are looked for among its own neighbours: what it met.
    """
    met = picture.neighbours(item).items.tolist()
    found = [(number, *link) for number in met if (link := _link(picture, number, item)) is not None]
    return sorted(found, key=lambda one: (-one[1] / (picture.visits[one[0]] or 1.0), one[0]))


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
