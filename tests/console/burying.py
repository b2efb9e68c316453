"""Poison for the running product: records that another writer put into the log beside the door."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headrace import config, wiring
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.log.port import NewRecord
from tests.acceptance.town import Town


def bury(town: Town, *records: NewRecord, space: str = "default") -> None:
    """Append records to the log of a running product, past the door."""

    async def append(url: str) -> None:
        own = {name: value for name, value in town.environment.items() if name == "HEADRACE_SPACES"}
        settings = config.read({"DATABASE_URL": url, "LOG_LEVEL": "ERROR", **own})
        async with wiring.looked_at(settings.of(space)) as (ground, _):
            await ground.log.append(list(records), atomic=False)

    home = Path(town.environment["HEADRACE_HOME"])
    with EmbeddedPostgres(home) as url, ThreadPoolExecutor(1) as aside:  # this thread may have the browser's loop
        aside.submit(asyncio.run, append(url)).result()
