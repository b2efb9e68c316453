"""What goes on in one space: everybody has the same ids everywhere, and does something else in each."""

import http.client
import json
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tests.acceptance.town import Town

USERS: Final = 40
ITEMS: Final = 60
HEADER: Final = "X-Headrace-Space"


class Space:
    """One space of a town, spoken to by several clients at once; remembers all that it was sent and all that it said."""

    def __init__(self, town: Town, name: str, seed: int) -> None:
        self.name = name
        self.label = "" if name == "default" else name
        self.chance = random.Random(seed)
        self.own_item = f"only-in-{name}"
        self.interactions: dict[str, tuple[str, str]] = {}
        self.watches: dict[str, tuple[str, str]] = {}
        self.shown: dict[str, tuple[str, list[str]]] = {}
        self.asked = 0
        self.counted: Counter[str] = Counter()
        self.versions: set[str] = set()
        self._town = town
        self._headers = {"Content-Type": "application/json"} | ({HEADER: name} if name != "default" else {})
        self._since_ms = time.time_ns() // 1_000_000 - 3_600_000

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status and the JSON of an answer; every call is counted as the API counts it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._town.port, timeout=30)
        try:
            return self._call(connection, method, path, body)
        finally:
            connection.close()

    def _call(self, connection: http.client.HTTPConnection, method: str, path: str, body: object) -> tuple[int, Any]:
        connection.request(method, path, None if body is None else json.dumps(body), self._headers)
        answer = connection.getresponse()
        read = answer.read()
        if path.partition("?")[0] not in {"/readyz", "/healthz"}:
            self.counted[f"{answer.status // 100}xx"] += 1
        kind = answer.headers.get_content_type()
        return answer.status, read.decode() if kind == "text/plain" else json.loads(read)

    def ask(self, user: str) -> list[str]:
        """Return what a user is shown; that is recorded as an impression."""
        connection = http.client.HTTPConnection("127.0.0.1", self._town.port, timeout=30)
        try:
            return self._ask(connection, user)
        finally:
            connection.close()

    def live(self, clients: int, events: int) -> None:
        """Send so many events, a third of them watches in batches, and ask in between; each is a client's on a connection."""
        numbers = [list(range(client, events, clients)) for client in range(clients)]
        plans = [[self._plan(number) for number in mine] for mine in numbers]
        with ThreadPoolExecutor(clients) as pool:
            for done in [pool.submit(self._client, plan) for plan in plans]:
                done.result()

    def _plan(self, number: int) -> tuple[str, dict[str, object]]:
        """Return what one number is in this space: the id is the same everywhere, the rest is drawn here."""
        chance = self.chance
        user, item = f"user-{chance.randrange(USERS)}", f"item-{int(ITEMS * chance.random() ** 2)}"
        if chance.random() < 0.1:
            item = self.own_item
        event_id, ts = f"event-{number:06}", self._since_ms + number * 100
        common: dict[str, object] = {"event_id": event_id, "user_id": user, "item_id": item, "session_id": f"s-{user}"}
        if number % 3:
            self.interactions[event_id] = (user, item)
            kind = chance.choice(("view", "click", "purchase"))
            return "/event", common | {"event_type": kind, "ts": ts}
        self.watches[event_id] = (user, item)
        more = {"event_type": "watch", "request_id": "r-1", "ts_ms": ts, "watch_time_sec": chance.uniform(10, 90)}
        return "/log/batch", common | more

    def _client(self, plan: list[tuple[str, dict[str, object]]]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._town.port, timeout=30)
        batch: list[dict[str, object]] = []
        try:
            for number, (path, event) in enumerate(plan):
                if path == "/event":
                    self._expect(self._call(connection, "POST", path, event), "ok")
                else:
                    batch.append(event)
                if len(batch) == 20 or (batch and number + 1 == len(plan)):
                    self._expect(self._call(connection, "POST", "/log/batch", {"events": batch}), "ok")
                    batch = []
                if number % 10 == 0:
                    self._ask(connection, f"user-{number % USERS}")
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, user: str) -> list[str]:
        status, answer = self._call(connection, "GET", f"/reco?user_id={user}&session_id=s&k=20", None)
        if status != http.client.OK:
            raise AssertionError(f"/reco in {self.name}: {status} {answer}")
        self.asked += 1
        self.versions.add(answer["model_version"].partition("@")[0])
        items: list[str] = answer["items"]
        if items:
            self.shown[answer["request_id"]] = (user, items)
        return items

    def _expect(self, answer: tuple[int, Any], said: str) -> None:
        if answer[0] != http.client.OK or answer[1]["status"] != said:
            raise AssertionError(f"in {self.name}: {answer}")
