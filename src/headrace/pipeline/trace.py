"""What each stage did, kept as the very arrays that went in and came out: who asks why pays for it, nobody else."""

from dataclasses import dataclass, field

from headrace.pipeline.candidates import Candidates
from headrace.reasons import Reason


@dataclass(slots=True)
class Step:
    """One stage's doing: what went in, what came out, and what it wants to say of single items.

    ``kind`` is ``source``, ``available`` (the catalogue), ``wish`` (the request's own filter), ``filter``, ``scorer``,
    ``selector``, ``filler`` (an answer was filled up) or ``explorer``; a later kind of stage names itself. ``part`` is who did
    it, best an ``Explaining`` one. A source has nothing before and leaves what it proposes; a filler and an explorer have what
    they could choose from in ``offered``. ``within`` names the filler or explorer whose proposals are made and treated here,
    None on the main way.
    """

    kind: str
    name: str
    part: object | None
    before: Candidates
    after: Candidates
    offered: Candidates | None = None
    within: str | None = None
    notes: dict[int, Reason] = field(default_factory=dict)

    def note(self, item: int, reason: Reason) -> None:
        """Say something of one item. It goes before what the part says of it by ``explain``."""
        self.notes[item] = reason


@dataclass(slots=True)
class Trace:
    """What the stages did, in order."""

    steps: list[Step] = field(default_factory=list)
    within: str | None = None

    def step(
        self,
        kind: str,
        name: str,
        part: object | None,
        before: Candidates,
        after: Candidates,
        offered: Candidates | None = None,
    ) -> Step:
        """Note what a stage did, and return it, so that the stage may say more of single items."""
        step = Step(kind, name, part, before, after, offered, self.within)
        self.steps.append(step)
        return step

    def inside(self, name: str) -> "Trace":
        """Return what the stages are noted in that treat the proposals of this filler or explorer: the same list."""
        return Trace(self.steps, name)

    @property
    def answer(self) -> Candidates:
        """Return what came out of the last stage of the main way."""
        return next(step.after for step in reversed(self.steps) if step.within is None)

    @property
    def stages(self) -> list[tuple[str, int, int]]:
        """Return how many candidates went into and came out of each stage on the main way, by the stage's name."""
        return [(step.name, len(step.before), len(step.after)) for step in self.steps if step.within is None]
