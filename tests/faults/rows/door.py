"""What the door takes and what it refuses: by age, and by every bad input that is named."""

import asyncio
import unittest
from time import time_ns
from typing import Final

from headrace import wiring
from tests.api.test_bad_inputs import BAD_QUERIES, BAD_RECO, bad_events
from tests.faults.client import Client
from tests.faults.journal import Journal, Told
from tests.faults.rows.poison import append
from tests.faults.trial import Trial, Tried, counted, drain_and_judge
from tests.stream.world import T0, record, view

DAY_MS: Final = 86_400_000
YEAR_MS: Final = 365 * DAY_MS
TESTS_OF_BAD_INPUTS: Final = ("tests.api.test_bad_inputs", "tests.api.test_limits", "tests.api.test_server")


async def ages(trial: Trial) -> Tried:
    """Send events of 29 and 31 days ago, 4 and 6 minutes ahead; and year-old records behind the door, all of them applied."""
    tried, number = Tried(), trial.size(1000, 100)
    async with trial.site() as site:
        api = await site.api()
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        client, now_ms = Client(api.port), time_ns() // 1_000_000
        for name, ts_ms, expected in (
            ("29-days-old", now_ms - 29 * DAY_MS, 200),
            ("31-days-old", now_ms - 31 * DAY_MS, 422),
            ("4-min-ahead", now_ms + 4 * 60_000, 200),
            ("6-min-ahead", now_ms + 6 * 60_000, 422),
        ):
            body = f'{{"event_id":"{name}","user_id":"anna","item_id":"{name}","event_type":"click","ts":{ts_ms}}}'
            status = (await client.post("/event", body.encode())).status
            journal.note(name, name, Told.OK if status == 200 else Told.REFUSED)
            tried.hold(status == expected, f"{name} was answered {status}")
            tried.how_often += 1
        client.close()
        old = [
            view(f"item {n % 50}", user=f"user {n % 70}", event_id=f"year-old-{n}", ts_ms=T0 - YEAR_MS + n)
            for n in range(number)
        ]
        for event in old:
            journal.note(event.event_id, event.item_id, Told.OK)
        async with wiring.opened(site.settings) as (ground, _):
            await append(ground.log, [record(event) for event in old])
        await drain_and_judge(site, journal, tried)
        tried.note = f"and {number} year-old records behind the door, all applied"
    return tried


async def bad_inputs(trial: Trial) -> Tried:
    """Send every bad input of the list to the product, where none may be stored; and run the tests of them, which say more."""
    tried = Tried()
    async with trial.site() as site:
        api = await site.api()
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        client = Client(api.port)
        for name, route, body in bad_events():
            answer = await client.post(route, body.encode() if isinstance(body, str) else body)
            tried.hold(answer.status in {400, 422}, f"{name} at {route} was answered {answer.status}")
            tried.how_often += 1
        queries = [f"/{view}?{query}" for query in BAD_QUERIES for view in ("reco", "recommend")]
        for path in (*queries, *(f"/reco?{query}" for query in BAD_RECO)):
            answer = await client.get(path)
            tried.hold(answer.status == 422, f"{path[:60]} was answered {answer.status}")
            tried.how_often += 1
        client.close()
        await counted(site, journal, api.port, "good-after-all")  # the oracle finds this one and nothing else
        await drain_and_judge(site, journal, tried)
    tried.note = "no 500, and nothing but a good one after them is stored"
    if trial.scale < 1:  # a quick look: they run with all tests
        return tried
    suite = unittest.defaultTestLoader.loadTestsFromNames(TESTS_OF_BAD_INPUTS)
    result = await asyncio.to_thread(suite.run, unittest.TestResult())
    tried.wrong.extend(f"{case}: {text.splitlines()[-1]}" for case, text in [*result.errors, *result.failures])
    tried.hold(result.testsRun, "no test was found")
    tried.note += f"; and {result.testsRun} tests"
    return tried
