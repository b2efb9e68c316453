"""Spaces with equal ids under load, through the running product: nothing of one is ever found in another."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest import TestCase

import asyncpg
from prometheus_client.parser import text_string_to_metric_families

from headrace import config, wiring
from headrace.cli.database import database
from headrace.config import Settings
from headrace.log.port import NewRecord, Topic
from headrace.store.sql import generation_schema
from tests.acceptance.town import Town
from tests.spaces.traffic import Space

DECLARED: Final = '[shop]\n\n[video]\nHEADRACE_SERVING_RECIPE = "rules-v1"\nHEADRACE_LOG_PARTITIONS = 2\n'
RECIPES: Final = {"default": "default", "shop": "default", "video": "rules-v1"}
POISON: Final = {"default": 0, "shop": 3, "video": 2}
CLIENTS: Final = 2


class Page:
    """A page of metrics; the default space's have no label of it."""

    def __init__(self, text: str) -> None:
        self._samples = [one for family in text_string_to_metric_families(text) for one in family.samples]

    @property
    def labels(self) -> set[str]:
        """Return the spaces that anything is told of."""
        return {one.labels.get("space", "") for one in self._samples}

    def figure(self, name: str, space: Space, **labels: str) -> float:
        """Return the figure with exactly these labels beside the space's, 0 where there is none."""
        wanted = labels | ({"space": space.label} if space.label else {})
        return sum(one.value for one in self._samples if one.name == name and one.labels == wanted)

    def sum(self, name: str, space: Space) -> float:
        """Return the sum of a space's figures over all other labels."""
        return sum(one.value for one in self._samples if one.name == name and one.labels.get("space", "") == space.label)


class Apart(TestCase):
    """The story; whoever inherits it says on which log."""

    events = 1500
    environment: Mapping[str, str] = {}

    def prefix(self, space: str) -> str:
        """Return what the names of a space's topics begin with."""
        return "" if space == "default" else f"{space}."

    def test_equal_ids_in_three_spaces_never_meet(self) -> None:
        """Events, items, dead letters, figures and answers of each are what was sent to it, with a worker killed in between."""
        file = Path(self.enterContext(TemporaryDirectory()), "spaces.toml")
        file.write_text(DECLARED)
        town = Town(HEADRACE_SPACES=str(file), PROMETHEUS_METRICS_ENABLED="true", LOG_LEVEL="WARNING", **self.environment)
        self.addCleanup(town.close)
        spaces = [Space(town, name, seed) for seed, name in enumerate(RECIPES)]
        for space in spaces:
            put = space.call("PUT", "/items/item-1", {"title": f"of {space.name}", "attributes": {"in": space.name}})
            self.assertEqual(put[0], 200)
        with ThreadPoolExecutor(len(spaces)) as pool:
            living = [pool.submit(space.live, CLIENTS, self.events) for space in spaces]
            self.kill_a_worker_at_work(town, spaces)
            for one in living:
                one.result()
        for space in spaces:
            self.assertEqual(len(space.interactions) + len(space.watches), self.events)
            self.say_things_twice(space)
        settings = config.read(town.environment)
        with database(settings) as ready:
            self.drained(town, spaces)
            for space in spaces:
                self.show_a_stranger(town, space)
                asyncio.run(self.poison(ready.of(space.name), POISON[space.name]))
            self.drained(town, spaces)
            for space in spaces:
                with self.subTest(space.name):
                    asyncio.run(self.compare_tables(ready.of(space.name), space))
                    self.compare_answers(space)
                    self.compare_receipts(space, [one for one in spaces if one is not space])
        self.compare_metrics(town, spaces)
        for space in spaces:
            told = town.headrace("verify", "--space", space.name)
            self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
            self.assertIn(f"{self.events:,} events recomputed", told.stdout)
            letters = json.loads(town.headrace("dead-letters", "list", "--json", "--space", space.name).stdout)["causes"]
            self.assertEqual(sum(one["count"] for one in letters), POISON[space.name])
            traced = town.headrace("trace", "event-000001", "--json", "--space", space.name)
            self.assertEqual(json.loads(traced.stdout)["event"]["item_id"], space.interactions["event-000001"][1])
        self.compare_logs(spaces)
        self.settle_one_alone(town, spaces)

    def settle_one_alone(self, town: Town, spaces: list[Space]) -> None:
        """Give up the dead letters of the shop and begin a replay there: the other spaces keep theirs as they are."""
        for words in (("dead-letters", "drop", "--all", "--yes"), ("replay", "start")):
            done = town.headrace(*words, "--space", "shop")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for space in spaces:
            letters = json.loads(town.headrace("dead-letters", "list", "--json", "--space", space.name).stdout)["causes"]
            left = 0 if space.name == "shop" else POISON[space.name]
            self.assertEqual(sum(one["count"] for one in letters), left, space.name)
            replays = json.loads(town.headrace("replay", "status", "--json", "--space", space.name).stdout)["generations"]
            self.assertEqual(len(replays), 2 if space.name == "shop" else 1, space.name)

    def kill_a_worker_at_work(self, town: Town, spaces: list[Space]) -> None:
        """Kill the worker while every space has events that it has not applied."""
        town.until(lambda: all(len(space.shown) > 20 for space in spaces), "everybody is at work")
        worker = town.child("worker")
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        town.until(lambda: town.child("worker") not in {None, worker}, "it is started again")

    def say_things_twice(self, space: Space) -> None:
        """Send another event under a known id in the videos alone, and a change twice in the shop alone."""
        if space.name == "video":
            event_id, (user, item) = next(iter(space.interactions.items()))
            body = {"event_id": event_id, "user_id": user, "item_id": item, "event_type": "view"}
            status, told = space.call("POST", "/event", body | {"ts": time.time_ns() // 1_000_000})
            self.assertEqual((status, told["title"]), (422, "The event_id is taken by another event"))
        if space.name == "shop":
            put = {"title": "of shop", "attributes": {"in": "shop"}}
            said = [space.call("PUT", "/items/item-2?event_id=change-twice", put)[1]["status"] for _ in range(2)]
            self.assertEqual(said, ["ok", "duplicate"])

    def show_a_stranger(self, town: Town, space: Space) -> None:
        """Wait until somebody new is shown what is liked in this space alone."""
        town.until(lambda: space.own_item in space.ask("stranger"), f"a stranger is shown {space.own_item}")

    async def poison(self, settings: Settings, number: int) -> None:
        """Append so many records that can never be applied."""
        async with wiring.opened(settings) as (ground, _):
            records = [
                NewRecord(Topic.WATCH, f"user-{n}", b"no json", 1, n.to_bytes(16, "big"), bytes(16)) for n in range(number)
            ]
            await ground.log.append(records, atomic=False)

    def drained(self, town: Town, spaces: list[Space]) -> None:
        """Wait until every space has applied all that it was sent."""

        def done() -> bool:
            told = [space.call("GET", "/stream/worker")[1] for space in spaces]
            return all(not sum(one["lag_records"] for one in each["partitions"]) for each in told)

        town.until(done, "no lag is left", 60)

    async def compare_tables(self, settings: Settings, space: Space) -> None:
        """Compare every archived event and every item with what was sent."""
        connection = await asyncpg.connect(settings.database.url)
        try:
            gen = generation_schema(settings.schema, 1)
            await connection.execute(f"SET search_path = {gen}")
            for table, sent in (("interactions", space.interactions), ("watches", space.watches)):
                rows = await connection.fetch(f"SELECT event_id, user_id, item_id FROM {table}")
                self.assertEqual(len(rows), len(sent))
                self.assertEqual({row["event_id"]: (row["user_id"], row["item_id"]) for row in rows}, sent)
            lists = await connection.fetch("SELECT request_id, user_id, item_ids, model_version FROM impression_lists")
            self.assertEqual({one["request_id"]: (one["user_id"], list(one["item_ids"])) for one in lists}, space.shown)
            self.assertEqual({one["model_version"].partition("@")[0] for one in lists}, {RECIPES[space.name]})
            acted = {item for _, item in (*space.interactions.values(), *space.watches.values())}
            known = {row["item_id"] for row in await connection.fetch("SELECT item_id FROM item_popularity WHERE events > 0")}
            self.assertEqual(known, acted)
            dead = await connection.fetch("SELECT source_topic FROM dead_letters")
            self.assertEqual([row["source_topic"] for row in dead], [self.topic(space.name, "watch")] * POISON[space.name])
            entries = await connection.fetch("SELECT entries::text AS text FROM user_history")
            found = {word for row in entries for word in re.findall(r"only-in-\w+", row["text"])}
            self.assertEqual(found, {space.own_item})
        finally:
            await connection.close()

    def compare_answers(self, space: Space) -> None:
        """Compare what is answered, and by what, with what the space knows."""
        self.assertEqual(space.versions, {RECIPES[space.name]})
        seen = {item for _, items in space.shown.values() for item in items}
        self.assertEqual({item for item in seen if item.startswith("only-in-")}, {space.own_item})
        self.assertEqual(space.call("GET", "/items/item-1")[1]["title"], f"of {space.name}")
        self.assertEqual(space.call("GET", "/items/item-2")[0], 200 if space.name == "shop" else 404)
        trending = space.call("GET", "/trending?k=100")[1]["items"]
        self.assertEqual({item for item in trending if item.startswith("only-in-")}, {space.own_item})
        self.compare_explanations(space)
        self.assertEqual(space.call("GET", "/metrics/reco")[1]["sample_size"], space.asked)
        baseline = space.call("GET", "/analytics/baseline?days=7")[1]["metrics"]
        self.assertEqual((baseline["requests"], baseline["watches"]), (len(space.shown), len(space.watches)))
        figures = space.call("GET", "/stream/worker")[1]
        changes = 2 if space.name == "shop" else 1
        self.assertEqual(figures["dlq_count"], POISON[space.name])
        self.assertEqual(
            figures["processed_count"], self.events + len(space.shown) + changes + POISON[space.name], "each counts once"
        )
        self.assertTrue(all(topic.startswith(self.prefix(space.name)) for topic in figures["topics"].values()))
        self.assertTrue(figures["group_id"].startswith(self.prefix(space.name)))

    def compare_explanations(self, space: Space) -> None:
        """Compare the events that an explanation names with those that this space was sent; other spaces' items are unknown."""
        sent = space.interactions | space.watches
        for user in ("user-0", "user-1", "user-2"):
            why = space.call("GET", f"/explain?user_id={user}&item_id={space.own_item}")[1]
            self.assertNotEqual(why["verdict"], "unknown")
            self.assertGreater(len(why["history"]), 0)
            for step in why["history"]:
                self.assertEqual(sent[step["event_id"]], (user, step["item_id"]))
            for name in RECIPES.keys() - {space.name}:
                why = space.call("GET", f"/explain?user_id={user}&item_id=only-in-{name}")[1]
                self.assertEqual(why["verdict"], "unknown")

    def compare_receipts(self, space: Space, others: list[Space]) -> None:
        """Compare receipts of ids that every space knows with what this one was sent; others' own events have none here."""
        for topic, sent in (("interaction", space.interactions), ("watch", space.watches)):
            for event_id, (user, item) in list(sent.items())[:5]:
                receipt = space.call("GET", f"/events/{event_id}")[1]
                self.assertEqual((receipt["event"]["user_id"], receipt["event"]["item_id"]), (user, item))
                self.assertEqual(receipt["position"]["name"], self.topic(space.name, topic))
                self.assertEqual((receipt["repeats"], receipt["dead_letters"]), ([], []), "each counts once")
        request_id, (user, items) = next(iter(space.shown.items()))
        receipt = space.call("GET", f"/events/auto-{request_id}")[1]
        self.assertEqual((receipt["event"]["user_id"], receipt["event"]["items"]), (user, items))
        for other in others:
            self.assertEqual(space.call("GET", f"/events/auto-{next(iter(other.shown))}")[0], 404)
        self.assertEqual(space.call("GET", "/events/change-twice")[0], 200 if space.name == "shop" else 404)

    def compare_metrics(self, town: Town, spaces: list[Space]) -> None:
        """Compare each space's figures with what it was sent and what it answered; workers tell theirs once a second."""
        pages = spaces[0]

        def page() -> Page:
            read = Page(pages.call("GET", "/metrics/prometheus")[1])
            pages.counted["2xx"] -= 1  # no page counts itself
            return read

        def told() -> bool:
            found = page()
            pages.counted["2xx"] += 1
            return all(found.sum("reco_worker_dlq_total", space) == POISON[space.name] for space in spaces)

        town.until(told, "the workers have told of the dead letters")
        found = page()
        self.assertEqual(found.labels, {space.label for space in spaces})
        for space in spaces:
            with self.subTest(space.name):
                for family, count in space.counted.items():
                    self.assertEqual(found.figure("reco_api_requests_total", space, status_family=family), count, family)
                sent = {
                    ("interaction", "ok"): len(space.interactions),
                    ("watch", "ok"): len(space.watches),
                    ("impression", "ok"): len(space.shown),
                    ("catalogue", "ok"): 2 if space.name == "shop" else 1,
                    ("catalogue", "duplicate"): int(space.name == "shop"),
                    ("interaction", "conflict"): int(space.name == "video"),
                }
                taken = {
                    (topic, verdict): found.figure(
                        "reco_events_total", space, topic=self.topic(space.name, topic), verdict=verdict
                    )
                    for topic, verdict in sent
                }
                self.assertEqual(taken, sent)
                self.assertEqual(found.sum("reco_events_total", space), sum(sent.values()))
                self.assertEqual(found.figure("reco_worker_running", space), 1)

    def compare_logs(self, spaces: list[Space]) -> None:
        """Compare what else of the log is to be seen; nothing where it is kept in the tables looked at already."""

    def topic(self, space: str, topic: str) -> str:
        """Return what a topic of a space is called."""
        return f"{self.prefix(space)}reco_{topic}"
