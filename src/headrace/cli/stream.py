"""``headrace stream``: how far the stream is, and letting halted partitions go on."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headrace import config, telemetry, wiring
from headrace.cli.database import database
from headrace.config import Settings


class Action(StrEnum):
    """What to do with the stream."""

    STATUS = "status"
    RESUME = "resume"


def stream(
    action: Annotated[Action, typer.Argument(help="status: where each partition stands; resume: let halted ones go on.")],
    partitions: Annotated[list[int] | None, typer.Argument(help="Which ones resume; without any, all that are halted.")] = None,
) -> None:
    """Show where each partition stands, or let halted partitions go on.

    A partition halts when too many of its records in a row cannot be applied: then something is wrong with the sender or with
    this version, and nothing is dropped meanwhile. Mend that first; records that still cannot be applied become dead letters.

        headrace stream status
        headrace stream resume                        all that are halted
        headrace stream resume 3 5                    these alone

    It holds whether or not a worker is alive: whoever owns the partition next lets the bad stretch pass.
    """
    settings = config.read()
    telemetry.configure(settings.telemetry)
    with database(settings) as settings:
        asyncio.run(_status(settings) if action is Action.STATUS else _resume(settings, partitions or None))


async def _status(settings: Settings) -> None:
    async with wiring.looked_at(settings) as (ground, generation):
        partitions = await ground.operations(generation).partitions()
        ends = await ground.log.ends()
    table = Table(
        "partition",
        "owner",
        "applied",
        "waiting",
        "dead",
        "halted",
        title=f"generation {generation.number}, group {generation.group_id}",
    )
    for one in partitions:
        waiting = sum(max(0, ends.get((topic, one.partition), 0) - at) for topic, at in one.positions.items())
        owner = one.owner if one.leased and one.owner else "nobody"
        table.add_row(str(one.partition), owner, f"{one.applied:,}", f"{waiting:,}", f"{one.dead:,}", one.halted or "")
    Console().print(table)


async def _resume(settings: Settings, partitions: list[int] | None) -> None:
    async with wiring.looked_at(settings) as (ground, generation):
        resumed = sorted(await ground.operations(generation).resume(partitions))
    if resumed:
        typer.echo(f"Going on: partitions {', '.join(map(str, resumed))}.")
    if left := sorted(set(partitions or []) - set(resumed)):
        typer.echo(f"Not halted: partitions {', '.join(map(str, left))}.")
    if not resumed and not left:
        typer.echo("No partition was halted.")
