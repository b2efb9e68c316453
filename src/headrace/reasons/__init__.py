"""What a part says of one item: a sentence, and the numbers behind it, in a form whose sums can be checked."""

from math import prod
from typing import TypeAlias

import msgspec

Figure: TypeAlias = bool | int | float | str | list[str] | None


class Term(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something that is added to a score.

    ``item_id`` names the item of the user's that speaks here; ``figures`` are the numbers that ``adds`` is made of.
    """

    name: str
    adds: float
    words: str = ""
    item_id: str | None = None
    figures: dict[str, Figure] = {}


class Factor(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something that a score is multiplied by."""

    name: str
    times: float
    words: str = ""


class Take(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What would have a part propose an item that it does not; ``item_id`` is the item of an event that would do it."""

    words: str
    item_id: str | None = None
    figures: dict[str, Figure] = {}


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one part did to one item, or why it did nothing for it, in a sentence and in numbers.

    Where it changed the item's score, the score behind it is (the score before + all terms) x all factors. ``about`` is the
    item of the user's whose events are the reason, where there is one that no term names.
    """

    words: str
    terms: list[Term] = []
    factors: list[Factor] = []
    figures: dict[str, Figure] = {}
    takes: list[Take] = []
    about: str | None = None

    def changed(self, score: float) -> float:
        """Return the score that an item of this score has behind the part."""
        return (score + sum(term.adds for term in self.terms)) * prod(factor.times for factor in self.factors)
