"""The rules of a shop as parts of an answer that can tell of it: what they leave out, propose, weigh and put behind."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.expressions import Expression, Given
from headrace.pipeline.candidates import Candidates, Numbers, Scores
from headrace.pipeline.trace import Step, Trace
from headrace.reasons import Factor, Figure, Reason, Term, filtered, placed, ruled
from headrace.rules.made import BEHIND, LARGEST_TOTAL, Part, Rules
from headrace.snapshot.attributes import Attributes
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Barred:
    """Leaves out what the rules of one set leave out."""

    rules: Rules
    given: Mapping[str, Given]

    @property
    def name(self) -> str:
        """Return whose rules they are."""
        return self.rules.name

    def allow(self, picture: Picture, query: object, candidates: Candidates) -> NDArray[np.bool_] | None:
        """Return true for candidates that no rule leaves out; None where none is. Raises ``Rejected``."""
        hidden = self.rules.hidden(picture, candidates.items, self.given)
        return None if hidden is None else ~hidden

    def explain(self, picture: Picture, query: object, step: Step, item: int) -> Reason:
        """Return which rule leaves an item out, with what it looks at."""
        for part in self.rules.marks(picture).now.hides:
            spoken_of = self.speaks(part, picture, item)
            if spoken_of == part.wanted:
                continue
            rule = ruled.by(part.label, self.name)
            figures: dict[str, Figure] = {"rule": part.label, "of": self.name}
            if part.where is None or (picture.ids[item] in part.items and not part.wanted):
                return Reason(ruled.left_out(rule), figures=figures)
            values = part.where.values(picture.catalogue.attributes, item)
            said = ruled.is_not_true if part.wanted else ruled.is_true
            return Reason(said(rule, part.where.text.strip(), dict(values)), figures={**figures, **values})
        return Reason(filtered.passes(self.name))

    def speaks(self, part: Part, picture: Picture, item: int) -> bool:
        """Return whether a rule speaks of an item."""
        return bool(self.rules.true(part, picture, np.array([item], np.int32), self.given)[0])


@dataclass(frozen=True, slots=True)
class Weighed:
    """Multiplies scores by what the rules of one set say; a score below 0 is divided, so that a boost always raises.

    With ``filling`` the scores are those of what fills up, and are kept at most 1.
    """

    rules: Rules
    given: Mapping[str, Given]
    filling: bool = False

    @property
    def name(self) -> str:
        """Return whose rules they are."""
        return self.rules.name

    def score(self, picture: Picture, candidates: Candidates) -> Scores | None:
        """Return the new scores; None where no rule weighs. Raises ``Rejected``."""
        scores, largest = self.rules.weigh(picture, candidates.items, candidates.scores, self.given)
        if scores is not None and self.filling and largest > 1:
            scores /= largest
        return scores

    def explain(self, picture: Picture, query: object, step: Step, item: int) -> Reason:
        """Return what each rule multiplies an item's score by."""
        before = step.before.score(item)
        parts = [part for part in self._parts(picture, item) if part.times is not None]
        if before is None or (not parts and step.after.score(item) == before):
            return Reason(ruled.no_rule(self.name))
        turned = before < 0
        factors = [
            Factor(
                name="bury" if times < 1 else "boost",
                times=1 / times if turned else times,
                words=ruled.multiplied(ruled.by(part.label, self.name)),
            )
            for part in parts
            if (times := part.times) is not None
        ]
        told = [(ruled.by(part.label, self.name), part.times) for part in parts if part.times is not None]
        together = prod([part.times for part in parts if part.times is not None])
        if not 1 / LARGEST_TOTAL <= together <= LARGEST_TOTAL:
            bound = min(max(together, 1 / LARGEST_TOTAL), LARGEST_TOTAL) / together if together else 1.0
            factors.append(Factor(name="limit", times=1 / bound if turned else bound, words=ruled.at_most_so_much()))
        after, now = step.after.score(item), before
        for factor in factors:
            now *= factor.times
        if after is not None and now and not np.isclose(after, now, rtol=1e-12, atol=0):
            factors.append(Factor(name="normalisation", times=after / now, words=ruled.best_stays_one()))
        said = ruled.raised(told) if told else f"{ruled.no_rule(self.name)}"
        return Reason(said, factors=factors, figures={"rules": [part.label for part in parts], "of": self.name})

    def _parts(self, picture: Picture, item: int) -> list[Part]:
        one = np.array([item], np.int32)
        weighs = self.rules.marks(picture).now.weighs
        return [part for part in weighs if self.rules.true(part, picture, one, self.given)[0]]


@dataclass(frozen=True, slots=True)
class Sunk:
    """Puts behind everything what the rules of one set bury."""

    rules: Rules
    given: Mapping[str, Given]

    @property
    def name(self) -> str:
        """Return whose rules they are."""
        return self.rules.name

    def score(self, picture: Picture, candidates: Candidates) -> Scores | None:
        """Return the new scores; None where no rule buries. Raises ``Rejected``."""
        behind = self.rules.behind(picture, candidates.items, self.given)
        if behind is None:
            return None
        scores = candidates.scores
        return scores - _depth(scores, behind) * behind

    def explain(self, picture: Picture, query: object, step: Step, item: int) -> Reason:
        """Return which rules bury an item."""
        one = np.array([item], np.int32)
        weighs = [part for part in self.rules.marks(picture).now.weighs if part.times is None]
        burying = [part.label for part in weighs if self.rules.true(part, picture, one, self.given)[0]]
        before, after = step.before.score(item), step.after.score(item)
        if not burying or before is None or after is None:
            return Reason(ruled.no_rule(self.name))
        rules = [ruled.by(label, self.name) for label in burying]
        return Reason(
            ruled.buried(rules),
            [Term(name="buried", adds=after - before, words=placed.behind())],
            figures={"rules": burying, "of": self.name},
        )


def _depth(scores: Scores, behind: NDArray[np.bool_]) -> float:
    """Return by how much to lower what goes behind: its best stands below the worst of the rest, whatever boosts it."""
    buried, rest = scores[behind], scores[~behind]
    over = float(buried.max() - min(0.0, rest.min(initial=0.0))) if len(buried) else 0.0
    return BEHIND if over <= BEHIND / 4 else BEHIND + over


PINNED: Final = "pinned"


@dataclass(frozen=True, slots=True)
class Pinned:
    """Proposes the items that rules pin by their ids, so that they can stand there whoever else proposes them or not."""

    laid: Sequence[Rules]
    name: str = PINNED

    def propose(self, picture: Picture, query: object) -> tuple[Numbers, Scores]:
        """Return those items, each with the score 0, in the order of the pins."""
        numbers = [
            picture.numbers.get(item, -1) for rules in self.laid for pin in rules.marks(picture).now.pins for item in pin.items
        ]
        items = np.array([number for number in dict.fromkeys(numbers) if number >= 0], np.int32)
        return items, np.zeros(len(items))

    def explain(self, picture: Picture, query: object, step: Step, item: int) -> Reason:
        """Return which rules pin an item."""
        pinning = [
            ruled.by(pin.label, rules.name)
            for rules in self.laid
            for pin in rules.marks(picture).now.pins
            if picture.ids[item] in pin.items
        ]
        return Reason(ruled.may_be_pinned(pinning))


@dataclass(frozen=True, slots=True)
class Poured:
    """Adds what a filler offers to what the list is put together from, its scores so much lower."""

    number: int
    name: str

    def explain(self, picture: Picture, query: object, step: Step, item: int) -> Reason:
        """Return that an item is among what fills up."""
        if step.after.place(item) is None or step.before.place(item) is not None:
            return Reason(placed.nothing_to_fill(self.name))
        return Reason(ruled.among_what_fills(), [Term(name="behind", adds=-float(self.number), words=placed.behind())])


@dataclass(frozen=True, slots=True)
class Permitted:
    """Something that is true of an item where the request's own expression is, and no rule leaves it out."""

    only: Expression | None
    laid: Iterable[Rules]
    picture: Picture

    def of(
        self, attributes: Attributes, items: Numbers, given: Mapping[str, Given], *, strict: bool = True
    ) -> NDArray[np.bool_]:
        """Return of which of these items it is true. Raises ``ExpressionError``, ``Rejected``."""
        mask = np.ones(len(items), np.bool_) if self.only is None else self.only.of(attributes, items, given, strict=strict)
        for rules in self.laid:
            hidden = rules.hidden(self.picture, items, given)
            if hidden is not None:
                mask = mask & ~hidden
        return mask


def weighed(
    candidates: Candidates,
    picture: Picture,
    laid: Sequence[Rules],
    given: Mapping[str, Given],
    trace: Trace | None,
    *,
    filling: bool = False,
) -> Candidates:
    """Return the candidates with the scores that rules leave them. Raises ``Rejected``."""
    parts: list[Weighed | Sunk] = [Weighed(rules, given, filling) for rules in laid]
    for part in (*parts, *(Sunk(rules, given) for rules in laid)):  # what is behind everything is lifted by nobody's boost
        scores = part.score(picture, candidates)
        if scores is not None:
            before = candidates
            candidates = Candidates(before.items, scores, before.source, before.sources)
            if trace is not None:
                trace.step("rules", part.name, part, before, candidates)
    return candidates
