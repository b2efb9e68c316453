"""Processes that are there before what they need."""

import asyncio
import contextlib
from contextlib import AsyncExitStack

from tests.faults.client import Client, Unheard
from tests.faults.journal import Journal
from tests.faults.load import Load
from tests.faults.rows.broker import own
from tests.faults.site import answers, until
from tests.faults.trial import Trial, Tried, drain_and_judge


async def before_all_else(trial: Trial) -> Tried:
    """Start API and worker ninety seconds before their database and their broker: both become ready by themselves."""
    tried, seconds = Tried(how_often=1), trial.size(90, 3)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(own(started=False)) if trial.log == "kafka" else None
        site = await stack.enter_async_context(trial.site(broker=broker, migrated=False))
        await asyncio.to_thread(site.postgres.stop)
        worker = site.start("worker")
        api = site.start("api")
        loop = asyncio.get_running_loop()
        began = loop.time()
        await until(lambda: answers(api.port), "the API lives")
        client = Client(api.port)
        while loop.time() < began + seconds:
            ready = await client.get("/readyz")
            tried.hold(ready.status == 503, f"/readyz said {ready.status} without a database")
            tried.hold(worker.ended is None and api.ended is None, "a process ended")
            await asyncio.sleep(1)
        tried.wrong = list(dict.fromkeys(tried.wrong))
        await site.start_postgres()
        if broker is not None:
            await asyncio.to_thread(broker.start)
        back = loop.time()
        await until(lambda: _ready(client), "/readyz says ready")
        tried.recovered(loop.time() - back)
        journal = Journal(names=site.settings.log.names)
        await Load(journal, [api.port], seed=trial.seed, events=1000, batch=50).run()
        await drain_and_judge(site, journal, tried)
        client.close()
    tried.note = f"{seconds} s; a database without a single table of ours"
    return tried


async def _ready(client: Client) -> bool:
    with contextlib.suppress(Unheard):
        return bool((await client.get("/readyz")).json().get("status") == "ready")
    return False
