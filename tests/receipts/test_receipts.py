"""A receipt tells the truth at every step of an event's way, of every kind of event."""

import asyncio
from unittest.mock import patch

import msgspec

from headrace.events.items import ItemPatch
from headrace.events.types import Event, Served
from headrace.log.port import Topic
from headrace.snapshot.follower import Follower
from headrace.store.tables import PostgresGenerations
from headrace.stream.receipts import Place, Status
from tests.catalogue.world import gone, put
from tests.catalogue.world import patch as patched
from tests.receipts.world import PLACE, ReceiptsTestCase
from tests.stream.world import raw, shown, user_of, view, wait_until, watch


class OnItsWay(ReceiptsTestCase):
    """From the door to the answers."""

    async def test_of_an_id_that_nobody_sent_nothing_is_known(self) -> None:
        """Neither while the log is empty, nor beside other events, applied and waiting ones."""
        self.assertIsNone(await self.receipts.receipt("never sent"))
        await self.take(view(event_id="applied one"))
        await self.drain()
        await self.take(view(event_id="waiting one"))
        self.assertIsNone(await self.receipts.receipt("never sent"))

    async def test_an_event_waits_behind_those_before_it_and_is_told_that_nobody_works(self) -> None:
        """Its place in the log, how many stand before it, when it was taken; without a worker, that."""
        before = self.clock.now_ms()
        await self.take(view(event_id="first of all"), view(event_id="second one"), watch(event_id="a watch beside"))
        await self.take(view(event_id="of another", user=user_of((PLACE + 1) % 4)))
        after = self.clock.now_ms()
        for event_id, name, topic, offset in (
            ("first of all", "reco_interaction", Topic.INTERACTION, 0),
            ("second one", "reco_interaction", Topic.INTERACTION, 1),
            ("a watch beside", "reco_watch", Topic.WATCH, 0),
        ):
            told = await self.receipt(event_id)
            self.assertEqual(told.status, Status.WAITING)
            self.assertEqual(told.position, Place(topic, name, PLACE, offset))
            assert told.waits is not None and told.acknowledged is not None and told.event is not None
            self.assertEqual((told.waits.before, told.waits.workers, told.waits.owner), (offset, 0, None))
            self.assertIn("no worker is alive", told.says)
            self.assertEqual(told.acknowledged.logged_at_ms, told.acknowledged.server_received_ts_ms)
            self.assertTrue(before <= (told.acknowledged.server_received_ts_ms or 0) <= after)
            self.assertEqual((told.acknowledged.by, told.event.user_id), ("postgres", "anna"))
            self.assertIsNone(told.applied)
        await self.claim("at work")
        told = await self.receipt("second one")
        assert told.waits is not None
        self.assertEqual((told.waits.workers, told.waits.owner), (1, "at work"))
        self.assertEqual(told.says, "It is in the log, not applied yet, behind 1 record.")

    async def test_an_applied_event_is_told_with_its_batch(self) -> None:
        """When, as which number, with how many others; no API process runs, and that is said too."""
        first, second, other = view(), view(), view(user=user_of((PLACE + 1) % 4))
        await self.take(first, second, other)
        before = await self.now_ms()
        await self.drain()
        after = await self.now_ms()
        told = await self.receipt(second)
        self.assertEqual(told.status, Status.APPLIED)
        assert told.applied is not None and told.applied.at_ms is not None
        self.assertEqual((told.applied.generation, told.applied.number, told.applied.records), (1, 1, 2))
        self.assertTrue(before <= told.applied.at_ms <= after)
        self.assertEqual(told.position, Place(Topic.INTERACTION, "reco_interaction", PLACE, 1))
        self.assertIn("no API process", told.says)
        assert told.acknowledged is not None
        self.assertEqual(told.acknowledged.logged_at_ms, told.acknowledged.server_received_ts_ms)
        self.assertIsNone(told.waits)
        third = view()
        await self.take(third)
        await self.drain()
        told = await self.receipt(third)
        assert told.applied is not None
        self.assertEqual((told.applied.number, told.applied.records), (2, 1))

    async def test_it_is_visible_where_the_picture_has_come_past_it_and_not_before(self) -> None:
        """Replica by replica; by when at the latest is what the first report said that had come there."""
        fast, slow = self.replica("fast"), self.replica("slow")
        early = view()
        await self.take(early)
        await self.drain()
        there = await self.changes()
        event = view()
        await self.take(event)
        await self.drain()
        await fast.report(there)
        await slow.report(there)
        told = await self.receipt(event)
        assert told.visible is not None
        seen = [(one.replica_id, one.visible, one.by_ms) for one in told.visible.replicas]
        self.assertEqual(seen, [("fast", False, None), ("slow", False, None)])
        self.assertEqual((told.status, told.visible.first_by_ms, told.visible.all_by_ms), (Status.APPLIED, None, None))
        self.assertEqual((await self.receipt(early)).status, Status.VISIBLE)
        now = await self.changes()
        before = await self.now_ms()
        await fast.report(now, moved_ago_s=0.005)
        after = await self.now_ms()
        await fast.report(now, moved_ago_s=60)  # it stands still, which makes no difference to when it came
        told = await self.receipt(event)
        assert told.visible is not None
        self.assertEqual([one.visible for one in told.visible.replicas], [True, False])
        self.assertIn("1 of 2", told.says)
        by_ms = told.visible.first_by_ms
        assert by_ms is not None
        self.assertTrue(before - 5 <= by_ms <= after - 4, (before, by_ms, after))
        self.assertEqual((told.status, told.visible.replicas[0].by_ms, told.visible.all_by_ms), (Status.APPLIED, by_ms, None))
        await slow.report(now)
        told = await self.receipt(event)
        assert told.visible is not None and told.visible.all_by_ms is not None
        self.assertEqual((told.status, told.visible.first_by_ms), (Status.VISIBLE, by_ms))
        self.assertGreaterEqual(told.visible.all_by_ms, by_ms)
        self.assertIn("every API process", told.says)

    async def test_what_a_replica_saw_that_has_ended_since_is_still_told(self) -> None:
        """The first to see it may be gone; a later one has it since it began."""
        event = view()
        await self.take(event)
        await self.drain()
        first = self.replica("first")
        await first.report(await self.changes())
        seen = (await self.receipt(event)).visible
        await first.leave()
        told = (await self.receipt(event)).visible
        assert told is not None and seen is not None
        self.assertEqual((told.first_by_ms, told.all_by_ms, told.replicas), (seen.first_by_ms, None, []))
        await self.replica("second").report(await self.changes())
        told = (await self.receipt(event)).visible
        assert told is not None and told.all_by_ms is not None and seen.first_by_ms is not None
        self.assertEqual(told.first_by_ms, seen.first_by_ms)
        self.assertGreaterEqual(told.all_by_ms, seen.first_by_ms)

    async def test_a_replica_of_another_generation_is_not_said_to_have_it(self) -> None:
        """Its numbers are those of other tables."""
        event = view()
        await self.take(event)
        await self.drain()
        await self.replica("elsewhere").report(dict.fromkeys(range(4), 10**9), generation=2)
        told = await self.receipt(event)
        assert told.visible is not None
        self.assertEqual((told.status, [one.visible for one in told.visible.replicas]), (Status.APPLIED, [False]))

    async def test_a_real_picture_bears_the_bound_out(self) -> None:
        """Event by event: committed before it is told to be visible, and seen in memory no later than it could be reported."""
        generations = PostgresGenerations(self.ground.database, space=self.ground.space)
        follower = Follower(generations, self.settings.snapshot, self.clock)
        following = asyncio.create_task(follower.run())
        self.addCleanup(following.cancel)
        for _ in range(3):
            event = view(user="anna")
            await self.take(event)
            await self.drain()
            there = (await self.changes())[PLACE]

            async def in_memory(there: int = there) -> bool:
                return follower.view is not None and follower.view.picture.version[PLACE] >= there

            async def told(event: Event = event) -> bool:
                return (await self.receipt(event)).status is Status.VISIBLE

            hidden = await self.now_ms() if not await in_memory() else None
            await wait_until(in_memory, "the picture has it")
            await wait_until(told, "the receipt says so")
            receipt = await self.receipt(event)
            assert receipt.visible is not None and receipt.applied is not None and receipt.applied.at_ms is not None
            by_ms = receipt.visible.all_by_ms
            assert by_ms is not None
            self.assertGreaterEqual(by_ms, receipt.applied.at_ms)
            self.assertGreaterEqual(by_ms, hidden or 0)
            self.assertLessEqual(by_ms, await self.now_ms())


class WhatItTells(ReceiptsTestCase):
    """Every kind of event, and ids as clients make them."""

    async def test_every_kind_is_told_for_what_it_is(self) -> None:
        """Interactions, watches, impressions, our own among them, and changes of the catalogue; waiting and applied alike."""
        served = msgspec.structs.replace(
            shown(["tea", "jam"], event_id="auto-0123", request="0123"),
            served=Served("default@1", {"0": 1}, ["popularity"] * 2, [1.0, 0.5], [1.0, 1.0]),
        )
        events: list[Event] = [
            view("jam", event_id="clicked it", action="click"),
            watch("film", event_id="watched it"),
            shown(["tea", "jam"], event_id="was shown it"),
            served,
            put("jam", event_id="change to put"),
            patched("jam", ItemPatch(title="Jam")),
            gone("jam"),
        ]
        wanted = [
            ("click", "anna", "jam", None, False, "reco_interaction"),
            ("watch", "anna", "film", None, False, "reco_watch"),
            ("impression", "anna", None, ["tea", "jam"], False, "reco_impression"),
            ("impression", "anna", None, ["tea", "jam"], True, "reco_impression"),
            ("item_put", None, "jam", None, False, "reco_catalogue"),
            ("item_patch", None, "jam", None, False, "reco_catalogue"),
            ("item_delete", None, "jam", None, False, "reco_catalogue"),
        ]
        await self.take(*events)
        waiting = [await self.receipt(event) for event in events]
        await self.drain()
        applied = [await self.receipt(event) for event in events]
        for event, one, other, want in zip(events, waiting, applied, wanted, strict=True):
            with self.subTest(event.event_id):
                self.assertEqual((one.status, other.status), (Status.WAITING, Status.APPLIED))
                self.assertEqual((one.event, one.position, one.acknowledged), (other.event, other.position, other.acknowledged))
                assert one.event is not None and one.position is not None
                about = one.event
                told = (about.type, about.user_id, about.item_id, about.items, about.served, one.position.name)
                self.assertEqual(told, want)

    async def test_an_id_may_hold_whatever_the_door_admits(self) -> None:
        """Quotes, backslashes, other scripts, and what stands for something in a pattern; none is mistaken for another."""
        ids = ['say "hello"', "back\\slash", "Łódź élève", "100%_of_all", "ids ids ids", "ids ids ids 2", "emoji 🫙🫙"]
        await self.take(*(view(event_id=one) for one in ids))
        for offset, one in enumerate(ids):
            self.assertEqual((await self.receipt(one)).position, Place(Topic.INTERACTION, "reco_interaction", PLACE, offset))
        self.assertIsNone(await self.receipts.receipt("100%_of_al_"))
        await self.drain()
        for one in ids:
            self.assertEqual((await self.receipt(one)).status, Status.APPLIED)
        await self.send(raw(b'{"v":1,"event_id":"\\u0141\\u00f3d\\u017a of others"}'))
        await self.drain()
        self.assertEqual((await self.receipt("Łódź of others")).status, Status.DEAD_LETTERED)

    async def test_topics_bear_their_outward_names(self) -> None:
        """As the settings call them."""
        names = {**self.settings.log.names, Topic.INTERACTION: "shop_clicks"}
        with patch.object(type(self.settings.log), "names", names):
            await self.take(view(event_id="called so"))
            waiting = await self.receipt("called so")
            await self.drain()
            applied = await self.receipt("called so")
        for one in (waiting, applied):
            assert one.position is not None
            self.assertEqual(str(one.position), f"shop_clicks:{PLACE}:0")
