"""``headrace migrate``: the tables, up to date."""

import asyncio

import typer

from headrace import config, telemetry, wiring
from headrace.cli.database import database


def migrate() -> None:
    """Bring the database's tables up to date.

    Harmless when they are, and safe beside running processes. `headrace run` does it by itself.

        headrace migrate
        DATABASE_URL=postgresql://me@db.example/reco headrace migrate
    """
    settings = config.read()
    telemetry.configure(settings.telemetry)
    with database(settings) as settings:
        asyncio.run(wiring.migrate(settings))
    typer.echo("The tables are up to date.")
