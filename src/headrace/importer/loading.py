"""Taking files in: every row judged, every batch delivered in file order, until the end or until it is told to stop.

While one batch is on its way to the log the next one is read and judged; it is sent when the one before it has been
answered, so the rows of a user are appended in file order.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from headrace.clock import Clock
from headrace.errors import Rejected, Unavailable
from headrace.events.types import Interaction, Watch
from headrace.importer.identity import RowIds
from headrace.importer.mapping import SKIP, Mode
from headrace.importer.outcome import Outcome, Refusal, Refusals
from headrace.importer.ports import Door, Judge
from headrace.importer.rows import Broken, Row
from headrace.importer.survey import Surveyed
from headrace.importer.values import text
from headrace.log.port import Verdict

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_CONFLICT: Final = (
    "its event id is taken by an event with other content: the row was imported before with another mapping or shift, "
    "or the file uses the id twice"
)


class Watcher(Protocol):
    """Is told how an import goes."""

    def advanced(self, file: Surveyed, outcome: Outcome) -> None:
        """Hear that a batch was delivered."""
        ...

    def waiting(self, reason: str, seconds: float) -> None:
        """Hear that the log is away and that the batch is sent again in so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How rows are taken: their mode, the shift of their times, how many a batch, and how many at most."""

    mode: Mode
    shift_ms: int = 0
    batch_size: int = 1000
    limit: int | None = None


class _Judged(NamedTuple):
    row: Row
    event: Interaction | Watch


class _Stopped(Exception):
    """The batch that could not be delivered was given up, because the import was told to stop."""


class Loader:
    """Takes surveyed files in; its ``outcome`` is true at any time."""

    def __init__(
        self, judge: Judge, door: Door, clock: Clock, pace: Pace, refusals: Refusals, watcher: Watcher, *, max_age_ms: int
    ) -> None:
        self._judge = judge
        self._door = door
        self._clock = clock
        self._pace = pace
        self._refusals = refusals
        self._watcher = watcher
        self._max_age_ms = max_age_ms
        # Whatever is declared to be old is judged and kept as history, moved or not: then even an import repeated after
        # the door has forgotten its live ids counts nothing twice.
        self._history = pace.mode is not Mode.LIVE
        self._stop = asyncio.Event()
        self.outcome = Outcome()

    @property
    def stopping(self) -> bool:
        """Return whether it was told to stop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Finish the batch under way and end there."""
        self._stop.set()

    async def load(self, files: Sequence[Surveyed]) -> Outcome:
        """Take the files in one after the other and return what became of their rows."""
        for file in files:
            if not self._at_limit():
                await self._load(file)
            if self.outcome.interrupted:
                break
        return self.outcome

    async def _load(self, file: Surveyed) -> None:
        ids = RowIds()
        rows = file.source.rows()
        under_way: asyncio.Task[None] | None = None
        more = True
        try:
            while more and not self._stop.is_set():
                batch, more = self._judged_batch(file, rows.__next__, ids)
                if under_way is not None:
                    await under_way
                under_way = asyncio.create_task(self._deliver(file, batch))
                # Lets the batch leave for the log before the next one is read.
                await asyncio.sleep(0)
            if under_way is not None:
                await under_way
        except _Stopped:
            pass
        self.outcome.interrupted = self.outcome.interrupted or (more and self._stop.is_set())

    def _judged_batch(self, file: Surveyed, next_row: Callable[[], Row], ids: RowIds) -> tuple[list[_Judged], bool]:
        """Return the next batch of good rows, and whether there may be more behind it."""
        batch: list[_Judged] = []
        while len(batch) < self._pace.batch_size:
            if self._at_limit():
                return batch, False
            try:
                row = next_row()
            except StopIteration:
                return batch, False
            except Broken as error:
                self.outcome.broken = f"{file.source.name}: {error}"
                return batch, False
            self.outcome.read += 1
            event = self._judged(file, row, ids)
            if event is not None:
                batch.append(_Judged(row, event))
        return batch, True

    def _judged(self, file: Surveyed, row: Row, ids: RowIds) -> Interaction | Watch | None:
        if row.trouble is not None:
            self._refuse(file, row, row.trouble)
            return None
        mapping = file.mapping
        # Every readable row is numbered among its equals, skipped or not: which types are skipped must not change the ids.
        own_id = row.values.get(mapping.bound.get("event_id", "")) if "event_id" in mapping.bound else None
        event_id = ids.id_of(row.values) if own_id is None or own_id == "" else None
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
            self._refuse(file, row, _reason(rejected))
            if not self._history and self._only_too_old(fields):
                self.outcome.too_old += 1
            return None
        if self._pace.mode is Mode.SHIFTED and event.ts_ms < self._clock.now_ms() - self._max_age_ms:
            self.outcome.moved_still_old += 1
        return event

    async def _deliver(self, file: Surveyed, batch: list[_Judged]) -> None:
        verdicts = await self._accepted([judged.event for judged in batch]) if batch else []
        for (row, _), verdict in zip(batch, verdicts, strict=True):
            match verdict:
                case Verdict.OK:
                    self.outcome.new += 1
                case Verdict.DUPLICATE:
                    self.outcome.duplicates += 1
                case Verdict.CONFLICT:
                    self.outcome.conflicts += 1
                    self._refuse(file, row, _CONFLICT)
        self._watcher.advanced(file, self.outcome)

    async def _accepted(self, events: list[Interaction | Watch]) -> list[Verdict]:
        """Send until it is answered: what a lost answer had taken in already comes back as a duplicate."""
        wait = _FIRST_WAIT_S
        while True:
            try:
                return await self._door.accept(events, atomic=False, history=self._history)
            except Unavailable as unavailable:
                self._watcher.waiting(str(unavailable), wait)
            try:
                await asyncio.wait_for(self._stop.wait(), wait)
            except TimeoutError:
                wait = min(2 * wait, _LONGEST_WAIT_S)
            else:
                self.outcome.interrupted = True
                raise _Stopped

    def _only_too_old(self, fields: dict[str, object]) -> bool:
        try:
            event = self._judge.row(fields, history=True)
        except Rejected:
            return False
        return event.ts_ms < self._clock.now_ms()

    def _refuse(self, file: Surveyed, row: Row, reason: str) -> None:
        self.outcome.refused += 1
        self._refusals.add(Refusal(file.source.name, row.number, reason, row.values))

    def _at_limit(self) -> bool:
        return self._pace.limit is not None and self.outcome.read >= self._pace.limit


def _reason(rejected: Rejected) -> str:
    named = "; ".join(f"{v.path}: {v.message}" if v.path else v.message for v in rejected.violations)
    return named or rejected.title
