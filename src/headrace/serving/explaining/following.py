"""Following one item through a trace: which stages made its score and its place, and where it was lost."""

from dataclasses import dataclass, field

from headrace.pipeline import Explaining, Query, Step, Trace
from headrace.reasons import Reason, Term, verdicts
from headrace.serving.explaining.told import Did
from headrace.snapshot.picture import Picture


@dataclass(slots=True)
class Told:
    """A stage's step and what it says of the item."""

    step: Step
    item: int
    reason: Reason
    before: float | None
    after: float | None

    @property
    def mattered(self) -> bool:
        """Tell whether the stage changed the item's score or place, or has something of its own to say of it."""
        step, item = self.step, self.item
        if step.kind == "selector" or self.before != self.after or item in step.notes:
            return True
        if step.kind == "arrangement" and "rule" in self.reason.figures:
            return True
        return step.before.place(item) != step.after.place(item)

    def did(self) -> Did:
        """Return it as it is told."""
        step, reason = self.step, self.reason
        return Did(
            stage=step.kind,
            name=step.name,
            words=reason.words,
            within=step.within,
            before=self.before,
            after=self.after,
            terms=reason.terms,
            factors=reason.factors,
            figures=reason.figures,
            takes=reason.takes,
        )


@dataclass(slots=True)
class Way:
    """An item's way: the stages that made its score in order, what else proposed it, and the step that lost it, if one did."""

    made: list[Told] = field(default_factory=list)
    also: list[Told] = field(default_factory=list)
    lost: Step | None = None


@dataclass(frozen=True, slots=True)
class Following:
    """One answer's trace, to be asked of items."""

    picture: Picture
    query: Query
    trace: Trace

    def way(self, item: int) -> Way:
        """Return an item's way through the stages; an empty one for an item that no stage met."""
        way = Way()
        self._propose(way, item, None)
        for step in self.trace.steps:
            if step.within is not None or step.kind == "source":
                continue
            before, after = step.before.score(item), step.after.score(item)
            if before is None and after is None:
                continue
            if after is None:
                way.lost = step
                continue
            if before is not None and step.kind == "filler":
                continue  # it fills up behind what is there already
            if before is None:
                way.also, way.made, way.lost = [*way.also, *way.made], [], None
                self._propose(way, item, step.name)
                before = way.made[-1].after if way.made else 0.0
            if step.kind not in _SILENT or item in step.notes or before != after:
                way.made.append(Told(step, item, self._balanced(step, item, before or 0.0, after), before, after))
        return way

    def said(self, step: Step, item: int) -> Reason:
        """Return what a step says of an item: its note on it, else what its part explains."""
        note = step.notes.get(item)
        if note is not None:
            return note
        if isinstance(step.part, Explaining):
            return step.part.explain(self.picture, self.query, step, item)
        return Reason(verdicts.stage(step.name))

    def _propose(self, way: Way, item: int, within: str | None) -> None:
        for step in self.trace.steps:
            if step.kind == "source" and step.within == within and (score := step.after.score(item)) is not None:
                told = Told(step, item, self.said(step, item), 0.0, score)
                (way.also if way.made else way.made).append(told)
        if within is None or not way.made:
            return
        for step in self.trace.steps:  # rules weigh what fills up before it is poured into the pool
            if step.kind == "rules" and step.within == within:
                before, after = step.before.score(item), step.after.score(item)
                if before is not None and after is not None and before != after:
                    way.made.append(Told(step, item, self._balanced(step, item, before, after), before, after))

    def _balanced(self, step: Step, item: int, before: float, after: float) -> Reason:
        """Return what a step says; where it has no numbers for what it did to the score, the difference stands for them."""
        reason = self.said(step, item)
        if before == after or reason.terms or reason.factors:
            return reason
        change = Term(name="change", adds=after - before)
        return Reason(reason.words, [change], [], reason.figures, reason.takes, reason.about)


_SILENT = frozenset({"available", "wish", "filter", "rules"})
"""Stages that leave what they let stay as it is, unless they change its score."""
