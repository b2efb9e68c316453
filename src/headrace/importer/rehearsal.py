"""A door that lets nothing in: what ``--dry-run`` delivers to."""

from collections.abc import Sequence
from typing import Final

from headrace.events.types import Event
from headrace.log.port import Verdict

SHOWN: Final = 5


class Rehearsal:
    """Says ``ok`` to every event and keeps the first five to show; what the log holds already is not known to it."""

    def __init__(self) -> None:
        self.first: list[Event] = []

    async def accept(self, events: Sequence[Event], *, atomic: bool = True, history: bool = False) -> list[Verdict]:  # noqa: ARG002 -- the door's signature
        """Return ``ok`` for each event."""
        self.first += events[: SHOWN - len(self.first)]
        return [Verdict.OK] * len(events)
