"""The proof is worth what it finds: it holds after any traffic, and it sees every kind of damage."""

import asyncio
import random
from dataclasses import replace

from headrace import config, wiring
from headrace.events.items import ItemPatch
from headrace.events.types import Event
from headrace.store.ledger import PostgresLedger
from headrace.store.operations import lowest_positions
from headrace.store.sql import DEFAULT_SPACE
from headrace.stream.ledger import Status
from headrace.wiring.ground import prepare
from tests.catalogue.world import JAM, gone, patch, put
from tests.stream.world import LEASE_MS, T0, StreamTestCase, shown, view, watch

HOUR_MS = 3_600_000


def traffic(seed: int, number: int) -> list[Event]:
    """Return events of a few users in any order: repeats, late ones, follow-ups before and after what they follow."""
    chance = random.Random(seed)
    events: list[Event] = []
    for _ in range(number):
        user, request = f"user {chance.randrange(12)}", f"request {chance.randrange(25)}"
        item = f"item {min(chance.randrange(20), chance.randrange(20))}"
        ts_ms = (
            T0 + chance.randrange(-60 * 24 * HOUR_MS, 60 * 24 * HOUR_MS)
            if chance.random() < 0.2
            else T0 + chance.randrange(3 * HOUR_MS)
        )
        kind = chance.random()
        if kind < 0.25:
            items = [f"item {n}" for n in chance.sample(range(30), chance.randrange(1, 25))]
            events.append(shown(items, user=user, request=request, ts_ms=ts_ms))
        elif kind < 0.6:
            events.append(watch(item, user=user, request=request, ts_ms=ts_ms, seconds=chance.random() * 200))
        elif kind < 0.9:
            action = chance.choice(("view", "click", "purchase"))
            events.append(view(item, user=user, ts_ms=ts_ms, action=action, request=chance.choice((None, request))))
        elif events:
            events.append(chance.choice(events))
    return events


class Verifying(StreamTestCase):
    """A generation after some traffic."""

    async def play(self, seed: int, number: int = 400) -> None:
        """Send traffic and apply it in batches of a few."""
        events = traffic(seed, number)
        for start in range(0, len(events), 100):
            await self.send(*events[start : start + 100])
        await self.send(put("item 3", JAM), gone("item 4"), patch("item 3", ItemPatch(title=f"Jam {seed}")), put("item 4"))
        await self.drain(limit=random.Random(seed).randrange(3, 40))

    async def differing(self) -> set[str]:
        """Return the tables in which the verification sees a difference."""
        found = await self.verify()
        self.assertEqual(found.equal, not any(one.different for one in found.comparisons))
        self.assertTrue(all(one.examples for one in found.comparisons if one.different))
        return {one.table for one in found.comparisons if one.different}

    async def test_features_equal_their_recomputation_after_any_traffic(self) -> None:
        """In any order, in batches of any size, whoever applies them."""
        for seed in range(6):
            await self.play(seed)
            found = await self.verify()
            self.assertTrue(found.equal, (seed, [one for one in found.comparisons if one.different]))
        self.assertEqual({one.table for one in found.comparisons if not one.rows}, set())
        self.assertEqual(found.events, sum((await self.counted()).values()))

    async def test_an_empty_generation_is_equal(self) -> None:
        """Nothing equals nothing."""
        self.assertEqual(await self.differing(), set())

    async def test_it_sees_every_kind_of_damage(self) -> None:
        """One row changed, lost or made up in any table is found, and named."""
        await self.play(1)
        damages = {
            "UPDATE @gen.item_popularity SET events = events + 1 WHERE item_id = 'item 3'": {"item_popularity"},
            "UPDATE @gen.item_popularity SET weight = weight - 1 WHERE item_id = 'item 3'": {"item_popularity"},
            "UPDATE @gen.item_popularity SET decayed = decayed * (1 + 3e-9) WHERE item_id = 'item 3'": {"item_popularity"},
            "UPDATE @gen.item_popularity SET visits = visits * (1 - 3e-9) WHERE item_id = 'item 3'": {"item_popularity"},
            "DELETE FROM @gen.item_popularity WHERE item_id = 'item 3'": {"item_popularity"},
            "INSERT INTO @gen.item_popularity VALUES ('extra', 0, 0, 0, 0)": {"item_popularity"},
            "DELETE FROM @gen.co_visitation WHERE ctid = (SELECT min(ctid) FROM @gen.co_visitation)": {"co_visitation"},
            "UPDATE @gen.co_visitation SET meetings = meetings + 1 WHERE ctid = (SELECT min(ctid) FROM @gen.co_visitation)": {
                "co_visitation"
            },
            "UPDATE @gen.co_visitation SET low_to_high = low_to_high * (1 + 3e-9) WHERE low_to_high > 0": {"co_visitation"},
            "UPDATE @gen.co_visitation SET high_to_low = high_to_low * (1 + 3e-9) WHERE high_to_low > 0": {"co_visitation"},
            "INSERT INTO @gen.co_visitation VALUES ('x', 'y', 1, 1, 1)": {"co_visitation"},
            "INSERT INTO @gen.user_history VALUES ('extra', '[]', 0, 0)": {"user_history"},
            "DELETE FROM @gen.user_history WHERE user_id = 'user 3'": {"user_history"},
            "UPDATE @gen.user_history SET entries = '[]' WHERE user_id = 'user 3'": {"user_history"},
            "UPDATE @gen.outcome_hours SET requests = requests + 1 WHERE requests > 0": {"outcome_hours"},
            "UPDATE @gen.outcome_hours SET shown = shown + 1 WHERE shown > 0": {"outcome_hours"},
            "UPDATE @gen.outcome_hours SET followed = followed - 1 WHERE followed > 0": {"outcome_hours"},
            "UPDATE @gen.outcome_hours SET watches = watches + 1 WHERE watches > 0": {"outcome_hours"},
            "UPDATE @gen.outcome_hours SET watch_seconds = watch_seconds * 1.001 WHERE watches > 0": {"outcome_hours"},
            "DELETE FROM @gen.outcome_items WHERE item_id = 'item 3'": {"outcome_items"},
            "INSERT INTO @gen.outcome_items VALUES (1, 'extra')": {"outcome_items"},
            "UPDATE @gen.catalogue SET item = '{}' WHERE item_id = 'item 3'": {"catalogue"},
            "DELETE FROM @gen.catalogue WHERE item_id = 'item 4'": {"catalogue"},
            "INSERT INTO @gen.catalogue VALUES ('extra', '{}', 0, 0)": {"catalogue"},
            "UPDATE @gen.partitions SET positions[2] = positions[2] + 1 WHERE partition = 1": {"positions"},
            "UPDATE @gen.partitions SET duplicates[1] = duplicates[1] + 1 WHERE partition = 1": {"positions"},
            "UPDATE @gen.partitions SET dead = dead + 1 WHERE partition = 1": {"positions"},
        }
        for damage, tables in damages.items():
            with self.subTest(damage):
                copy = await self._damaged(damage)
                self.assertEqual(copy, tables)

    async def test_it_sees_a_lost_row_of_an_archive(self) -> None:
        """A position that no archived event, duplicate, dead letter or gap explains."""
        await self.play(2)
        for table in ("interactions", "watches", "impression_lists", "item_changes"):
            with self.subTest(table):
                damage = f"DELETE FROM @gen.{table} WHERE ctid = (SELECT max(ctid) FROM @gen.{table})"
                self.assertIn("positions", await self._damaged(damage))

    async def _damaged(self, damage: str) -> set[str]:
        """Return what the verification sees of a damage, which is mended afterwards."""
        await self.sql.execute("DROP SCHEMA IF EXISTS whole CASCADE; CREATE SCHEMA whole")
        names = (
            "item_popularity",
            "co_visitation",
            "user_history",
            "outcome_hours",
            "outcome_items",
            "catalogue",
            "partitions",
            "interactions",
            "watches",
            "impression_lists",
            "item_changes",
        )
        touched = [name for name in names if f"@gen.{name}" in damage]
        for name in touched:
            await self.sql.execute(f"CREATE TABLE whole.{name} AS SELECT * FROM {self.gen}.{name}")
        done = await self.sql.execute(damage.replace("@gen", self.gen))
        self.assertNotIn(done, {"UPDATE 0", "DELETE 0"})
        seen = await self.differing()
        for name in touched:
            await self.sql.execute(f"DELETE FROM {self.gen}.{name}; INSERT INTO {self.gen}.{name} SELECT * FROM whole.{name}")
        return seen

    async def test_it_tells_how_many_acknowledged_events_wait(self) -> None:
        """What the log has taken and nobody has applied is no difference, but is told."""
        await self.play(3, 50)
        before = (await self.verify()).waiting
        await self.send(view(), view())
        found = await self.verify()
        self.assertEqual((found.waiting - before, found.equal), (2, True))

    async def test_it_can_run_beside_live_traffic(self) -> None:
        """It reads one moment of the database, whatever is being applied meanwhile."""
        await self.play(4, 200)
        await self.send(*(event for event in traffic(5, 300)))
        applying = asyncio.create_task(self.drain(limit=5))
        looks = 0
        while not applying.done():
            found = await self.verify()
            self.assertTrue(found.equal, [one for one in found.comparisons if one.different])
            looks += 1
        await applying
        self.assertGreater(looks, 1)


class SeveralGenerations(StreamTestCase):
    """Each group counts for itself."""

    async def test_two_groups_count_the_same_events_independently(self) -> None:
        """Own positions, own ids, own features, own way of counting, from the log's beginning."""
        await self.send(*(view(f"item {n % 3}", event_id=f"e{n}", ts_ms=T0 + n) for n in range(12)))
        await self.drain()
        one = self.ground
        environment = {"DATABASE_URL": self.url, "KAFKA_WORKER_GROUP_ID": "replay", "HEADRACE_FEATURE_WINDOW": "1"}
        settings = config.read(environment)
        second = await prepare(replace(one, settings=settings))
        self.assertEqual((self.generation.number, second.number), (1, 2))
        ledger = PostgresLedger(one.database, second, space=DEFAULT_SPACE)
        await ledger.sign_of_life("other", LEASE_MS, Status())
        for owned in await ledger.claim("other", LEASE_MS, 4):
            while await self.processor(ledger=ledger).step(owned):
                pass
        counts = "SELECT item_id, events FROM headrace_g{}.item_popularity ORDER BY 1"
        self.assertEqual(await self.rows(counts.format(1)), await self.rows(counts.format(2)))
        pairs = "SELECT sum(meetings) FROM headrace_g{}.co_visitation"
        self.assertGreater(await self.rows(pairs.format(1)), await self.rows(pairs.format(2)))
        for number in ("reco-stream-worker-v1", "replay"):
            async with wiring.verifying(config.read({**environment, "KAFKA_WORKER_GROUP_ID": number})) as verifier:
                found = await verifier.verify(lambda _what, _done, _all: None)
            self.assertTrue(found.equal)
            self.assertEqual(found.events, 12)

    async def test_a_group_that_starts_at_the_latest_passes_what_was_before(self) -> None:
        """What came before it is not its business, and its positions are explained all the same."""
        await self.send(*(view(f"old {n}") for n in range(10)))
        settings = config.read(
            {"DATABASE_URL": self.url, "KAFKA_WORKER_GROUP_ID": "late", "KAFKA_WORKER_AUTO_OFFSET_RESET": "latest"}
        )
        late = await prepare(replace(self.ground, settings=settings))
        await self.send(view("new"))
        ledger = PostgresLedger(self.ground.database, late, space=DEFAULT_SPACE)
        await ledger.sign_of_life("other", LEASE_MS, Status())
        for owned in await ledger.claim("other", LEASE_MS, 4):
            await self.processor(ledger=ledger).step(owned)
        self.assertEqual(await self.rows("SELECT item_id, events FROM headrace_g2.item_popularity"), [("new", 1)])

    async def test_the_log_is_kept_for_the_hindmost_generation(self) -> None:
        """What another group has not applied yet is not let go."""
        await self.send(*(view() for _ in range(5)))
        settings = config.read({"DATABASE_URL": self.url, "KAFKA_WORKER_GROUP_ID": "behind"})
        await prepare(replace(self.ground, settings=settings))
        await self.drain()
        self.assertEqual(set((await lowest_positions(self.ground.database, DEFAULT_SPACE)).values()), {0})
        await self.sql.execute("INSERT INTO headrace.generations VALUES (3, 'made just now', 1, '{}', 4)")
        self.assertEqual(await lowest_positions(self.ground.database, DEFAULT_SPACE), {})
