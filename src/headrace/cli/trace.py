"""``headrace trace``: what became of one event, as a timeline."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.live import Live

from headrace import config, telemetry, wiring
from headrace.cli import traced
from headrace.cli.chosen import Space
from headrace.cli.complaints import Complaint
from headrace.cli.database import database
from headrace.cli.envelopes import json_of
from headrace.config import Settings
from headrace.events.codec import LONGEST_ID
from headrace.stream.letters import State
from headrace.stream.receipts import Receipt, Status
from headrace.wiring.receipts import Receipts

LOOK_S: Final = 0.2
UNKNOWN: Final = 1
"""The exit code where nothing is known of the event."""


@dataclass(slots=True)
class _Shown:
    """The last receipt that was looked up; None where nothing is known."""

    receipt: Receipt | None = None


def trace(
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The event's id.", show_default=False)],
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until answers know of it, or it is put aside.")] = False,
    patience: Annotated[float, typer.Option("--patience", min=0, help="How many seconds --follow waits at most; 60.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as GET /events/{event_id} answers it.")] = False,
    space: Space = None,
) -> None:
    """Show what became of an event: taken, applied, visible to answers; or why not.

    Where it stands in the log, with which batch it was applied, which API process answers from it since when at the latest;
    what it waits for; the dead letter it became. An answer of /reco that logged itself is the event auto-REQUEST_ID.

        headrace trace readme-4
        headrace trace auto-3022358f3f7e49ebb0e3020614955cb4 --json
        headrace trace readme-5 --follow
        headrace trace readme-4 --space shop

    Exits with 1 where nothing is known of the event, and where --follow has waited in vain. Reads the database, and on Kafka
    the log; no API need run.
    """
    if not 1 <= len(event_id) <= LONGEST_ID:
        raise Complaint(f"an event_id has 8 to 64 characters, and this one has {len(event_id)}")
    settings = config.read(space=space)
    telemetry.configure(settings.telemetry)
    with database(settings) as settings:
        receipt, done = asyncio.run(_run(settings, event_id, patience if follow else None, as_json=as_json))
    if as_json and receipt is not None:
        typer.echo(json_of(receipt))
    if receipt is None:
        typer.echo(f"headrace: nothing is known of {event_id!r}: {traced.NOT_KNOWN}", err=True)
    if receipt is None or not done:
        raise typer.Exit(UNKNOWN)


async def _run(settings: Settings, event_id: str, patience_s: float | None, *, as_json: bool) -> tuple[Receipt | None, bool]:
    """Return the receipt, and whether it is what was waited for; printed as a timeline unless it is wanted as JSON."""
    async with wiring.tracing(settings) as receipts:
        if patience_s is None:
            receipt = await receipts.receipt(event_id)
            if receipt is not None and not as_json:
                Console().print(traced.timeline(receipt))
            return receipt, True
        if as_json:
            return await _followed(receipts, event_id, patience_s, lambda _: None)
        with Live(console=Console(), auto_refresh=False) as screen:
            return await _followed(
                receipts, event_id, patience_s, lambda one: screen.update(traced.timeline(one), refresh=True)
            )


async def _followed(
    receipts: Receipts, event_id: str, patience_s: float, show: Callable[[Receipt], None]
) -> tuple[Receipt | None, bool]:
    """Look again and again, until nothing more will become of the event by itself, or for so many seconds."""
    shown = _Shown()
    try:
        async with asyncio.timeout(patience_s):
            while True:
                found = await receipts.receipt(event_id)
                if found is not None and found != shown.receipt:
                    show(found)
                shown.receipt = found
                if found is not None and _ended(found):
                    return found, True
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        return shown.receipt, False


def _ended(receipt: Receipt) -> bool:
    letters = receipt.dead_letters
    put_aside = receipt.status is Status.DEAD_LETTERED and letters[-1].state is not State.REDRIVEN
    return put_aside or receipt.status is Status.VISIBLE
