"""What an explanation asks of whoever keeps the tables. An explanation does without if need be."""

from collections.abc import Collection
from typing import Protocol

from headrace.features.changes import HistoryState, PairState


class Evidence(Protocol):
    """Reads a generation's tables. Every method raises ``Unavailable``."""

    async def histories(self, generation: int, users: Collection[str]) -> list[HistoryState]:
        """Return the stored histories of these users; one without is left out."""
        ...

    async def pairs(self, generation: int, item_id: str, others: Collection[str]) -> list[PairState]:
        """Return how an item stands to these others; one that it never met is left out."""
        ...
