"""A seeded client under load: single events, batches, changes of items, repeats, refused ones; it writes the journal."""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import time_ns
from typing import Final, NamedTuple

from tests.faults.client import Answer, Client, Unheard
from tests.faults.journal import Journal, Told

ITEMS: Final = 2000
ACTS_OF_A_USER: Final = 8
GIVEN_UP: Final = 0.02
"""Share of uncertain requests that the client does not send again, so that the journal keeps some unknown."""

LONG_AGO_MS: Final = 31 * 86_400_000


class Sent(NamedTuple):
    """An event as it is sent: its id, the item it names first, its JSON."""

    event_id: str
    item: str
    text: str


@dataclass(slots=True)
class Seen:
    """What the load saw beside the journal."""

    requests: int = 0
    refusals_expected: int = 0
    unavailable: int = 0
    """503 answers."""

    without_retry_after: int = 0
    unheard: int = 0
    odd: list[str] = field(default_factory=list)
    """Answers that no fault excuses: a 500, a refusal of a good event, a success of a bad one."""


class Load:
    """Sends so many events to some addresses, as fast as they are taken, from several connections at once."""

    def __init__(
        self,
        journal: Journal,
        ports: Sequence[int],
        *,
        seed: int,
        events: int,
        batch: int = 500,
        senders: int = 4,
        name: str = "load",
        per_second: float | None = None,
    ) -> None:
        self.journal = journal
        self.seen = Seen()
        self.sent = 0
        self._ports = list(ports)
        self._events = events
        self._batch = batch
        self._senders = senders
        self._name = name
        self._chance = random.Random(seed)
        self._users = max(20, events // ACTS_OF_A_USER)
        self._pace_s = None if per_second is None else batch * senders / per_second
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Send nothing new; what was begun is finished."""
        self._stopping.set()

    async def run(self) -> None:
        """Send all events and return when every one is acknowledged, or given up after an uncertain answer."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._senders):
                group.create_task(self._send(number))

    def make(self, chance: random.Random) -> Sent:
        """Return the next event: mostly watches, some impressions."""
        number = self.sent
        self.sent += 1
        event_id = f"{self._name}-{number:09}"
        user = chance.randrange(self._users)
        item = f"i{min(int(chance.paretovariate(0.8)), ITEMS)}"
        head = (
            f'"event_id":"{event_id}","user_id":"u{user}","session_id":"s{user}","request_id":"r{user}-{number % 3}",'
            f'"ts_ms":{time_ns() // 1_000_000 - 1000}'
        )
        if chance.random() < 0.06:
            items = list(dict.fromkeys([item, *(f"i{chance.randrange(1, ITEMS)}" for _ in range(3))]))
            shown = ",".join(f'{{"item_id":"{one}","position":{place}}}' for place, one in enumerate(items))
            return Sent(event_id, item, f'{{"event_type":"impression",{head},"items":[{shown}]}}')
        return Sent(
            event_id, item, f'{{"event_type":"watch",{head},"item_id":"{item}","watch_time_sec":{chance.randrange(200)}}}'
        )

    def make_single(self, chance: random.Random) -> Sent:
        """Return the next event of ``POST /event``."""
        number = self.sent
        self.sent += 1
        event_id, item = f"{self._name}-{number:09}", f"i{min(int(chance.paretovariate(0.8)), ITEMS)}"
        kind = chance.choice(("view", "click", "purchase"))
        user = chance.randrange(self._users)
        return Sent(
            event_id,
            item,
            f'{{"event_id":"{event_id}","user_id":"u{user}","item_id":"{item}","event_type":"{kind}",'
            f'"ts":{time_ns() // 1_000_000 - 1000}}}',
        )

    def make_change(self, chance: random.Random) -> Sent:
        """Return the next change of the catalogue, for ``PUT /items/{item_id}``."""
        number = self.sent
        self.sent += 1
        event_id, item = f"{self._name}-{number:09}", f"i{min(int(chance.paretovariate(0.8)), ITEMS)}"
        return Sent(event_id, item, f'{{"title":"as of {number}","attributes":{{"number":{number}}}}}')

    async def _send(self, number: int) -> None:
        chance = random.Random(self._chance.random() + number)
        client = Client(self._ports[number % len(self._ports)])
        earlier: deque[Sent] = deque(maxlen=200)
        loop = asyncio.get_running_loop()
        begun, rounds = loop.time(), 0
        try:
            while self.sent < self._events and not self._stopping.is_set():
                fresh = [self.make(chance) for _ in range(max(1, min(self._batch, self._events - self.sent)))]
                again = [chance.choice(earlier)] if earlier and chance.random() < 0.3 else []
                await self._until_told(client, chance, "/log/batch", [*fresh, *again])
                earlier.extend(fresh[-5:])
                if self._batch > 1 and self.sent < self._events:
                    await self._until_told(client, chance, "/event", [self.make_single(chance)])
                if chance.random() < 0.2 and self.sent < self._events:
                    change = self.make_change(chance)
                    await self._until_told(client, chance, f"/items/{change.item}?event_id={change.event_id}", [change])
                if chance.random() < 0.05:
                    await self._until_told(client, chance, "/log/batch", fresh)  # sent again as a whole: changes nothing
                if chance.random() < 0.05:
                    await self._be_refused(client, chance)
                rounds += 1
                if self._pace_s is not None:
                    await _pause(self._stopping, begun + rounds * self._pace_s - loop.time())
        finally:
            client.close()

    async def _until_told(self, client: Client, chance: random.Random, path: str, events: Sequence[Sent]) -> None:
        text = events[0].text if path != "/log/batch" else '{"events":[' + ",".join(one.text for one in events) + "]}"
        body, wait_s = text.encode(), 0.05
        while True:
            told, answer = await self._ask(client, path, body)
            for one in events:
                self.journal.note(one.event_id, one.item, told)
            if told is Told.OK:
                return
            if told is Told.REFUSED:
                self.seen.odd.append(f"{path}: {answer.status if answer else ''} {answer.body[:200] if answer else b''!r}")
                return
            if chance.random() < GIVEN_UP:
                return
            await asyncio.sleep(wait_s)  # a client's back-off
            wait_s = min(2 * wait_s, 1.0)

    async def _be_refused(self, client: Client, chance: random.Random) -> None:
        one = self.make_single(chance)
        old = one.text.replace('"ts":', f'"ts":{time_ns() // 1_000_000 - LONG_AGO_MS},"x":')
        told, _ = await self._ask(client, "/event", old.encode())
        self.journal.note(one.event_id, one.item, told)
        self.seen.refusals_expected += told is Told.REFUSED
        if told is Told.OK:
            self.seen.odd.append(f"taken although 31 days old: {one.event_id}")

    async def _ask(self, client: Client, path: str, body: bytes) -> tuple[Told, Answer | None]:
        self.seen.requests += 1
        try:
            answer = await (client.put if path.startswith("/items/") else client.post)(path, body)
        except Unheard:
            self.seen.unheard += 1
            return Told.UNKNOWN, None
        if answer.status == 503:
            self.seen.unavailable += 1
            self.seen.without_retry_after += "retry-after" not in answer.headers
        elif answer.status >= 500:
            self.seen.odd.append(f"{path}: {answer.status} {answer.body[:200]!r}")
        if 200 <= answer.status < 300:
            return Told.OK, answer
        return (Told.REFUSED if 400 <= answer.status < 500 else Told.UNKNOWN), answer


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    if seconds > 0:
        try:
            await asyncio.wait_for(stopping.wait(), seconds)
        except TimeoutError:
            return
