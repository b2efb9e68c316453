"""``headrace migrate``: the tables, up to date."""

import asyncio

import typer

from headrace import config, telemetry, wiring
from headrace.cli.complaints import Complaint
from headrace.cli.database import database


def migrate() -> None:
    """Bring the database's tables up to date.

    Those of every space; one that is not as it must be is told of, and holds up no other. Harmless when they are, and safe
    beside running processes. `headrace run` does it by itself.

        headrace migrate
        DATABASE_URL=postgresql://me@db.example/reco headrace migrate
    """
    settings = config.read()
    telemetry.configure(settings.telemetry)
    with database(settings) as settings:
        broken = asyncio.run(wiring.migrate_all(settings))
    if broken:
        raise Complaint("; ".join(f"space {space}: {why}" for space, why in broken.items()))
    typer.echo("The tables are up to date.")
