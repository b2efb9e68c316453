"""Which candidates may not be shown."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.pipeline import Candidates, Query
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Seen:
    """Leaves out what the user has consumed lately, as far back as the history reaches."""

    name: str = "seen"

    def allow(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.bool_]:
        """Return true for candidates that are not in the user's history."""
        return _not_among(picture, candidates, [entry.item_id for entry in query.recent])


@dataclass(frozen=True, slots=True)
class Latest:
    """Leaves out the item of the user's newest event alone: where revisits are wanted, they are still looking at that one."""

    name: str = "latest"

    def allow(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.bool_]:
        """Return true for all candidates but that item."""
        return _not_among(picture, candidates, [entry.item_id for entry in query.recent[:1]])


@dataclass(frozen=True, slots=True)
class Excluded:
    """Leaves out what the request asks to leave out."""

    name: str = "excluded"

    def allow(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.bool_]:
        """Return true for candidates that the request does not exclude."""
        return _not_among(picture, candidates, list(query.exclude))


def _not_among(picture: Picture, candidates: Candidates, item_ids: list[str]) -> NDArray[np.bool_]:
    numbers = [number for item_id in item_ids if (number := picture.numbers.get(item_id)) is not None]
    return ~np.isin(candidates.items, np.array(numbers, dtype=np.int32))
