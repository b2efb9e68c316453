"""The events behind a history: memory knows their items, kinds and times, the tables their ids."""

from collections import defaultdict
from collections.abc import Iterable

from headrace.features import history
from headrace.features.changes import HistoryState
from headrace.features.history import Entry
from headrace.serving.explaining.told import PastEvent
from headrace.snapshot import packed
from headrace.snapshot.packed import Remembered
from headrace.snapshot.picture import Picture


class Past:
    """A user's or a session's events as an answer knew them, newest first."""

    def __init__(self, known: Remembered, picture: Picture, pending: Iterable[Entry]) -> None:
        self._steps = known.steps()[::-1]
        self._ids = picture.ids
        self._entries = {packed.key(entry.event_id): entry for entry in pending}

    def named(self, stored: Iterable[HistoryState]) -> None:
        """Take the events' ids from the stored histories."""
        for state in stored:
            for entry in history.decode(state.entries):
                self._entries.setdefault(packed.key(entry.event_id), entry)

    def events(self) -> list[PastEvent]:
        """Return the events, newest first."""
        return [self._event(step) for step in self._steps]

    def by_item(self) -> dict[str, list[PastEvent]]:
        """Return each item's events, newest first."""
        found: dict[str, list[PastEvent]] = defaultdict(list)
        for event in self.events():
            if event.item_id is not None:
                found[event.item_id].append(event)
        return found

    def _event(self, step: packed.Step) -> PastEvent:
        entry = self._entries.get(step.event)
        item_id = self._ids[step.item] if step.item >= 0 else None
        if entry is None:
            return PastEvent(None, item_id, step.action, step.ts_ms)
        return PastEvent(entry.event_id, entry.item_id, step.action, step.ts_ms, entry.session_id)
