"""A door in memory that keeps the log's promises, and what an import of a small file needs besides it."""

from collections.abc import Sequence
from pathlib import Path

from headrace.clock import FixedClock
from headrace.errors import Unavailable
from headrace.events.codec import payload_hash
from headrace.events.contract import Contract, Limits
from headrace.events.types import Event, Interaction, Watch
from headrace.importer.loading import Loader, Pace
from headrace.importer.mapping import Mode, Options
from headrace.importer.opening import source_of
from headrace.importer.outcome import Outcome, Refusal, Refusals
from headrace.importer.survey import Surveyed, survey
from headrace.importer.taking import Planned
from headrace.log.port import Verdict

NOW_MS = 1_760_000_000_000
DAY_MS = 86_400_000


class MemoryDoor:
    """Takes each id once, in order; away when told to be, with or without having taken what it was sent."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.batches: list[int] = []
        self.away_before = 0
        self.answers_lost = 0
        self._hashes: dict[str, bytes] = {}

    async def accept(self, events: Sequence[Event], *, atomic: bool = True, history: bool = False) -> list[Verdict]:
        """Append what is new."""
        assert not atomic
        self.history = history
        if self.away_before:
            self.away_before -= 1
            raise Unavailable("postgres", "it is being restarted")
        self.batches.append(len(events))
        verdicts = [self._take(event) for event in events]
        if self.answers_lost:
            self.answers_lost -= 1
            raise Unavailable("postgres", "the connection was lost")
        return verdicts

    def _take(self, event: Event) -> Verdict:
        known = self._hashes.setdefault(event.event_id, payload_hash(event))
        if known != payload_hash(event):
            return Verdict.CONFLICT
        if any(other.event_id == event.event_id for other in self.events):
            return Verdict.DUPLICATE
        self.events.append(event)
        return Verdict.OK


class MemoryShifts:
    """Remembers shifts for as long as the test lasts."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}

    async def get(self, digest: str) -> int | None:
        """Return what was kept."""
        return self.kept.get(digest)

    async def put(self, digest: str, shift_ms: int) -> int:
        """Keep the first."""
        return self.kept.setdefault(digest, shift_ms)


class Quiet:
    """Hears how an import goes; ``on_batch`` may act on it."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.advances = 0

    def advanced(self, file: Planned, outcome: Outcome) -> None:
        """Count a batch."""
        assert file.source.position <= file.source.size
        assert outcome.read > 0
        self.advances += 1

    def waiting(self, reason: str, seconds: float) -> None:
        """Keep how long it waits."""
        assert reason
        self.waits.append(seconds)


def options(
    mode: Mode = Mode.HISTORY,
    *,
    columns: dict[str, str] | None = None,
    kinds: dict[str, str] | None = None,
    kind: str | None = None,
) -> Options:
    """Return options as a command line would."""
    return Options(columns or {}, kinds or {}, kind, mode=mode)


def surveyed(path: Path, wanted: Options) -> Surveyed:
    """Return a file that was looked through."""
    return survey(source_of(path, path.name, None), wanted, lambda _: None)


class Import:
    """One import into a door: what became of it, and which rows were refused."""

    def __init__(self, door: MemoryDoor, pace: Pace, now_ms: int = NOW_MS) -> None:
        self.refusals: list[Refusal] = []
        self.watcher = Quiet()
        clock, limits = FixedClock(now_ms), Limits()
        refusals = Refusals(self.refusals.append)
        judge = Contract(limits, clock)
        self.loader = Loader(judge, door, clock, pace, refusals, self.watcher, max_age_ms=limits.max_age_ms)

    async def take(self, path: Path, wanted: Options) -> Outcome:
        """Take a file in."""
        return await self.loader.load([surveyed(path, wanted)])


async def imported(door: MemoryDoor, path: Path, wanted: Options, shift_ms: int = 0) -> tuple[Outcome, list[Refusal]]:
    """Take a file in and return what became of it, with the rows that were refused."""
    run = Import(door, Pace(wanted.mode, shift_ms))
    return await run.take(path, wanted), run.refusals


def only(event: Event) -> Interaction | Watch:
    """Return an event that an import can make."""
    assert isinstance(event, Interaction | Watch)
    return event
