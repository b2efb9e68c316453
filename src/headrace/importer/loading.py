"""Taking files of events in: every row judged like a live event, or as history."""

from dataclasses import dataclass
from typing import Final

from headrace.clock import Clock
from headrace.errors import Rejected
from headrace.events.types import Interaction, Watch
from headrace.importer.identity import RowIds
from headrace.importer.mapping import SKIP, Mode
from headrace.importer.outcome import Refusals
from headrace.importer.ports import Door, Judge
from headrace.importer.rows import Row
from headrace.importer.survey import Surveyed
from headrace.importer.taking import Taker, Watcher, reason
from headrace.importer.values import text

_CONFLICT: Final = (
    "its event id is taken by an event with other content: the row was imported before with another mapping or shift, "
    "or the file uses the id twice"
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How rows are taken: their mode, the shift of their times, how many a batch, and how many at most."""

    mode: Mode
    shift_ms: int = 0
    batch_size: int = 1000
    limit: int | None = None


class Loader(Taker[Surveyed]):
    """Takes surveyed files of events in."""

    conflict = _CONFLICT

    def __init__(
        self, judge: Judge, door: Door, clock: Clock, pace: Pace, refusals: Refusals, watcher: Watcher, *, max_age_ms: int
    ) -> None:
        # Whatever is declared to be old is judged and kept as history, moved or not: then even an import repeated after
        # the door has forgotten its live ids counts nothing twice.
        history = pace.mode is not Mode.LIVE
        super().__init__(door, refusals, watcher, batch_size=pace.batch_size, limit=pace.limit, history=history)
        self._judge = judge
        self._clock = clock
        self._pace = pace
        self._max_age_ms = max_age_ms
        self._ids = RowIds()

    def _begin(self, file: Surveyed) -> None:  # noqa: ARG002 -- each file counts its own repeats
        self._ids = RowIds()

    def _judged(self, file: Surveyed, row: Row) -> Interaction | Watch | None:
        mapping = file.mapping
        # Every readable row is numbered among its equals, skipped or not: which types are skipped must not change the ids.
        own_id = row.values.get(mapping.bound.get("event_id", "")) if "event_id" in mapping.bound else None
        event_id = self._ids.id_of(row.values) if own_id is None or own_id == "" else None
        try:
            kind = mapping.kind_of(row.values)
            if kind == SKIP:
                self.outcome.skipped += 1
                return None
            if kind is None:
                raw = text(row.values[mapping.kind_column or ""])
                self.outcome.unmapped[raw] += 1
                self._refuse(file, row, f"event_type: {raw!r} means nothing here")
                return None
            fields = mapping.fields(kind, mapping.ts_ms(row.values) + self._pace.shift_ms, row.values)
        except ValueError as error:
            self._refuse(file, row, str(error))
            return None
        if event_id is not None:
            fields["event_id"] = event_id
        try:
            event = self._judge.row(fields, history=self._history)
        except Rejected as rejected:
            self._refuse(file, row, reason(rejected))
            if not self._history and self._only_too_old(fields):
                self.outcome.too_old += 1
            return None
        if self._pace.mode is Mode.SHIFTED and event.ts_ms < self._clock.now_ms() - self._max_age_ms:
            self.outcome.moved_still_old += 1
        return event

    def _only_too_old(self, fields: dict[str, object]) -> bool:
        try:
            event = self._judge.row(fields, history=True)
        except Rejected:
            return False
        return event.ts_ms < self._clock.now_ms()
