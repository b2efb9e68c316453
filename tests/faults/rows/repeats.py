"""The same event more than once, and the same id with another payload."""

import asyncio
import json
import random
from collections import Counter
from time import time_ns
from typing import Final

from headrace import wiring
from tests.faults.client import Client, Unheard
from tests.faults.journal import Journal, Told
from tests.faults.rows.poison import append
from tests.faults.site import Process
from tests.faults.trial import Trial, Tried, drain_and_judge
from tests.stream.world import record, view

EVENTS: Final = 2000
AT_ONCE: Final = 200


def _watch(event_id: str, item: str, user: str) -> str:
    return (
        f'{{"event_type":"watch","event_id":"{event_id}","user_id":"{user}","session_id":"s","request_id":"r",'
        f'"item_id":"{item}","ts_ms":{time_ns() // 1_000_000 - 5000},"watch_time_sec":9}}'
    )


def _single(event_id: str, item: str, user: str, ts_ms: int) -> bytes:
    text = f'{{"event_id":"{event_id}","user_id":"{user}","item_id":"{item}","event_type":"click","ts":{ts_ms}}}'
    return text.encode()


async def the_same_event(trial: Trial) -> Tried:
    """Send each event one to five times: in one request with others, across requests, 200 at once, across a restart."""
    tried, chance = Tried(), random.Random(trial.seed)
    async with trial.site() as site:
        api = await site.api()
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        texts: dict[str, str] = {}
        for number in range(trial.size(EVENTS, 60)):
            name, item = f"repeat-{number:06}", f"item {chance.randrange(50)}"
            texts[name] = _watch(name, item, f"user {chance.randrange(40)}")
            journal.note(name, item, Told.REFUSED)
        sent = list(texts)
        copies = [name for name in sent for _ in range(chance.randrange(1, 6))]
        chance.shuffle(copies)
        half = len(copies) // 2
        await _batches(journal, api, texts, copies[:half], tried)
        await api.kill()
        api = await site.api(port=api.port)
        await _batches(journal, api, texts, copies[half:], tried)
        api_two = await site.api()
        bodies = [_single(f"at-once-{chance.randrange(10**9):09}", "item 1", "anna", time_ns() // 1_000_000) for _ in range(2)]
        said = await _at_once(journal, bodies[0], [api], tried) + await _at_once(journal, bodies[1], [api, api_two], tried)
        twice = await _twice_in_one_batch(api)
        tried.hold(twice == 422, f"an id twice in one batch was answered {twice}")
        await drain_and_judge(site, journal, tried)
        tried.hold(
            said.total() == said["ok"] + said["duplicate"] == 2 * AT_ONCE, f"{AT_ONCE} at once, twice, heard {dict(said)}"
        )
        late = [one for body in bodies for one in await _heard(body, [api, api_two])]
        tried.hold(set(late) == {"duplicate"}, f"sent again after all was applied, it heard {late}")
        if trial.log == "postgres":
            tried.hold(said == Counter(ok=2, duplicate=2 * AT_ONCE - 2), f"{AT_ONCE} at once, twice, heard {dict(said)}")
        tried.note = (
            f"{len(sent)} events sent {len(copies)} times; {AT_ONCE} at once, to one API and to two, heard {dict(said)}"
        )
    return tried


async def _batches(journal: Journal, api: Process, texts: dict[str, str], copies: list[str], tried: Tried) -> None:
    client = Client(api.port)
    for start in range(0, len(copies), 50):
        names = list(dict.fromkeys(copies[start : start + 50]))
        body = '{"events":[' + ",".join(texts[name] for name in names) + "]}"
        answer = await client.post("/log/batch", body.encode())
        tried.hold(answer.status == 200, f"a batch of repeats was answered {answer.status}")
        for name in names:
            journal.note(name, journal.items[name], Told.OK)
        tried.how_often += len(names)
    client.close()


async def _at_once(journal: Journal, body: bytes, apis: list[Process], tried: Tried) -> Counter[str]:
    """Send one event from two hundred connections at once, to these in turn; return what they heard."""
    event = json.loads(body)
    heard = Counter(await _heard(body, [apis[number % len(apis)] for number in range(AT_ONCE)]))
    for one in heard:
        journal.note(event["event_id"], event["item_id"], Told.OK if one in {"ok", "duplicate"} else Told.UNKNOWN)
    tried.how_often += AT_ONCE
    return heard


async def _heard(body: bytes, apis: list[Process]) -> list[str]:
    """Send an event to each of these at once, over a connection of its own; return what was heard, a status where it failed."""

    async def send(api: Process) -> str:
        client = Client(api.port)
        try:
            answer = await client.post("/event", body)
            return str(answer.json()["status"]) if answer.status == 200 else str(answer.status)
        except Unheard:
            return "unheard"
        finally:
            client.close()

    return await asyncio.gather(*map(send, apis))


async def _twice_in_one_batch(api: Process) -> int:
    client = Client(api.port)
    text = _watch("twice-in-one", "never", "anna")
    status = (await client.post("/log/batch", f'{{"events":[{text},{text}]}}'.encode())).status
    client.close()
    return status


async def another_payload(trial: Trial) -> Tried:
    """Send a known id with another payload by the door, where it is refused, and behind it, where it is a dead letter."""
    tried, chance = Tried(), random.Random(trial.seed)
    number, answers = trial.size(200, 10), Counter[int]()
    async with trial.site() as site:
        api = await site.api()
        site.start("worker")
        journal = Journal(names=site.settings.log.names)
        client = Client(api.port)
        ts_ms = time_ns() // 1_000_000
        for n in range(number):
            name, item = f"conflict-{n:05}", f"item {chance.randrange(20)}"
            first = await client.post("/event", _single(name, item, f"user {n % 30}", ts_ms))
            assert first.status == 200, first
            journal.note(name, item, Told.OK)
        for n in range(number):
            second = await client.post("/event", _single(f"conflict-{n:05}", "another item", f"user {n % 30}", ts_ms))
            answers[second.status] += 1
        client.close()
        behind = [
            record(view("another", user=f"user {n % 30}", event_id=f"conflict-{n:05}", ts_ms=ts_ms)) for n in range(number)
        ]
        for one in behind:
            journal.plant(one.topic, one.value)
        async with wiring.opened(site.patient) as (ground, _):
            await append(ground.log, behind)
        tried.how_often = 2 * number
        await drain_and_judge(site, journal, tried)
        tried.hold(answers == Counter({422: number}), f"the second payloads were answered {dict(answers)}")
    return tried
