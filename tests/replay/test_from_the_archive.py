"""A generation built from the archive of another one counts what that one counted, and goes on from the log."""

import asyncio
import random
from socket import gethostname

from headrace.events import codec
from headrace.events.items import ItemPatch
from headrace.events.types import Event
from headrace.log.port import TOPICS
from headrace.store import bindings, generations
from headrace.store.archive import event_of
from headrace.store.operations import lowest_positions
from headrace.store.sql import DEFAULT_SPACE
from headrace.stream.ledger import Fenced, Status
from headrace.wiring.crew import Crew
from tests.catalogue.world import JAM, gone, patch, put
from tests.replay.world import ReplayTestCase, traffic
from tests.stream.world import T0, raw, user_of, view

YEAR_MS = 365 * 86_400_000


class FromTheArchive(ReplayTestCase):
    """Past and present, put together without a seam."""

    async def test_by_the_same_settings_it_counts_the_same(self) -> None:
        """Every table, in the very order in which the source applied its events; then both follow the log."""
        await self.send(*traffic(1, 400))
        await self.drain(limit=30)
        replay = await self.built()
        await self.run_level(replay, max_poll_records=17)
        await self.assert_same_features(self.generation, replay)
        await self.send(*traffic(2, 100))
        await self.drain()
        await self.run_level(replay)
        self.assertEqual((await self.verified(replay)).events, (await self.verified(self.generation)).events)

    async def test_what_was_not_counted_before_does_not_come_again(self) -> None:
        """Duplicates, conflicts, poison and what the log had lost: their offsets are passed and explained, nothing else."""
        events = traffic(3, 200)
        await self.send(*events, *events[:50])
        await self.drain(limit=40)
        await self.send(view("rum", event_id="3 0"), *(raw(b"noise", user=user_of(n % 4)) for n in range(20)))
        await self.drain(limit=40)
        await self.sql.execute('DELETE FROM headrace.log_records WHERE "offset" < 5')
        replay = await self.built()
        await self.run_level(replay)
        await self.assert_same_features(self.generation, replay)
        self.assertEqual(await self.sql.fetchval("SELECT count(*) FROM headrace_g2.dead_letters"), 0)
        self.assertEqual(await self.sql.fetchval("SELECT count(*) FROM headrace_g2.gaps"), 0)
        await self.verified(replay)
        await self.send(*events[:20])
        await self.drain()
        await self.run_level(replay)
        self.assertEqual(await self.sql.fetchval("SELECT sum(d) FROM headrace_g2.partitions, unnest(duplicates) AS d"), 20)
        self.assertEqual(await self.sql.fetchval("SELECT count(*) FROM headrace_g2.dead_letters"), 0)

    async def test_the_archive_gives_back_the_very_events(self) -> None:
        """What is decoded from a row is what was archived, to the bytes: an id's payload stays what it was."""
        events: dict[str, Event] = {event.event_id: event for event in traffic(4, 300)}
        events |= {one.event_id: one for one in (put("jam", JAM), patch("jam", ItemPatch(group=None)), gone("tea"))}
        await self.send(*events.values())
        await self.drain()
        found = 0
        for topic, table in zip(TOPICS, ("interactions", "watches", "impression_lists", "item_changes"), strict=True):
            for row in await self.sql.fetch(f"SELECT * FROM {self.gen}.{table}"):
                again = event_of(topic, row)
                self.assertEqual(codec.encode(again), codec.encode(events[again.event_id]))
                found += 1
        self.assertEqual(found, len(events))

    async def test_events_of_a_year_ago_are_applied_whatever_the_clock_says(self) -> None:
        """A replay never judges age; and ids of history stay remembered as such."""
        await self.send(*traffic(5, 200, since_ms=T0 - YEAR_MS), *(view(f"old {n}", ts_ms=1 + n) for n in range(5)))
        await self.drain()
        replay = await self.built()
        await self.run_level(replay)
        await self.assert_same_features(self.generation, replay)

    async def test_other_settings_count_as_if_they_had_been_there_from_the_beginning(self) -> None:
        """A window of two, replayed from the archive, against a count of the same events by a window of two alone."""
        await self.send(*traffic(6, 300))
        await self.drain(limit=25)
        fresh = await self.built(window=2, archive=False)
        await self.run_level(fresh)
        await generations.caught_up(self.ground.database, DEFAULT_SPACE, fresh.number)
        await self.sql.execute("TRUNCATE headrace.log_records")
        replay = await self.built(window=2)
        await self.run_level(replay)
        await self.verified(replay)
        pairs = "SELECT sum(meetings) FROM headrace_g{}.co_visitation"
        counted = [await self.sql.fetchval(pairs.format(number)) for number in (1, 2, 3)]
        self.assertGreater(counted[0], counted[1])
        for table in ("item_popularity", "user_history", "outcome_hours", "event_ids"):
            mine, theirs = await self.features(fresh, table), await self.features(replay, table)
            self.assertEqual(len(mine), len(theirs))

    async def test_replay_beside_live_ingest_leaves_both_proven(self) -> None:
        """Live events keep coming while the archive is read; the seam is in no table."""
        await self.send(*traffic(7, 400))
        await self.drain()
        replay = await self.built()
        worker = self.worker_of(replay, max_poll_records=9)
        running = asyncio.create_task(worker.run())
        for n in range(12):
            await self.send(*traffic(100 + n, 40))
            await self.drain()
            await asyncio.sleep(0.02)
        await self.until_level(replay)
        worker.stop()
        await running
        await self.assert_same_features(self.generation, replay)
        await self.verified(self.generation)
        await self.verified(replay)

    async def test_killed_at_any_moment_it_goes_on_where_its_positions_stand(self) -> None:
        """Forty times a new worker with nothing in memory, cut off in mid-batch: nothing is lost or counted twice."""
        await self.send(*traffic(8, 600))
        await self.drain(limit=50)
        replay = await self.built()
        chance = random.Random(8)
        for n in range(40):
            worker = self.worker_of(replay, f"mortal {n}", max_poll_records=5)
            running = asyncio.create_task(worker.run())
            await asyncio.sleep(chance.uniform(0.01, 0.06))
            running.cancel()
            await asyncio.wait([running])
            if n % 4 == 0:
                await self.send(*traffic(200 + n, 10))
                await self.drain()
        await self.run_level(replay)
        await self.assert_same_features(self.generation, replay)
        await self.verified(replay)

    async def test_a_partition_turns_to_the_log_where_the_source_stood_when_it_had_applied_what_was_read(self) -> None:
        """Though the source has gone on since; not before its archive was read to the end; not behind another owner's back."""
        events = traffic(9, 80)
        await self.send(*events, *events)
        await self.drain()
        replay = await self.built()
        ledger, archive = self.ledger_of(replay), self.archive_of(replay)
        processor = self.processor_of(replay, limit=7, archive=archive)
        owned = (await self.claimed(replay))[0]
        while await processor.step(owned):
            if owned.applied < 7:
                self.assertIsNone(archive.behind(owned.partition, owned.positions))
        stood = (await self.operations.partitions())[owned.partition].positions
        await self.send(view(user=user_of(owned.partition)))
        await self.drain()
        behind = archive.behind(owned.partition, owned.positions)
        self.assertEqual(behind, stood)
        owned.epoch -= 1
        with self.assertRaises(Fenced):
            await ledger.leave_archive(owned, stood)
        owned.epoch += 1
        await ledger.leave_archive(owned, stood)
        self.assertFalse((await self.ground.operations(replay).partitions())[owned.partition].from_archive)
        await ledger.leave("replayer")
        await self.run_level(replay)
        await self.assert_same_features(self.generation, replay)
        await self.verified(replay)

    async def test_a_group_that_has_moved_to_another_log_is_replayed_whole(self) -> None:
        """Offsets begin anew in the other log, the order in which events were applied does not; and in mid-replay."""
        await self.send(*traffic(12, 200))
        await self.drain(limit=30)
        for table in ("interactions", "watches", "impression_lists"):
            await self.sql.execute(f'UPDATE {self.gen}.{table} SET "offset" = "offset" % 7')
        replay = await self.built()
        processor = self.processor_of(replay, limit=5, archive=self.archive_of(replay))
        for owned in await self.claimed(replay):
            await processor.step(owned)
        await self.verified(replay)
        await self.ledger.leave("tester")
        self._all.clear()
        await bindings.switch(self.ground.database, DEFAULT_SPACE, replay.group_id, "another", await self.log.ends())
        await self.run_level(replay)
        await self.assert_same_features(self.generation, replay)
        self.assertEqual((await self.verified(replay)).waiting, 0)
        offsets = 'SELECT event_id, "offset" FROM headrace_g{}.watches ORDER BY 1'
        self.assertEqual(await self.sql.fetch(offsets.format(1)), await self.sql.fetch(offsets.format(2)))

    async def test_one_built_from_an_archive_does_not_hold_the_log_and_one_left_alone_lets_it_go(self) -> None:
        """The source holds for both; a generation that no worker was on for a day holds nothing, unless it is live."""
        await self.send(*traffic(10, 60))
        await self.drain()
        where = await lowest_positions(self.ground.database, DEFAULT_SPACE)
        await self.built()
        self.assertEqual(await lowest_positions(self.ground.database, DEFAULT_SPACE), where)
        await generations.caught_up(self.ground.database, DEFAULT_SPACE, 2)
        await self.built(archive=False)
        self.assertNotEqual(await lowest_positions(self.ground.database, DEFAULT_SPACE), where)
        await self.sql.execute("UPDATE headrace.generations SET created_at = now() - interval '2 days'")
        self.assertEqual(await lowest_positions(self.ground.database, DEFAULT_SPACE), where)


class OfOneGroup(ReplayTestCase):
    """Several generations of a group."""

    async def test_the_main_one_is_the_live_one_else_the_latest_that_is_not_being_built(self) -> None:
        """As the live one changes, so does the main one."""

        async def main() -> int:
            found = await generations.find(self.ground.database, DEFAULT_SPACE, self.generation.group_id)
            assert found is not None
            return found.number

        await self.built()
        self.assertEqual(await main(), 1)
        await generations.caught_up(self.ground.database, DEFAULT_SPACE, 2)
        self.assertEqual(await main(), 1)
        await self.sql.execute("UPDATE headrace.live SET generation = 2")
        self.assertEqual(await main(), 2)
        await self.sql.execute("UPDATE headrace.generations SET group_id = 'another' WHERE number = 2")
        self.assertEqual(await main(), 1)
        await self.built()
        self.assertEqual(await main(), 1)
        await generations.caught_up(self.ground.database, DEFAULT_SPACE, 3)
        self.assertEqual(await main(), 3)

    async def test_workers_of_one_machine_know_how_many_they_are(self) -> None:
        """Those of other machines, of other generations and of long ago are not counted: what is shared is a machine."""
        made = await self.built()
        here, lease_ms = gethostname(), self.ground.settings.stream.lease_ms
        crew = Crew(self.ground)
        self.assertEqual(await crew.mates(made), 1, "none has given a sign of life: there is at least who asks")
        for name in (f"{here}-1-aaaaaaaa-g2", f"{here}-2-bbbbbbbb-g2", f"{here}-twin-3-cccccccc-g2", "far-4-dddddddd-g2"):
            await self.ledger_of(made).sign_of_life(name, lease_ms, Status())
        await self.ledger_of(self.generation).sign_of_life(f"{here}-1-aaaaaaaa-g1", lease_ms, Status())
        self.assertEqual(await crew.mates(made), 2)

    async def test_one_is_built_at_a_time(self) -> None:
        """A second is refused until the first has caught up."""
        await self.built()
        with self.assertRaises(AssertionError):
            await self.built()
        await generations.caught_up(self.ground.database, DEFAULT_SPACE, 2)
        self.assertEqual((await self.built()).number, 3)
