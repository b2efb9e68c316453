"""``headrace worker``: one worker as a process of its own."""

from typing import Annotated

import typer
import uvloop

from headrace import config, telemetry
from headrace import worker as the_worker
from headrace.cli.attachment import die_with_parent
from headrace.cli.database import database


def worker(
    *,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True, help="Stop when the parent process ends.")] = False,
    space: Annotated[
        str | None, typer.Option("--space", metavar="NAME", help="Work on this space alone; without it, on all.")
    ] = None,
) -> None:
    """Start one worker; several share the work.

    It takes over its share of the partitions, gives them back on SIGTERM, and waits for a database that is away.

        headrace worker
        headrace worker --space shop                        on one space alone
        KAFKA_WORKER_GROUP_ID=replay-2 headrace worker      a replay into a generation of its own
    """
    if with_parent:
        die_with_parent()
    settings = config.read(space=space)
    telemetry.configure(settings.telemetry)
    with database(settings) as settings:
        uvloop.run(the_worker.run(settings))
