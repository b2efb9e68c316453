"""``headrace spaces``: which spaces there are, and taking one away."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from headrace import config, telemetry, wiring
from headrace.cli.complaints import Complaint
from headrace.cli.database import database
from headrace.cli.envelopes import json_of


def spaces() -> None:
    """List the spaces, or take one away.

    A space is a catalogue of its own: events, items, features, recipes and settings that no other space sees. HEADRACE_SPACES
    names a TOML file with a section for each; requests name theirs in the header X-Headrace-Space.

        headrace spaces list
        headrace spaces drop shop
    """


def list_(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the spaces that are declared, and those that are not but still have their data.

    headrace spaces list
    headrace spaces list --json
    """
    settings = config.read()
    telemetry.configure(settings.telemetry)
    with database(settings) as settings:
        found = asyncio.run(wiring.known_spaces(settings))
    if as_json:
        typer.echo(json_of({"spaces": [asdict(one) for one in found]}))
        return
    table = Table("space", "schema", "declared", "generations", "size", "processes at work")
    for one in found:
        size = f"{one.size / 1e6:,.1f} MB" if one.generations else "nothing yet"
        table.add_row(one.space, one.schema, "yes" if one.declared else "no", str(one.generations), size, str(one.at_work))
    Console().print(table)


def drop(
    space: Annotated[str, typer.Argument(metavar="NAME", help="The space.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a space away for good: its tables in Postgres and its topics in Kafka, with all that is in them.

    Refused while a process is at work on it. The default space cannot be dropped.

        headrace spaces drop shop
    """
    settings = config.read()
    telemetry.configure(settings.telemetry)
    if not yes:
        if not sys.stdin.isatty():
            raise Complaint(f"this would drop the space {space} with all its data; say --yes")
        typed = typer.prompt(f"All data of the space {space} will be gone for good. Type its name to go on", err=True)
        if typed != space:
            raise Complaint("that is not its name; nothing was dropped")
    with database(settings) as settings:
        dropped = asyncio.run(wiring.drop_space(settings, space))
    if not dropped.schemas and not dropped.topics:
        raise Complaint(f"there is no space {space} with any data; headrace spaces list")
    for what, names in (("schemas", dropped.schemas), ("topics", dropped.topics)):
        if names:
            typer.echo(f"Dropped the {what} {', '.join(names)}.")


PARTS: Final[Mapping[str, Callable[..., None]]] = {"list": list_, "drop": drop}
