"""``headrace items``: the catalogue as a file, read in and written out."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console

from headrace import config, wiring
from headrace.cli.chosen import Space
from headrace.cli.complaints import Complaint
from headrace.cli.database import database
from headrace.cli.taking import Taking, done, looked_through, quietly, usable, writable
from headrace.clock import Clock, SystemClock
from headrace.config import Settings
from headrace.importer.catalogue.cells import KINDS
from headrace.importer.catalogue.columns import FIELDS, ItemFile, ItemOptions, look_through
from headrace.importer.catalogue.loading import ItemLoader
from headrace.importer.catalogue.writing import Spool
from headrace.importer.mapping import pairs
from headrace.importer.opening import Format, format_of
from headrace.importer.outcome import Outcome, Refusals
from headrace.importer.rehearsal import Rehearsal
from headrace.importer.rows import Source
from headrace.importer.screen import Screen
from headrace.serving.identity import new_id


def items() -> None:
    """Take items of a catalogue in from a file, or write the catalogue to one.

    CSV, JSON Lines and Parquet, a row an item. What was written can be taken in again, here or elsewhere.

        headrace items import products.csv
        headrace items export catalogue.parquet
    """


def import_(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="CSV, JSON Lines or Parquet, gzipped or not; - is standard input.")
    ],
    *,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Which column holds a field of the item; may be repeated."),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=COLUMN", help="Which attribute a column is, where it has another name; may be repeated."),
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="NAME=KIND", help="What an attribute is: text, number, boolean, list or time."),
    ] = None,
    skip: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="Leave a column out; may be repeated.")] = None,
    file_format: Annotated[
        Format | None, typer.Option("--format", help="The files' format, where the ending does not tell it.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only judge, and show the first rows as they would go in.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many rows.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows go to the log at once.")] = 1000,
    errors: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every refused row there, with its line and reason.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the catalogue holds every row.")] = True,
    space: Space = None,
) -> None:
    """Take in files of items: each row puts its item whole, through the log like any change of the catalogue.

    The columns item_id, title, categories, available, available_from, available_until and group are what their names say; all
    others are attributes. A file imported again changes nothing more. Refused rows are told with their line and reason; the
    others go in. Items that no row names stay as they are. Ctrl-C finishes the batch under way.

        headrace items import products.csv --map item_id=sku --map categories=section --type size=text
        headrace items import products.parquet --attribute price="Price in EUR" --dry-run

    Exit code 0: all rows are in. 1: some were refused. 2: nothing was done, as something must be written differently.
    """
    clock = SystemClock()
    screen = Screen(Console(), clock)
    settings = quietly(config.read(space=space))
    with usable():
        options = _options(map_ or [], attribute or [], type_ or [], skip or [])

        def look(source: Source) -> ItemFile:
            return look_through(source, options, screen.surveying)

        with looked_through(files, file_format, errors, screen, look, ItemFile.plan) as (planned, refusals):
            run = _Import(clock, screen, planned, refusals, batch_size, limit)
            done(run, settings, rehearsed=dry_run, wait=wait)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; the ending tells the format.")],
    *,
    file_format: Annotated[
        Format | None, typer.Option("--format", help="The format, where the ending does not tell it.")
    ] = None,
    space: Space = None,
) -> None:
    """Write the catalogue to a file, as it stands at one moment: all items that are there, those not shown now as well.

    What is written can be taken in again and gives the same catalogue. A file that is there is replaced when the new one
    is whole.

        headrace items export catalogue.jsonl
        headrace items export catalogue.parquet --space shop
    """
    clock = SystemClock()
    screen = Screen(Console(), clock)
    settings = quietly(config.read(space=space))
    spool = Spool()
    part = file.with_name(f".{file.name}.part")
    try:
        with usable():
            chosen = file_format or format_of(str(file), written=True)
        writable(part).close()  # before any work is done
        with database(settings) as ready:
            asyncio.run(_spooled(ready, spool, screen))
        spool.write(part, chosen)
        part.replace(file)
    except OSError as error:
        raise Complaint(f"{file} cannot be written: {error.strerror}.") from None
    finally:
        spool.close()
        part.unlink(missing_ok=True)
    screen.say(f"{spool.size:,} items are in {file}")


async def _spooled(settings: Settings, spool: Spool, screen: Screen) -> None:
    with screen.gauge():
        async with wiring.whole_catalogue(settings) as pages:
            size, entries = pages
            async for page in entries:
                spool.add(page)
                screen.exporting(spool.size, size)


@dataclass(frozen=True, slots=True)
class _Import:
    """One call of the command."""

    clock: Clock
    screen: Screen
    files: list[ItemFile]
    refusals: Refusals
    batch_size: int
    limit: int | None

    async def rehearse(self) -> Outcome:
        """Judge every row and show the first ones."""
        door = Rehearsal()
        loader = ItemLoader(door, new_id, self.refusals, self.screen, batch_size=self.batch_size, limit=self.limit)
        outcome = await Taking(self.screen, self.clock).load(loader, self.files, rehearsed=True)
        for event in door.first:
            self.screen.say(msgspec.json.encode(event).decode())
        return outcome

    async def perform(self, settings: Settings, *, wait: bool) -> Outcome:
        """Take the files in, then wait until the stream has applied them."""
        await wiring.migrate(settings)
        async with wiring.importing(settings) as parts:
            loader = ItemLoader(parts.intake, new_id, self.refusals, self.screen, batch_size=self.batch_size, limit=self.limit)
            taking = Taking(self.screen, self.clock)
            outcome = await taking.load(loader, self.files, rehearsed=False)
            if not outcome.new:
                self.screen.say("Nothing was taken in.")
            elif wait and not outcome.interrupted:
                await taking.drain(parts.drain, "the catalogue holds every row")
            return outcome


def _options(maps: list[str], attributes: list[str], types: list[str], skipped: list[str]) -> ItemOptions:
    columns = pairs("--map", maps, allowed_left=FIELDS)
    kinds = pairs("--type", types, allowed_right=KINDS)
    return ItemOptions(columns, pairs("--attribute", attributes), kinds, frozenset(skipped))


PARTS: Final[Mapping[str, Callable[..., None]]] = {"import": import_, "export": export}
