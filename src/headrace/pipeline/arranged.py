"""What putting a list together did to single items: pinned, held back by a cap or by a variant, or simply outranked."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from headrace.kernels import arranging as kernel
from headrace.pipeline.arranging import Outcome
from headrace.pipeline.candidates import Candidates
from headrace.pipeline.own import outranked
from headrace.pipeline.trace import Step, Trace
from headrace.reasons import Figure, Reason, placed, ruled, verdicts
from headrace.snapshot.picture import Picture

_NONE: Final = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True)
class Arranged:
    """The list that was put together; the step before it has the pool in its order."""

    outcome: Outcome

    def explain(self, picture: Picture, query: object, step: Step, item: int) -> Reason:
        """Return why an item stands at its place, or what held it back."""
        before, at = step.before.place(item), step.after.place(item)
        if before is None:
            return Reason(placed.no_candidate())
        rank = self.outcome.rank(item)
        pins = [] if rank is None else self.outcome.pinning(rank)
        fallen = [said for pin in pins if (said := self.outcome.fallen(pin)) is not None]
        held = kernel.NOTHING if rank is None else int(self.outcome.held[rank])
        figures: dict[str, Figure] = {"place_before": before + 1, "candidates": len(step.before)}
        if at is None:
            return self._lost(picture, step, item, before + 1, held, fallen, figures)
        figures["place"] = at + 1
        standing = [self.outcome.table.pins[pin] for pin in pins if self.outcome.pins[pin] == kernel.STANDS]
        if standing:
            said = ruled.pinned(at + 1, standing[0].rule)
            return Reason(said, figures={**figures, "rule": standing[0].part.label, "of": standing[0].rules.name})
        if fallen and any(self.outcome.pins[pin] == kernel.MOVED for pin in pins):
            return Reason(fallen[0], figures=figures)
        reason = self._placed(before, at, held, figures)
        return Reason(" ".join([reason.words, *fallen]), figures=reason.figures)

    def _placed(self, before: int, at: int, held: int, figures: dict[str, Figure]) -> Reason:
        """Return which cap has to do with an item's place."""
        gave_way = int(self.outcome.broken[at])
        number = gave_way if gave_way >= 0 else held
        cap = self.outcome.table.caps[number] if number >= 0 else None
        if cap is None:
            return Reason(ruled.stays(at + 1) if at == before else ruled.arranged(at + 1, before + 1), figures=figures)
        figures = {**figures, "rule": cap.part.label, "of": cap.rules.name, "relaxed": gave_way >= 0}
        if gave_way >= 0:
            return Reason(ruled.gave_way(cap.rule, at + 1), figures=figures)
        return Reason(ruled.held_back(cap.rule, cap.says, at + 1, before + 1), figures=figures)

    def _lost(
        self,
        picture: Picture,
        step: Step,
        item: int,
        place: int,
        held: int,
        fallen: list[str],
        figures: dict[str, Figure],
    ) -> Reason:
        if held >= 0:
            cap = self.outcome.table.caps[held]
            figures |= {"rule": cap.part.label, "of": cap.rules.name}
            return Reason(" ".join([ruled.held_out(cap.rule, cap.says), *fallen]), figures=figures)
        groups = picture.catalogue.group(np.array([item, *step.after.items], np.int32))
        mine, others = int(groups[0]), groups[1:]
        twins = np.flatnonzero(others == mine) if mine >= 0 else _NONE
        if len(twins):
            other, group = picture.ids[int(step.after.items[twins[0]])], picture.catalogue.attributes.value("group", item)
            return Reason(ruled.variant_shown(str(group), other), figures={**figures, "rule": "group", "shown": other})
        if step.before.sources[step.before.source[place - 1]] == "pinned" and fallen:
            return Reason(fallen[0], figures={**figures, "rule": "pin"})
        reason = outranked(picture, step.after, place, len(step.before), float(step.before.scores[place - 1]))
        return Reason(" ".join([reason.words, *fallen]), figures=reason.figures)


@dataclass(frozen=True, slots=True)
class Unpinned:
    """What nobody but a pin proposed, and whose pin does not stand, may yet fill up."""

    outcome: Outcome

    def explain(self, picture: Picture, query: object, step: Step, item: int) -> Reason:
        """Return why an item's pin does not stand."""
        rank = self.outcome.rank(item)
        for pin in [] if rank is None else self.outcome.pinning(rank):
            if (said := self.outcome.fallen(pin)) is not None:
                return Reason(said, figures={"rule": self.outcome.table.pins[pin].part.label})
        return Reason(verdicts.stage("pins"))


def living(outcome: Outcome, pool: Candidates, pin: int, trace: Trace | None) -> Candidates:
    """Return the pool without what only pins that fell would have shown: a filler may propose it yet.

    ``pin`` is the number of the source that proposes for pins alone, -1 where there is none.
    """
    if pin < 0:
        return pool
    standing = outcome.standing(pool.source != pin)
    if standing.all():
        return pool
    alive = pool.keep(standing)
    if trace is not None:
        trace.step("arrangement", "pins", Unpinned(outcome), pool, alive)
    return alive
