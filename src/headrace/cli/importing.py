"""``headrace import``: files of events, taken in through the door like any other."""

import asyncio
import signal
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from rich.console import Console

from headrace import config, telemetry, wiring
from headrace.cli.complaints import Complaint
from headrace.cli.database import database
from headrace.clock import Clock, SystemClock
from headrace.config import Settings
from headrace.events.contract import Contract
from headrace.importer.loading import Loader, Pace
from headrace.importer.mapping import FIELDS, KINDS, SKIP, Mode, Options, pairs
from headrace.importer.opening import Format, opened
from headrace.importer.outcome import Outcome, Refusals
from headrace.importer.ports import Door, Drain, Judge
from headrace.importer.rehearsal import Rehearsal
from headrace.importer.rows import Unusable
from headrace.importer.screen import Screen
from headrace.importer.shift import shift_for
from headrace.importer.summary import hints, plan_lines, summary
from headrace.importer.survey import Surveyed, digest_of, survey
from headrace.importer.times import TimeFormat

_DAY_MS = 86_400_000
_REFUSED = 1
_USAGE = 2
_INTERRUPTED = 130


def import_file(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="CSV, JSON Lines or Parquet, gzipped or not; - is standard input.")
    ],
    *,
    map_: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Which column holds a field; may be repeated.")
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="THEIRS=OURS",
            help="What an event type is: view, click, purchase, watch or skip; may be repeated.",
        ),
    ] = None,
    event_type: Annotated[
        str | None, typer.Option(metavar="KIND", help="The event type of every row, where no column says it.")
    ] = None,
    ts_format: Annotated[
        TimeFormat, typer.Option(help="How times are written; auto tells seconds, milliseconds and ISO 8601 apart.")
    ] = TimeFormat.AUTO,
    file_format: Annotated[
        Format | None, typer.Option("--format", help="The files' format, where the ending does not tell it.")
    ] = None,
    as_history: Annotated[bool, typer.Option("--as-history", help="Take in old rows with the times they have.")] = False,
    shift_to_now: Annotated[bool, typer.Option("--shift-to-now", help="Move all times so that the newest row is now.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only judge, and show the first rows as they would go in.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many rows.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows go to the log at once.")] = 1000,
    errors: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every refused row there, with its line and reason.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the features reflect every row.")] = True,
) -> None:
    """Take in files of events.

    Every row goes through the same door as a live event, and counts once however often it is imported. Rows that the door
    refuses are reported with their line and reason; the others go in. Ctrl-C finishes the batch under way.

        headrace import clicks.csv --map user_id=visitor --map ts=time --event-type click --as-history
        headrace import ratings.parquet --type rating_5=purchase --type rating_4=click --type rating_1=skip --shift-to-now

    Exit code 0: all rows are in. 1: some were refused. 2: nothing was done, as something must be written differently.
    """
    clock = SystemClock()
    screen = Screen(Console(), clock)
    settings = config.read()
    # A person reads this screen: what a worker on the way has to say at INFO belongs to a server's log.
    quiet = "WARNING" if settings.telemetry.log_level == "INFO" else settings.telemetry.log_level
    telemetry.configure(replace(settings.telemetry, log_level=quiet))
    try:
        options = _options(map_ or [], type_ or [], event_type, ts_format, as_history=as_history, shift_to_now=shift_to_now)
        with ExitStack() as stack:
            sources = [stack.enter_context(opened(name, file_format, sys.stdin.buffer)) for name in files]
            with screen.gauge():
                surveyed = [survey(source, options, screen.surveying) for source in sources]
            for line in (line for file in surveyed for line in plan_lines(file)):
                screen.say(line)
            refusals = Refusals(screen.refused, stack.enter_context(_writable(errors)) if errors else None)
            pace = Pace(options.mode, 0, batch_size, limit)
            run = _Import(settings, clock, screen, options, surveyed, refusals, pace)
            if dry_run:
                outcome = asyncio.run(run.rehearse())
            else:
                ready = stack.enter_context(database(settings))
                outcome = asyncio.run(run.perform(ready, wait=wait))
    except Unusable as unusable:
        typer.echo(str(unusable), err=True)
        raise typer.Exit(_USAGE) from None
    if outcome.interrupted:
        raise typer.Exit(_INTERRUPTED)
    if outcome.refused or outcome.broken:
        raise typer.Exit(_REFUSED)


@dataclass(frozen=True, slots=True)
class _Import:
    """One call of the command, after everything that can be said without the database has been said."""

    settings: Settings
    clock: Clock
    screen: Screen
    options: Options
    files: list[Surveyed]
    refusals: Refusals
    pace: Pace

    async def rehearse(self) -> Outcome:
        """Judge every row and show the first ones."""
        door = Rehearsal()
        pace = self.pace
        if self.options.mode is Mode.SHIFTED:
            pace = replace(pace, shift_ms=self.clock.now_ms() - self._newest_ms())
        loader = self._loader(Contract(self.settings.limits, self.clock), door, pace)
        outcome = await self._load(loader, rehearsed=True)
        for event in door.first:
            self.screen.say(msgspec.json.encode(event).decode())
        return outcome

    async def perform(self, settings: Settings, *, wait: bool) -> Outcome:
        """Take the files in, then wait until the stream has applied them."""
        await wiring.migrate(settings)
        async with wiring.importing(settings) as parts:
            pace = self.pace
            if self.options.mode is Mode.SHIFTED:
                digest = digest_of(self.files, self.options)
                shift = await shift_for(parts.shifts, digest, self._newest_ms(), self.clock.now_ms())
                pace = replace(pace, shift_ms=shift.shift_ms)
                days = f"{shift.shift_ms / _DAY_MS:,.1f} days"
                again = ", as when they were imported first" if shift.remembered else ": the newest row is now"
                self.screen.say(f"times are moved by {days}{again}")
            outcome = await self._load(self._loader(parts.contract, parts.intake, pace), rehearsed=False)
            if not outcome.new and not outcome.duplicates:
                self.screen.say("Nothing was taken in.")
            elif wait and not outcome.interrupted:
                await self._drain(parts.drain)
            return outcome

    def _loader(self, judge: Judge, door: Door, pace: Pace) -> Loader:
        return Loader(judge, door, self.clock, pace, self.refusals, self.screen, max_age_ms=self.settings.limits.max_age_ms)

    async def _load(self, loader: Loader, *, rehearsed: bool) -> Outcome:
        began = self.clock.monotonic()
        with self.screen.gauge():
            loading = asyncio.create_task(loader.load(self.files))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._interrupt, loader, loading)
            with suppress(asyncio.CancelledError):
                await loading
        for line in summary(loader.outcome, self.clock.monotonic() - began, rehearsed=rehearsed):
            self.screen.say(line)
        for line in hints(loader.outcome, self.options.mode, self.settings.limits.max_age_ms):
            self.screen.say(line)
        return loader.outcome

    def _interrupt(self, loader: Loader, loading: "asyncio.Task[Outcome]") -> None:
        if loader.stopping:
            loader.outcome.interrupted = True
            loading.cancel()
            return
        loader.stop()
        self.screen.say("finishing the batch under way (Ctrl-C again: give it up)")

    async def _drain(self, drain: Drain) -> None:
        most = 0

        def report(left: int) -> None:
            nonlocal most
            most = max(most, left)
            self.screen.draining(left, most)

        began = self.clock.monotonic()
        with self.screen.gauge():
            draining = asyncio.ensure_future(drain(report))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, draining.cancel)
            try:
                await draining
            except asyncio.CancelledError:
                self.screen.say("Not waiting any longer. All rows are in the log; a worker applies the rest.")
                return
        self.screen.say(f"applied: the features reflect every row, after {self.clock.monotonic() - began:.1f} s more")

    def _newest_ms(self) -> int:
        # Files given together move together, so that they keep their distances.
        return max(file.newest_ms or 0 for file in self.files)


def _options(
    maps: list[str], types: list[str], kind: str | None, time_format: TimeFormat, *, as_history: bool, shift_to_now: bool
) -> Options:
    if as_history and shift_to_now:
        raise Unusable("--as-history keeps the times and --shift-to-now moves them: give one of the two.")
    if kind is not None and kind not in KINDS:
        raise Unusable(f"--event-type {kind}: write one of {', '.join(KINDS)}.")
    mode = Mode.HISTORY if as_history else Mode.SHIFTED if shift_to_now else Mode.LIVE
    columns = pairs("--map", maps, allowed_left=FIELDS)
    kinds = pairs("--type", types, allowed_right=(*KINDS, SKIP))
    return Options(columns, kinds, kind, time_format, mode)


def _writable(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise Complaint(f"{path} cannot be written: {error.strerror}.") from None
