"""What receipts are told from has a bound, and beyond it nothing untrue is said."""

from unittest.mock import patch

from headrace.errors import Unavailable
from headrace.log.postgres import PostgresLog
from headrace.store.flips import Flips
from headrace.stream.receipts import Acknowledged, Status
from tests.receipts.world import PLACE, ReceiptsTestCase
from tests.stream.world import view


class WhatIsKept(ReceiptsTestCase):
    """Everything here has a bound, and beyond it nothing untrue is said."""

    async def test_of_a_batch_that_is_no_longer_kept_the_time_is_not_known_and_all_else_is(self) -> None:
        """It is told as applied, and as visible, since a bound that is true, if later."""
        old, new = view(), view()
        for event in (old, new):
            await self.take(event)
            await self.drain()
        await self.sql.execute(f"UPDATE {self.gen}.batches SET written_at = now() - interval '3 hours' WHERE applied = 1")
        await self.operations.tidy(self.clock.now_ms(), 10**11, 2)
        self.assertEqual(await self.rows("SELECT applied FROM @gen.batches"), [(2,)])
        replica = self.replica("one")
        await replica.report({PLACE: 1})
        told = await self.receipt(old)
        assert told.applied is not None
        self.assertEqual(
            (told.status, told.applied.number, told.applied.at_ms, told.applied.records), (Status.APPLIED, 0, None, None)
        )
        await replica.report(await self.changes())
        self.assertEqual((await self.receipt(old)).status, Status.VISIBLE)
        await self.sql.execute(f"DELETE FROM {self.gen}.batches")
        self.assertEqual((await self.receipt(new)).status, Status.VISIBLE)

    async def test_old_reports_of_replicas_go_and_the_bound_stays_true(self) -> None:
        """What is left of them says a later time, never an earlier one."""
        event = view()
        await self.take(event)
        await self.drain()
        replica = self.replica("one")
        await replica.report(await self.changes())
        first = (await self.receipt(event)).visible
        await self.sql.execute("UPDATE headrace.sightings SET seen_at = seen_at - interval '25 hours'")
        await Flips(self.ground.database, space=self.ground.space).forget_replicas()
        self.assertEqual(await self.sql.fetchval("SELECT count(*) FROM headrace.sightings"), 0)
        told = (await self.receipt(event)).visible
        assert told is not None and first is not None and told.all_by_ms is not None and first.all_by_ms is not None
        self.assertGreaterEqual(told.all_by_ms, first.all_by_ms)

    async def test_an_event_whose_id_is_forgotten_by_the_stream_is_told_as_taken(self) -> None:
        """While the door still remembers it, that is what is known; then nothing is."""
        event = view()
        await self.take(event)
        await self.drain()
        await self.sql.execute(f"DELETE FROM {self.gen}.event_ids")
        told = await self.receipt(event)
        self.assertEqual((told.status, told.position, told.applied, told.waits), (Status.ACKNOWLEDGED, None, None, None))
        assert told.acknowledged is not None
        self.assertEqual(
            told.acknowledged, Acknowledged(server_received_ts_ms=told.acknowledged.server_received_ts_ms, by="postgres")
        )
        await self.sql.execute("DELETE FROM headrace.door_ids")
        self.assertIsNone(await self.receipts.receipt(event.event_id))

    async def test_an_event_that_is_applied_while_it_is_looked_for_is_told_as_applied(self) -> None:
        """Found in the log, it counts by the time the answer is made."""
        event = view()
        await self.take(event)
        find = PostgresLog.find

        async def slowly(log: PostgresLog, *arguments: object, **more: object) -> object:
            found = await find(log, *arguments, **more)
            await self.drain()
            return found

        with patch.object(PostgresLog, "find", slowly):
            self.assertEqual((await self.receipt(event)).status, Status.APPLIED)

    async def test_before_there_is_any_generation_that_is_said(self) -> None:
        """It is no reason to call an event unknown."""
        await self.sql.execute("DELETE FROM headrace.live")
        with self.assertRaisesRegex(Unavailable, "no generation of features yet"):
            await self.receipts.receipt("whatever it is")
