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
from headrace.api.spaces import Spaces
from headrace.clock import SystemClock
from headrace.errors import Rejected, Unavailable, Violation
from headrace.events.codec import payload_hash
from headrace.events.contract import Contract, Limits
from headrace.events.items import Item, ItemChange, changed
from headrace.events.types import Event, Impression
from headrace.log.port import Verdict
from headrace.rules.declared import RuleSet
from headrace.rules.kept import Kept, Listed, Live, Outline, Stamp, Standing
from headrace.rules.made import Applied, Rules
from headrace.serving import recipes
from headrace.serving.explaining import Explained, Why
from headrace.serving.explaining.told import Did, ItemReasons, Liked, PictureTold, StageTold
from headrace.serving.recommender import Wish
from headrace.snapshot.attributes import Attributes
from headrace.stream.receipts import Acknowledged, Receipt, Status
from headrace.wiring.rules import RuleSets


class Taken(msgspec.Struct):
    """An answer of the small world's recommender."""

    request_id: str
    items: list[str]
    model_version: str
    strategy: str
    sources: list[str]
    as_of_ms: int
    rules: Applied | None = None


class Drawer:
    """Keeps rule sets in memory."""

    def __init__(self) -> None:
        self.changes = 0
        self.kept: dict[str, list[RuleSet]] = {}
        self.gone: set[str] = set()
        self.chosen: tuple[str, int] | None = None

    async def moved(self) -> int:
        """Return how many changes there were."""
        return self.changes

    async def put(self, name: str, rules: RuleSet) -> int:
        """Keep a new version."""
        self.changes += 1
        self.gone.discard(name)
        self.kept.setdefault(name, []).append(rules)
        return len(self.kept[name])

    async def find(self, name: str, version: int | None) -> Kept | None:
        """Return a version."""
        versions = self.kept.get(name, [])
        wanted = len(versions) if version is None else version
        if not 1 <= wanted <= len(versions) or (version is None and name in self.gone):
            return None
        return Kept(name, wanted, 1, versions[wanted - 1])

    async def versions(self, name: str) -> list[Stamp]:
        """Return the versions, the newest first."""
        return [Stamp(number, 1) for number in range(len(self.kept.get(name, [])), 0, -1)]

    async def listed(self) -> list[Listed]:
        """Return every set."""
        found = [await self.find(name, None) for name in sorted(self.kept)]
        return [
            Listed(
                Outline(one.name, one.version, one.made_at_ms, one.rules.about, sum(1 for _ in one.rules.each())),
                self.chosen[1] if self.chosen and self.chosen[0] == one.name else None,
            )
            for one in found
            if one is not None
        ]

    async def standing(self) -> Standing:
        """Return the numbers of the newest versions."""
        return Standing(self.chosen, {name: len(kept) for name, kept in self.kept.items() if name not in self.gone})

    async def live(self) -> Live | None:
        """Return what is live."""
        kept = None if self.chosen is None else await self.find(*self.chosen)
        return None if kept is None else Live(kept, 1)

    async def make_live(self, name: str, version: int) -> bool:
        """Make a version live."""
        if name in self.gone or await self.find(name, version) is None:
            return False
        self.changes, self.chosen = self.changes + 1, (name, version)
        return True

    async def make_none_live(self, name: str | None = None) -> int | None:
        """Have none live."""
        was = self.chosen
        self.changes += 1
        if was is None or name not in (None, was[0]):
            return None
        self.chosen = None
        return was[1]

    async def take_away(self, name: str) -> bool:
        """Take a set away."""
        if name not in self.kept or name in self.gone or (self.chosen is not None and self.chosen[0] == name):
            return False
        self.changes += 1
        self.gone.add(name)
        return True


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
        self.crowded: set[str] = set()
        self.keeper = Drawer()
        self.view = None
        self.live: Rules | None = None
        self.refused: set[str] = set()

    def lay(self, rules: Rules | None) -> None:
        """Note which rules are live."""
        self.live = rules

    async def accept(self, events: Sequence[Event], *, atomic: bool = True) -> list[Verdict]:
        """Take events as the log promises to."""
        self.fail()
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

    async def accept_each(self, events: Sequence[Event]) -> list[Verdict | Rejected]:
        """Take events that have nothing to do with each other; the store refuses those it is told to."""
        good = iter(await self.accept([event for event in events if event.event_id not in self.refused], atomic=False))
        why = Rejected(422, "The event cannot be stored", (Violation("", "refused by the store"),))
        return [why if event.event_id in self.refused else next(good) for event in events]

    async def recommend(self, user_id: str, session_id: str | None, k: int, *, record: bool, wish: Wish | None = None) -> Taken:
        """Return the items most acted on that the user has not touched."""
        if wish is not None and wish.only is not None:
            wish.only.of(Attributes(), np.zeros(0, np.int32), wish.given)
        return self._recommend(user_id, session_id, k, record=record)

    def _recommend(self, user_id: str, session_id: str | None, k: int, *, record: bool) -> Taken:
        self.fail()
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
        self.fail()
        return self._items().get(item_id)

    def crowded_out(self, changes: Sequence[ItemChange]) -> list[str]:
        """Return what a test says."""
        return [name for change in changes for name in change.said if name in self.crowded]

    async def page(self, after: str, limit: int) -> list[tuple[str, Item]]:
        """Return a page of the items."""
        self.fail()
        return [(name, item) for name, item in sorted(self._items().items()) if item is not None and name > after][:limit]

    def _items(self) -> dict[str, Item | None]:
        items: dict[str, Item | None] = {}
        for event in self.events.values():
            if isinstance(event, ItemChange):
                items[event.item_id] = changed(items.get(event.item_id), event)
        return items

    async def baseline(self, days: int) -> BaselineMetrics:
        """Return figures over nothing."""
        self.fail()
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
        self.fail()
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
        self.fail()
        return "# HELP reco_worker_running 1 while it runs\n# TYPE reco_worker_running gauge\nreco_worker_running 1.0\n"

    async def receipt(self, event_id: str) -> Receipt | None:
        """Return that an event was taken, and no more."""
        self.fail()
        event = self.events.get(event_id)
        if event is None:
            return None
        taken = Acknowledged(server_received_ts_ms=event.server_received_ts_ms, by="postgres")
        return Receipt(event_id=event_id, status=Status.ACKNOWLEDGED, says="It was taken.", acknowledged=taken)

    def readiness(self) -> Readiness:
        """Return what a test set."""
        return self.state

    def fail(self) -> None:
        """Fail as a test wishes."""
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
            explainer=Reasons(self),
            catalogue=self,
            rules=RuleSets(self.keeper, self, self),
            clock=SystemClock(),
            baseline=self.baseline,
            worker_figures=self.worker_figures,
            worker_metrics=self.worker_metrics,
            readiness=self.readiness,
            receipt=self.receipt,
            metrics_shown=self.metrics_shown,
        )


class Reasons:
    """Tells of the small world why: what others acted on most."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def recommend(
        self, user_id: str, session_id: str | None, k: int, *, record: bool, wish: Wish | None = None, recipe: str | None = None
    ) -> Explained:
        """Return the world's answer with its one reason."""
        if recipe is not None:
            recipes.named(recipe)
        answer = await self._world.recommend(user_id, session_id, k, record=record, wish=wish)
        did = [Did(stage="source", name="popularity", words="Others like it.", before=0.0, after=1.0)]
        told = [
            ItemReasons(
                item_id=item,
                place=place,
                score=1.0,
                source="popularity",
                propensity=1.0,
                words=["Others like it."],
                because=[],
                popularity=Liked(1, 1, 1.0, 1.0),
                did=did,
            )
            for place, item in enumerate(answer.items, start=1)
        ]
        return Explained(
            request_id=answer.request_id,
            items=answer.items,
            model_version=answer.model_version,
            strategy=answer.strategy,
            sources=answer.sources,
            as_of_ms=answer.as_of_ms,
            explanations=told,
            picture=PictureTold(1, {"0": 1}, 1, 1),
            stages=[StageTold("source", "popularity", 0, len(told))],
            history=[],
            whose="user",
            missing=[],
        )

    async def why(
        self,
        user_id: str,
        item_id: str,
        session_id: str | None = None,
        k: int = 20,
        recipe: str | None = None,
        *,
        wish: Wish | None = None,
    ) -> Why:
        """Return whether the world shows an item."""
        told = await self.recommend(user_id, session_id, k, record=False, wish=wish, recipe=recipe)
        found = next((one for one in told.explanations if one.item_id == item_id), None)
        return Why(
            user_id=user_id,
            session_id=session_id,
            item_id=item_id,
            k=k,
            model_version=told.model_version,
            verdict="unknown" if found is None else "shown",
            by=None,
            place=None if found is None else found.place,
            score=None if found is None else found.score,
            cut=None,
            words=["Nobody knows it."] if found is None else found.words,
            because=[],
            met=[],
            takes=[],
            did=[] if found is None else found.did,
            also=[],
            popularity=None if found is None else found.popularity,
            items=told.items,
            picture=told.picture,
            stages=told.stages,
            history=[],
            whose="user",
            missing=[],
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

    def __init__(self, world: World | Spaces, **settings: int) -> None:
        services = world if isinstance(world, Spaces) else world.services(**settings)
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
