"""Items as the console asks for them, over the real tables and the real picture."""

import asyncio

import asyncpg
import msgspec

from headrace.events.items import Item, ItemChange
from headrace.events.types import Interaction, Watch
from headrace.wiring.items import HOUR_MS, Items
from tests.support.loop import Loop, running, until
from tests.support.postgres import PostgresTestCase

DAY_H = 24


def at(loop: Loop, act: Interaction, hours_ago: int) -> Interaction:
    """Return the act as one of some hours ago, in the middle of its hour."""
    hour = loop.ground.clock.now_ms() // HOUR_MS - hours_ago
    return msgspec.structs.replace(act, ts_ms=hour * HOUR_MS + HOUR_MS // 2)


def _watch(ts_ms: int) -> Watch:
    return Watch(
        event_id="a-watch-1", user_id="ada", session_id="s", request_id="r", ts_ms=ts_ms, item_id="tent", watch_time_sec=3.0
    )


class ItemsOfTheConsole(PostgresTestCase):
    """A few users, a few things, all countable by hand."""

    async def test_acts_are_counted_hour_by_hour_and_each_once(self) -> None:
        """By kind, in spans that end with the newest event; asking again counts nothing twice."""
        async with running(self.url) as loop:
            items = Items(loop.ground, loop.follower)
            acts = [(0, "view"), (0, "view"), (1, "click"), (1, "purchase"), (25, "view")]
            await loop.send(*(at(loop, loop.act("ada", "tent", action=kind), ago) for ago, kind in acts))
            await loop.send(loop.act("bob", "stove"))
            newest = at(loop, loop.act("ada", "tent"), 0).ts_ms
            await loop.send(_watch(newest))
            await loop.settle()
            for _ in range(2):
                hours = await items.course("tent", 48, 1)
                self.assertEqual(
                    [(one.views, one.watches, one.clicks, one.purchases) for one in hours.acts[-2:]],
                    [(0, 0, 1, 1), (2, 1, 0, 0)],
                )
                self.assertEqual(sum(one.views for one in hours.acts), 3)
                self.assertEqual(hours.counted, 1.0)
            days = await items.course("tent", 60, DAY_H)
            self.assertEqual(len(days.acts), 60)
            self.assertEqual(sum(one.views + one.watches + one.clicks + one.purchases for one in days.acts), 6)
            self.assertEqual(sum(one.views for one in (await items.course("stove", 48, 1)).acts), 1)
            self.assertEqual(sum(one.views for one in (await items.course("nobody", 48, 1)).acts), 0)

    async def test_what_an_answer_does_not_wait_for_is_counted_afterwards(self) -> None:
        """A large archive is counted a stretch at a time, and the page is told how far that is."""
        async with running(self.url) as loop:
            items = Items(loop.ground, loop.follower)
            for start in range(0, 9_000, 3_000):
                await loop.send(*(loop.act(f"user-{number}", f"thing-{number % 7}") for number in range(start, start + 3_000)))
            await loop.settle()
            first = await items.course("thing-3", 48, 1)
            self.assertGreater(first.counted, 0)
            self.assertLess(first.counted, 1)
            counting = asyncio.create_task(items.count())

            async def counted() -> bool:
                return (await items.course("thing-3", 48, 1)).counted == 1

            await until(counted, "all is counted")
            counting.cancel()
            total = sum(one.views for one in (await items.course("thing-3", 48, 1)).acts)
            self.assertEqual(total, sum(number % 7 == 3 for number in range(9_000)))

    async def test_several_that_count_at_once_count_each_record_once(self) -> None:
        """As several replicas of the API do."""
        async with running(self.url) as loop:
            await loop.send(*(loop.act(f"user-{number}", "thing") for number in range(3_000)))
            await loop.settle()
            several = [Items(loop.ground, loop.follower) for _ in range(4)]
            for _ in range(4):
                await asyncio.gather(*(one.course("thing", 48, 1) for one in several))
            found = await several[0].course("thing", 48, 1)
            self.assertEqual((found.counted, sum(one.views for one in found.acts)), (1.0, 3_000))

    async def test_an_item_is_found_by_the_beginning_of_its_id_or_title(self) -> None:
        """Ids letter by letter, titles in any case; what is meant for patterns is only text."""
        async with running(self.url) as loop:
            items = Items(loop.ground, loop.follower)
            await loop.send(*(loop.act("ada", item) for item in ("tent", "tea", "TENT", "te%", "stove", "te\U0010ffffx")))
            await loop.send(ItemChange(event_id="change-01", item_id="jam", put=Item(title="Tender quince")))
            await loop.send(ItemChange(event_id="change-02", item_id="tentacle", put=Item()))
            await loop.send(ItemChange(event_id="change-03", item_id="gone", put=Item(title="Tent of old")))
            await loop.send(ItemChange(event_id="change-04", item_id="gone"))
            await loop.settle()

            async def found(beginning: str, most: int = 50) -> list[str]:
                return [one.item_id for one in await items.find(beginning, most)]

            self.assertEqual(await found("tent"), ["tent", "tentacle"])
            self.assertEqual(await found("tend"), ["jam"])
            self.assertEqual(await found("TEN"), ["TENT", "jam"])
            self.assertEqual(await found("te%"), ["te%"])
            self.assertEqual(await found("te\U0010ffff"), ["te\U0010ffffx"])
            self.assertEqual(len(await found("t", 2)), 2)
            self.assertEqual(await items.titles(["jam", "tent", "gone"]), {"jam": "Tender quince"})
            (jam,) = await items.find("jam", 1)
            self.assertEqual((jam.title, jam.events), ("Tender quince", 0))

    async def test_neighbours_have_counts_and_both_directions(self) -> None:
        """Ada went from the tent to the stove twice as often as back; the weights say so, and are those of the tables."""
        async with running(self.url) as loop:
            items = Items(loop.ground, loop.follower)
            for user in ("ada", "bob", "cyd"):
                await loop.send(loop.act(user, "tent"), loop.act(user, "stove"))
            await loop.settle()
            (found,) = items.neighbours("tent", 10)
            self.assertEqual((found.item_id, found.meetings), ("stove", 3))
            assert found.before is not None
            self.assertGreater(found.after, found.before)
            row = await self.pair(loop)
            now = loop.view.picture.now_factor
            self.assertAlmostEqual(found.after, row["high_to_low"] / now)
            self.assertAlmostEqual(found.before, row["low_to_high"] / now)
            (back,) = items.neighbours("stove", 10)
            self.assertEqual((back.after, back.before), (found.before, found.after))
            self.assertEqual(items.neighbours("nobody", 10), [])

    async def pair(self, loop: Loop) -> asyncpg.Record:
        """Return the row of stove and tent."""
        async with loop.ground.database.connection() as connection:
            (row,) = await connection.fetch(loop.placed("SELECT * FROM @gen.co_visitation"))
        return row

    async def test_an_item_s_place_is_that_of_its_weight(self) -> None:
        """A purchase weighs more than a view; an item of the catalogue alone has no place; an unknown one nothing at all."""
        async with running(self.url) as loop:
            items = Items(loop.ground, loop.follower)
            await loop.send(loop.act("ada", "tent", action="purchase"), loop.act("bob", "stove"))
            await loop.send(ItemChange(event_id="change-01", item_id="jam", put=Item(available=False)))
            await loop.settle()
            standing = [one for name in ("tent", "stove", "jam") if (one := items.standing(name)) is not None]
            self.assertEqual([one.rank for one in standing], [1, 2, 0])
            self.assertEqual([one.shown for one in standing], [True, True, False])
            self.assertEqual([one.items for one in standing], [2, 2, 2])
            self.assertAlmostEqual(standing[0].weight, 10, places=2)
            self.assertIsNone(items.standing("nobody"))
            self.assertEqual([one.item_id for one in items.popular(5)], ["tent", "stove"])
