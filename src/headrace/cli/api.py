"""``headrace api``: the API as a process of its own."""

from typing import Annotated

import typer
import uvloop

from headrace import config, telemetry, wiring
from headrace.api import server
from headrace.cli.attachment import die_with_parent
from headrace.cli.database import database
from headrace.cli.ports import check_free, is_loopback
from headrace.config import Settings
from headrace.console import hosting


def api(
    *,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True, help="Stop when the parent process ends.")] = False,
) -> None:
    """Start the API alone.

    Events are taken at once; they change answers when a worker runs beside it (`headrace worker`).

        headrace api
        API_PORT=9000 headrace api
        API_EMBEDDED_WORKER_ENABLED=true headrace api      with the worker inside
    """
    if with_parent:
        die_with_parent()
    settings = config.read()
    telemetry.configure(settings.telemetry)
    check_free(settings.api.host, settings.api.port)
    if not is_loopback(settings.api.host):
        telemetry.log.warning(
            "api_open", message=f"the API listens on {settings.api.host}: whoever reaches it can use it, there are no keys"
        )
    if settings.console.open:
        telemetry.log.warning(
            "console_open", message="the console answers to whoever reaches the API, and its buttons work: there are no keys"
        )
    with database(settings) as settings:
        uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    spaces = hosting.spaces(settings)
    async with wiring.api_spaces(settings, spaces):
        await server.serve(spaces)
