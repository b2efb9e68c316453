"""A small world behind the real HTTP server: an honest intake and recommender in memory, and a client."""

import asyncio
import dataclasses
import http.client
import json
import threading
import uuid
from collections.abc import Sequence
from typing import Any, Self

import msgspec
import numpy as np
import uvloop

from headrace.api import server
from headrace.api.services import (
    BaselineMetrics,
    FeatureLoop,
    Readiness,
    Services,
    WorkerFigures,
    WorkerRuntime,
    WorkerTopics,
)
from headrace.api.settings import ApiSettings
from headrace.clock import SystemClock
from headrace.errors import Unavailable
from headrace.events.codec import payload_hash
from headrace.events.contract import Contract, Limits
from headrace.events.items import Item, ItemChange, changed
from headrace.events.types import Event, Impression
from headrace.log.port import Verdict
from headrace.serving.recommender import Wish
from headrace.snapshot.attributes import Attributes


class Taken(msgspec.Struct):
    """An answer of the small world's recommender."""

    request_id: str
    items: list[str]
    model_version: str
    strategy: str
    sources: list[str]
    as_of_ms: int


class World:
    """Remembers what was sent, and recommends what others acted on most."""

    metrics_shown = True

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.recorded: list[str] = []
        self.away: str | None = None
        self.broken = False
        self.state = Readiness(status="ready")
        self.slow_s = 0.0
        self.at_once: set[str] = {"ada"}

    async def accept(self, events: Sequence[Event], *, atomic: bool = True) -> list[Verdict]:
        """Take events as the log promises to."""
        self._fail()
        await asyncio.sleep(self.slow_s)
        verdicts = []
        fresh: dict[str, Event] = {}
        for event in events:
            known = self.events.get(event.event_id) or fresh.get(event.event_id)
            if known is None:
                fresh[event.event_id] = event
                verdicts.append(Verdict.OK)
            else:
                verdicts.append(Verdict.DUPLICATE if payload_hash(known) == payload_hash(event) else Verdict.CONFLICT)
        if not (atomic and Verdict.CONFLICT in verdicts):
            self.events.update(fresh)
        return verdicts

    async def recommend(self, user_id: str, session_id: str | None, k: int, *, record: bool, wish: Wish | None = None) -> Taken:
        """Return the items most acted on that the user has not touched."""
        if wish is not None and wish.only is not None:
            wish.only.of(Attributes(), np.zeros(0, np.int32), wish.given)
        return self._recommend(user_id, session_id, k, record=record)

    def _recommend(self, user_id: str, session_id: str | None, k: int, *, record: bool) -> Taken:
        self._fail()
        if record:
            self.recorded.append(user_id)
        seen: set[str] = set()
        counts: dict[str, int] = {}
        for event in self.events.values():
            if isinstance(event, Impression | ItemChange):
                continue
            counts[event.item_id] = counts.get(event.item_id, 0) + 1
            if event.user_id == user_id:
                seen.add(event.item_id)
        items = sorted((item for item in counts if item not in seen), key=lambda item: (-counts[item], item))[:k]
        return Taken(uuid.uuid4().hex, items, "small@1", "popular" if session_id is None else "session", ["popularity"], 1)

    def recommend_now(self, user_id: str, session_id: str | None, k: int, *, record: bool) -> Taken | None:
        """Answer at once those whom ``at_once`` names; for others something must be waited for."""
        return self._recommend(user_id, session_id, k, record=record) if user_id in self.at_once else None

    async def similar(self, item_id: str, k: int) -> Taken:
        """Return what is popular, but the item itself."""
        answer = await self.recommend(f"similar to {item_id}", None, k, record=False)
        return Taken(answer.request_id, [one for one in answer.items if one != item_id], "similar@1", "co_visitation", [], 1)

    async def trending(self, k: int) -> Taken:
        """Return what is popular."""
        return await self.recommend("everybody", None, k, record=False)

    async def item(self, item_id: str) -> Item | None:
        """Return an item after all its changes."""
        self._fail()
        return self._items().get(item_id)

    async def page(self, after: str, limit: int) -> list[tuple[str, Item]]:
        """Return a page of the items."""
        self._fail()
        return [(name, item) for name, item in sorted(self._items().items()) if item is not None and name > after][:limit]

    def _items(self) -> dict[str, Item | None]:
        items: dict[str, Item | None] = {}
        for event in self.events.values():
            if isinstance(event, ItemChange):
                items[event.item_id] = changed(items.get(event.item_id), event)
        return items

    async def baseline(self, days: int) -> BaselineMetrics:
        """Return figures over nothing."""
        self._fail()
        return BaselineMetrics(
            window_days=days,
            requests=0,
            impressions=0,
            watches=0,
            watched_impressions=0,
            ctr_at_20_pct=0.0,
            avg_watch_time_sec=0.0,
            catalog_coverage_at_20_pct=0.0,
        )

    async def worker_figures(self) -> WorkerFigures:
        """Return the figures of no worker."""
        self._fail()
        return WorkerFigures(
            enabled=True,
            is_running=False,
            mode="external",
            group_id="reco-stream-worker-v1",
            topics=WorkerTopics(impression="reco_impression", watch="reco_watch", dlq="reco_events_dlq"),
            auto_offset_reset="earliest",
            processed_count=0,
            dlq_count=0,
            runtime=WorkerRuntime(),
            feature_loop=FeatureLoop(watch_feature_updates=0, watch_duplicates=0, history_size=20),
        )

    async def worker_metrics(self) -> str:
        """Return a worker's page."""
        self._fail()
        return "# HELP reco_worker_running 1 while it runs\n# TYPE reco_worker_running gauge\nreco_worker_running 1.0\n"

    def readiness(self) -> Readiness:
        """Return what a test set."""
        return self.state

    def _fail(self) -> None:
        if self.away is not None:
            raise Unavailable(self.away, "it is being restarted", retry_after_s=3)
        if self.broken:
            raise ZeroDivisionError("a bug, on purpose")

    def services(self, **settings: int) -> Services:
        """Return this world as services."""
        return Services(
            settings=dataclasses.replace(ApiSettings(port=0, body_timeout_s=2), **settings),
            contract=Contract(Limits(), SystemClock()),
            intake=self,
            recommender=self,
            catalogue=self,
            clock=SystemClock(),
            baseline=self.baseline,
            worker_figures=self.worker_figures,
            worker_metrics=self.worker_metrics,
            readiness=self.readiness,
            metrics_shown=self.metrics_shown,
        )


class Answered(msgspec.Struct):
    """A response, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 -- JSON
        """Return the body as JSON."""
        return json.loads(self.body)


class RunningServer:
    """The real server on a loopback port, in a thread with its own event loop."""

    def __init__(self, world: World, **settings: int) -> None:
        services = world.services(**settings)
        self._listener = server.listen(services.settings)
        self.port: int = self._listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.server = server.build(services)
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.server.serve(sockets=[self._listener]))

    def __enter__(self) -> Self:
        """Start it."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it and wait."""
        self.server.should_exit = True
        self._thread.join()

    def ask(self, method: str, target: str, body: bytes | str | dict[str, object] | None = None, **headers: str) -> Answered:
        """Send one request on a connection of its own and return the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = json.dumps(body) if isinstance(body, dict) else body
            connection.request(method, target, sent.encode() if isinstance(sent, str) else sent, headers)
            response = connection.getresponse()
            return Answered(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()
