"""Taking rows in, whatever they hold: every one judged, every batch delivered in file order, until the end or told to stop.

While one batch is on its way to the log the next one is read and judged; it is sent when the one before it has been
answered, so rows are appended in file order.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from headrace.errors import Rejected, Unavailable
from headrace.events.types import Event
from headrace.importer.outcome import Outcome, Refusal, Refusals
from headrace.importer.ports import Door
from headrace.importer.rows import Broken, Row, Source
from headrace.log.port import Verdict

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0


class Planned(Protocol):
    """A file that was looked through and can be taken in."""

    @property
    def source(self) -> Source:
        """Return where its rows come from."""
        ...


File = TypeVar("File", bound=Planned)


class Watcher(Protocol):
    """Is told how an import goes."""

    def advanced(self, file: Planned, outcome: Outcome) -> None:
        """Hear that a batch was delivered."""
        ...

    def waiting(self, reason: str, seconds: float) -> None:
        """Hear that the log is away and that the batch is sent again in so many seconds."""
        ...


class _Judged(NamedTuple):
    row: Row
    event: Event


class _Stopped(Exception):
    """The batch that could not be delivered was given up, because the import was told to stop."""


class Taker(ABC, Generic[File]):
    """Takes files in; its ``outcome`` is true at any time. Who inherits says which event a row is.

    ``history`` and ``conflict``: how the door keeps the ids, and what is said of a row whose id is taken by other content.
    """

    conflict: str

    def __init__(
        self,
        door: Door,
        refusals: Refusals,
        watcher: Watcher,
        *,
        batch_size: int,
        limit: int | None = None,
        history: bool = False,
    ) -> None:
        self._door = door
        self._refusals = refusals
        self._watcher = watcher
        self._batch_size = batch_size
        self._limit = limit
        self._history = history
        self._stop = asyncio.Event()
        self.outcome = Outcome()

    @property
    def stopping(self) -> bool:
        """Return whether it was told to stop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Finish the batch under way and end there."""
        self._stop.set()

    async def load(self, files: Sequence[File]) -> Outcome:
        """Take the files in one after the other and return what became of their rows."""
        for file in files:
            if not self._at_limit():
                await self._load(file)
            if self.outcome.interrupted:
                break
        return self.outcome

    async def _load(self, file: File) -> None:
        self._begin(file)
        rows = file.source.rows()
        under_way: asyncio.Task[None] | None = None
        more = True
        try:
            while more and not self._stop.is_set():
                batch, more = self._judged_batch(file, rows.__next__)
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

    def _judged_batch(self, file: File, next_row: Callable[[], Row]) -> tuple[list[_Judged], bool]:
        """Return the next batch of good rows, and whether there may be more behind it."""
        batch: list[_Judged] = []
        while len(batch) < self._batch_size:
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
            if row.trouble is not None:
                self._refuse(file, row, row.trouble)
                continue
            event = self._judged(file, row)
            if event is not None:
                batch.append(_Judged(row, event))
        return batch, True

    def _begin(self, file: File) -> None:
        """Hear that a file's rows come from now on."""

    @abstractmethod
    def _judged(self, file: File, row: Row) -> Event | None:
        """Return the event that a row is; None where it was refused or skipped, and counted as that."""

    async def _deliver(self, file: File, batch: list[_Judged]) -> None:
        verdicts = await self._accepted([judged.event for judged in batch]) if batch else []
        for (row, _), verdict in zip(batch, verdicts, strict=True):
            match verdict:
                case Verdict.OK:
                    self.outcome.new += 1
                case Verdict.DUPLICATE:
                    self.outcome.duplicates += 1
                case Verdict.CONFLICT:
                    self.outcome.conflicts += 1
                    self._refuse(file, row, self.conflict)
        self._watcher.advanced(file, self.outcome)

    async def _accepted(self, events: list[Event]) -> list[Verdict]:
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

    def _refuse(self, file: File, row: Row, reason: str) -> None:
        self.outcome.refused += 1
        self._refusals.add(Refusal(file.source.name, row.number, reason, row.values))

    def _at_limit(self) -> bool:
        return self._limit is not None and self.outcome.read >= self._limit


def reason(rejected: Rejected) -> str:
    """Return what the door has against a row, in a line."""
    named = "; ".join(f"{v.path}: {v.message}" if v.path else v.message for v in rejected.violations)
    return named or rejected.title
