"""Two answers to the same question beside each other: which items one alone has, and how far the others have moved."""

from dataclasses import dataclass
from typing import Final

from headrace.serving.explaining import Explained
from headrace.serving.explaining.told import ItemReasons

RULES: Final = frozenset({"rules", "arrangement"})
"""The stages at which rules work."""


@dataclass(frozen=True, slots=True)
class Place:
    """An item in its place in one answer; ``alone`` where the other answer beside it has it not."""

    reasons: ItemReasons
    alone: bool = False
    moved: int = 0
    """How many places further up it stands than in the other answer."""

    @property
    def effects(self) -> list[str]:
        """Return what rules did to it, in sentences."""
        told = [one.words for one in self.reasons.did if one.stage in RULES]
        return [one for one in self.reasons.words[1:] if one in told]

    @property
    def short(self) -> str:
        """Return the first sentence of why it is shown."""
        first, dot, _ = self.reasons.words[0].partition(". ") if self.reasons.words else ("", "", "")
        return first + dot.rstrip()

    @property
    def rest(self) -> str:
        """Return what else is said."""
        effects = self.effects
        return " ".join(one for one in self.reasons.words if one not in effects)[len(self.short) :].strip()


def places(answer: Explained, other: Explained | None) -> list[Place]:
    """Return the answer's items with how each place differs from the other answer."""
    if other is None:
        return [Place(one) for one in answer.explanations]
    there = {item: place for place, item in enumerate(other.items, start=1)}
    return [
        Place(one, alone=one.item_id not in there, moved=there.get(one.item_id, one.place) - one.place)
        for one in answer.explanations
    ]
