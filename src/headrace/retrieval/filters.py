"""Which candidates may not be shown."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import lists
from headrace.pipeline import Candidates, Numbers, Query
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Seen:
    """Leaves out what the user has consumed lately, as far back as the history reaches."""

    name: str = "seen"

    def allow(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.bool_] | None:
        """Return true for candidates that are not in the user's history."""
        return _not_among(candidates, query.numbers(picture))


@dataclass(frozen=True, slots=True)
class Latest:
    """Leaves out the item of the user's newest event alone: where revisits are wanted, they are still looking at that one."""

    name: str = "latest"

    def allow(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.bool_] | None:
        """Return true for all candidates but that item."""
        return _not_among(candidates, query.numbers(picture)[:1])


@dataclass(frozen=True, slots=True)
class Excluded:
    """Leaves out what the request asks to leave out."""

    name: str = "excluded"

    def allow(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.bool_] | None:
        """Return true for candidates that the request does not exclude."""
        if not query.exclude:
            return None
        return _not_among(candidates, np.array([picture.numbers.get(item_id, -1) for item_id in query.exclude], np.int32))


def _not_among(candidates: Candidates, few: Numbers) -> NDArray[np.bool_] | None:
    return lists.absent(candidates.items, few) if len(few) else None
