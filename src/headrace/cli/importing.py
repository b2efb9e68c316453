"""``headrace import``: files of events, taken in through the door like any other."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from headrace import config, wiring
from headrace.cli.chosen import Space
from headrace.cli.taking import Taking, done, looked_through, quietly, usable
from headrace.clock import Clock, SystemClock
from headrace.config import Settings
from headrace.events.contract import Contract
from headrace.importer.loading import Loader, Pace
from headrace.importer.mapping import Mode, Options
from headrace.importer.mapping import options as read_options
from headrace.importer.opening import Format
from headrace.importer.outcome import Outcome, Refusals
from headrace.importer.ports import Door, Judge
from headrace.importer.rehearsal import Rehearsal
from headrace.importer.rows import Source, Unusable
from headrace.importer.screen import Screen
from headrace.importer.shift import shift_for
from headrace.importer.summary import hints, plan_lines
from headrace.importer.survey import Surveyed, digest_of, survey
from headrace.importer.times import TimeFormat

_DAY_MS = 86_400_000


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
    space: Space = None,
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
    settings = quietly(config.read(space=space))
    with usable():
        options = _options(map_ or [], type_ or [], event_type, ts_format, as_history=as_history, shift_to_now=shift_to_now)
        pace = Pace(options.mode, 0, batch_size, limit)

        def look(source: Source) -> Surveyed:
            return survey(source, options, screen.surveying)

        with looked_through(files, file_format, errors, screen, look, plan_lines) as (surveyed, refusals):
            run = _Import(settings, clock, screen, options, surveyed, refusals, pace)
            done(run, settings, rehearsed=dry_run, wait=wait)


@dataclass(frozen=True, slots=True)
class _Import:
    """One call of the command."""

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
                await self._taking.drain(parts.drain, "the features reflect every row")
            return outcome

    def _loader(self, judge: Judge, door: Door, pace: Pace) -> Loader:
        return Loader(judge, door, self.clock, pace, self.refusals, self.screen, max_age_ms=self.settings.limits.max_age_ms)

    async def _load(self, loader: Loader, *, rehearsed: bool) -> Outcome:
        await self._taking.load(loader, self.files, rehearsed=rehearsed)
        for line in hints(loader.outcome, self.options.mode, self.settings.limits.max_age_ms):
            self.screen.say(line)
        return loader.outcome

    @property
    def _taking(self) -> Taking:
        return Taking(self.screen, self.clock)

    def _newest_ms(self) -> int:
        # Files given together move together, so that they keep their distances.
        return max(file.newest_ms or 0 for file in self.files)


def _options(
    maps: list[str], types: list[str], kind: str | None, time_format: TimeFormat, *, as_history: bool, shift_to_now: bool
) -> Options:
    if as_history and shift_to_now:
        raise Unusable("--as-history keeps the times and --shift-to-now moves them: give one of the two.")
    mode = Mode.HISTORY if as_history else Mode.SHIFTED if shift_to_now else Mode.LIVE
    return read_options(maps, types, kind, time_format, mode)
