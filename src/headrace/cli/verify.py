"""``headrace verify``: the proof that the features are what the archive says."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from headrace import config, telemetry, wiring
from headrace.cli.chosen import Space
from headrace.cli.database import database
from headrace.config import Settings
from headrace.store.verification import Verification


def verify(
    *,
    generation: Annotated[
        int | None, typer.Option("--generation", metavar="N", help="Which generation; without it, the group's main one.")
    ] = None,
    examples: Annotated[int, typer.Option(min=0, max=10, help="How many differing rows of a table to show.")] = 3,
    space: Space = None,
) -> None:
    """Recompute all features from the archive and compare them with the live tables.

    Reads one consistent picture of the database and can run beside live traffic. Counts must be equal, decayed sums to a
    relative 1e-9. Exits with 0 when everything is equal, with 1 when anything differs.

        headrace verify
        headrace verify --generation 2      one that is being built, or is kept for the way back
    """
    settings = config.read(space=space)
    telemetry.configure(settings.telemetry)
    with database(settings) as settings:
        found = asyncio.run(_verify(settings, generation))
    _show(found, examples)
    if not found.equal:
        raise typer.Exit(1)


async def _verify(settings: Settings, generation: int | None) -> Verification:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,}/{task.total:,}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task("recomputing")
        async with wiring.verifying(settings, generation) as verifier:
            return await verifier.verify(
                lambda what, done, total: bar.update(task, description=what, completed=done, total=total)
            )


def _show(found: Verification, examples: int) -> None:
    console = Console()
    table = Table("table", "rows", "different", title=f"generation {found.generation}: {found.events:,} events recomputed")
    for column in table.columns[1:]:
        column.justify = "right"
    for one in found.comparisons:
        table.add_row(one.table, f"{one.rows:,}", f"{one.different:,}", style="red" if one.different else None)
    console.print(table)
    for one in found.comparisons:
        for example in one.examples[:examples]:
            console.print(f"{one.table} {example}", markup=False)
    if found.waiting:
        console.print(
            f"{found.waiting:,} acknowledged events are not counted yet: they wait in the log, or in a halted partition"
        )
    console.print("equal" if found.equal else "DIFFERENT", style="bold green" if found.equal else "bold red")
