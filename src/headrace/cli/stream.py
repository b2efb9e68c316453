"""``headrace stream``: how far the stream is, letting halted partitions go on, moving to another log."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headrace import config, telemetry, wiring
from headrace.cli.chosen import Space
from headrace.cli.database import database
from headrace.config import Settings


class Action(StrEnum):
    """What to do with the stream."""

    STATUS = "status"
    RESUME = "resume"
    SWITCH = "switch"


def stream(
    action: Annotated[
        Action,
        typer.Argument(help="status: where each partition stands; resume: let halted ones go on; switch: to another log."),
    ],
    partitions: Annotated[list[int] | None, typer.Argument(help="Which ones resume; without any, all that are halted.")] = None,
    *,
    drained: Annotated[
        bool, typer.Option("--drained", help="switch: nothing waits in the Kafka that is left; we cannot look there any more.")
    ] = False,
    space: Space = None,
) -> None:
    """Show where each partition stands, let halted partitions go on, or move to another log.

    A partition halts when too many of its records in a row cannot be applied: then something is wrong with the sender or with
    this version, and nothing is dropped meanwhile. Mend that first; records that still cannot be applied become dead letters.

        headrace stream status
        headrace stream resume                        all that are halted
        headrace stream resume 3 5                    these alone

    Resuming holds whether or not a worker is alive: whoever owns the partition next lets the bad stretch pass.

    The log that KAFKA_BOOTSTRAP names must be the one that the features were made from. To go over to Kafka, to another cluster
    or back, set it, stop the workers and switch: the group then stands at the begin of the other log. What the embedded log
    still holds is carried to Kafka; an event that comes again that way is known by its id.

        KAFKA_BOOTSTRAP=kafka:9092 headrace stream switch
    """
    settings = config.read(space=space)
    telemetry.configure(settings.telemetry)
    with database(settings) as settings:
        if action is Action.STATUS:
            asyncio.run(_status(settings))
        elif action is Action.RESUME:
            asyncio.run(_resume(settings, partitions or None))
        else:
            asyncio.run(_switch(settings, drained=drained))


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


async def _switch(settings: Settings, *, drained: bool) -> None:
    switched = await wiring.switch(settings, drained=drained)
    if switched.generations:
        typer.echo(f"Moved {switched.generations} generations from {switched.before} to the begin of {switched.now}.")
    else:
        typer.echo(f"Nothing to move: the group stands in {switched.now} or has no features yet.")
