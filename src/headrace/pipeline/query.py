"""What an answer is asked for: for whom, how many, under which rules, and what is known of them."""

from collections.abc import Mapping

import msgspec
import numpy as np

from headrace.expressions import Expression, Given
from headrace.pipeline.candidates import Numbers
from headrace.pipeline.ruling import Permitted
from headrace.rules.made import Rules
from headrace.snapshot.picture import MOST_POPULAR, Asked, Picture


class Query(msgspec.Struct, frozen=True):
    """What is asked: for whom, how many, and what is known of them. ``recent`` are their items, newest first, none twice.

    ``returns`` is which share of the user's latest steps led back to an item they had been at before.
    """

    user_id: str
    session_id: str | None
    request_id: str
    k: int
    named: tuple[str, ...] | None = ()
    """The recent items by name; None where a picture's numbers say it all."""

    exclude: frozenset[str] = frozenset()
    returns: float = 0.0
    known: tuple[Picture, Numbers] | None = None
    """The numbers that a picture gives the recent items, where somebody knows them already."""

    rules: tuple[Rules, ...] = ()
    """What is laid over the answer, whatever the recipe; of two that want the same place, the first has it."""

    only: Expression | None = None
    """What the request wants to be true of every item, over its own values ``given``."""

    given: Mapping[str, Given] = {}
    categories: tuple[str, ...] = ()
    """The categories that are being looked at, where the request tells."""

    pinning: bool = True
    """Whether rules may pin items."""

    def reach(self, picture: Picture) -> tuple[int, int]:
        """Return how many popular items fill an answer even when all recent ones are left out, and how many may be of use."""
        least = self.k + len(self.numbers(picture)) + len(self.exclude)
        return least, max(least, MOST_POPULAR) if self.rules or picture.catalogue.grouped else least

    def permitted(self, picture: Picture) -> Asked | None:
        """Return what must be true of every item by the request and the rules that are laid over it; None for nothing."""
        return Permitted(self.only, self.rules, picture) if self.rules else self.only

    @property
    def recent(self) -> tuple[str, ...]:
        """Return the recent items by name; one that the picture did not know has none."""
        if self.named is None and self.known is not None:
            picture, numbers = self.known
            return tuple([picture.ids[number] if number >= 0 else "" for number in numbers.tolist()])
        return self.named or ()

    def numbers(self, picture: Picture) -> Numbers:
        """Return the recent items' numbers in this picture, parallel to ``recent``; -1 for one that it does not know."""
        if self.known is None or self.known[0] is not picture:
            number = picture.numbers.get
            found = np.array([number(item_id, -1) for item_id in self.recent], np.int32)
            msgspec.structs.force_setattr(self, "known", (picture, found))
            return found
        return self.known[1]
