"""A change of the catalogue goes the way of every event: through the log, applied once, proven, replayed, seen in answers."""

import dataclasses
import unittest

import msgspec
import numpy as np

from headrace.events import codec
from headrace.events.items import Item, ItemPatch, changed
from headrace.expressions import read
from headrace.log.port import Topic, Verdict
from headrace.serving.recommender import Wish
from headrace.store.archived_log import ArchivedLog
from headrace.store.migrations import migrate_generation
from headrace.store.sql import DEFAULT_SPACE
from tests.catalogue.world import JAM, gone, patch, put
from tests.stream.world import StreamTestCase, raw, view
from tests.support.loop import Loop, until
from tests.support.postgres import PostgresTestCase


class WhatAChangeMeans(unittest.TestCase):
    """An item before and after."""

    def test_a_patch_changes_what_it_names_and_null_takes_it_back(self) -> None:
        """Attributes one by one; fields that are left out stay."""
        after = changed(JAM, patch("jam", ItemPatch(title=None, available=False, attributes={"price": 4, "by": None})))
        assert after is not None
        self.assertEqual((after.title, after.available, after.group), (None, False, "jams"))
        self.assertEqual(after.attributes, {key: value for key, value in {**JAM.attributes, "price": 4}.items() if key != "by"})

    def test_a_patch_of_an_item_that_is_not_there_begins_with_an_empty_one(self) -> None:
        """So no order of arrival makes it an error."""
        self.assertEqual(changed(None, patch("jam", ItemPatch(title="Jam"))), Item(title="Jam"))

    def test_a_change_comes_through_the_codec_as_it_was(self) -> None:
        """Put, patched with a null, deleted: three different things."""
        for change in (put("jam", JAM), patch("jam", ItemPatch(title=None, attributes={"by": None})), gone("jam")):
            self.assertEqual(codec.decode_change(codec.encode(change)), change)


class AppliedOnce(StreamTestCase):
    """The worker's half, on a real Postgres."""

    async def items(self) -> dict[str, Item | None]:
        """Return the table."""
        rows = await self.rows("SELECT item_id, item::text FROM @gen.catalogue")
        return {name: None if item is None else codec.decode_item(item) for name, item in rows}

    async def test_changes_are_applied_in_order_and_proven(self) -> None:
        """What is put, patched and deleted stands in the table as it must; a duplicate changes nothing."""
        again = put("tea", Item(title="Tea"), event_id="the same twice")
        await self.send(put("jam", JAM), again, view("jam"), gone("oats"))
        await self.drain()
        await self.send(patch("jam", ItemPatch(available=False)), put("oats"), gone("oats"), put("salt"))
        await self.send(raw(codec.encode(again), user="tea", topic=Topic.CATALOGUE))
        await self.drain()
        wanted = {"jam": msgspec.structs.replace(JAM, available=False), "tea": again.put, "oats": None, "salt": Item()}
        self.assertEqual(await self.items(), wanted)
        await self.assert_proven()
        await self.rows("UPDATE @gen.catalogue SET item = '{\"title\":\"Tee\"}' WHERE item_id = 'tea'")
        self.assertEqual([one.table for one in (await self.verify()).comparisons if one.different], ["catalogue"])

    async def test_what_can_never_be_an_item_is_dead_lettered(self) -> None:
        """A name that is none, a number that is none; the neighbours count."""
        bad = put("jam", Item(attributes={"no name": 1}))
        await self.send(put("tea"), raw(codec.encode(bad), user="jam", topic=Topic.CATALOGUE), put("salt"))
        await self.drain()
        self.assertEqual(set(await self.items()), {"tea", "salt"})
        self.assertEqual([kind for kind, *_ in await self.dead()], ["wrong_schema"])

    async def test_the_archive_of_changes_replays_to_the_same_catalogue(self) -> None:
        """Read as the log it came from, in the order in which it was applied."""
        changes = [put("jam", JAM), patch("jam", ItemPatch(title="Marmalade")), gone("tea"), put("salt")]
        await self.send(*changes)
        await self.drain()
        replay = dataclasses.replace(self.generation, source=self.generation.number)
        archive = ArchivedLog(self.ground.database, replay, space=DEFAULT_SPACE)
        found = [one for partition in range(4) for one in await archive.read(partition, {Topic.CATALOGUE: 0}, limit=9)]
        read = [codec.decode_change(one.value) for one in found]
        self.assertCountEqual(read, changes)

    async def test_a_generation_of_the_version_before_goes_on(self) -> None:
        """Its positions know three topics; brought up to date they know the fourth, from its beginning."""
        await self.send(view("jam"))
        await self.drain()
        await self.rows("UPDATE @gen.partitions SET positions = positions[:3], started_from = started_from[:3], owner = NULL")
        await self.rows("DROP TABLE @gen.catalogue")
        await self.rows("DROP TABLE @gen.item_changes")
        await self.rows("DELETE FROM @gen.migrations WHERE name LIKE '0004%'")
        async with self.ground.database.connection() as connection:
            await migrate_generation(connection, DEFAULT_SPACE, self.generation.number)
        self._all.clear()
        await self.send(put("jam", JAM), view("tea"))
        await self.drain()
        self.assertEqual(await self.items(), {"jam": JAM})
        await self.assert_proven()


class SeenInAnswers(PostgresTestCase):
    """Door, worker, picture and recommender together."""

    async def asyncSetUp(self) -> None:
        """Start it all; three people have been at four items."""
        await super().asyncSetUp()
        self.loop = await self.enterAsyncContext(Loop(self.url))
        self.loop.start_worker()
        await self.loop.follow()
        for user in ("ada", "bob", "eve"):
            for item in ("jam", "tea", "oats", "salt"):
                await self.loop.send(self.loop.act(user, item))
        await self.loop.send(self.loop.act("new", "salt"))
        await until(lambda: len(self.loop.view.picture) == 4 and self.loop.view.picture.pairs == 12, "all pairs are seen")

    async def answers(self) -> list[list[str]]:
        """Return every kind of answer there is."""
        recommend = self.loop.recommender
        return [
            (await recommend.recommend("new", None, 10, record=False)).items,
            (await recommend.recommend("nobody", None, 10, record=False)).items,
            (await recommend.similar("salt", 10)).items,
            (await recommend.trending(10)).items,
        ]

    async def shown(self, item: str) -> set[bool]:
        """Return whether answers hold an item: of one mind, or not."""
        return {item in answer for answer in await self.answers()}

    async def test_an_item_switched_off_is_gone_at_once_and_comes_back(self) -> None:
        """From every source and filler; here with the acknowledgement, elsewhere with the changelog."""
        other = await self.enterAsyncContext(Loop(self.url))
        await other.follow()
        await self.loop.send(put("jam", JAM))
        self.assertEqual(await self.shown("jam"), {True})
        await self.loop.send(patch("jam", ItemPatch(available=False)))
        self.assertEqual(await self.shown("jam"), {False})
        jam = other.view.picture.numbers["jam"]
        await until(lambda: other.view.picture.catalogue.visible(np.array([jam])) is not None, "the other replica hears of it")
        self.assertNotIn("jam", (await other.recommender.trending(10)).items)
        await until(lambda: not self.loop.view.picture.catalogue.pending(), "the changelog has brought it")
        self.assertEqual(await self.shown("jam"), {False})
        await self.loop.send(patch("jam", ItemPatch(available=None)))
        self.assertEqual(await self.shown("jam"), {True})
        await self.loop.send(gone("jam"))
        self.assertEqual(await self.shown("jam"), {False})

    async def test_an_item_is_shown_from_its_first_moment_until_before_its_last(self) -> None:
        """The picture's time decides, which goes on without any event."""
        turn = self.loop.ground.clock.now_ms() + 3_600_000
        await self.loop.send(put("jam", Item(available_from_ms=turn)), put("tea", Item(available_until_ms=turn)))
        await self.loop.stop_following()
        self.assertEqual((await self.shown("jam"), await self.shown("tea")), ({False}, {True}))
        self.loop.view.picture.catalogue.at(turn - 1)
        self.assertEqual((await self.shown("jam"), await self.shown("tea")), ({False}, {True}))
        self.loop.view.picture.catalogue.at(turn)
        self.assertEqual((await self.shown("jam"), await self.shown("tea")), ({True}, {False}))

    async def test_a_new_picture_knows_what_the_old_one_knew(self) -> None:
        """Loaded from the tables: hidden, deleted, and changes that nobody has applied yet."""
        await self.loop.send(put("jam", Item(available=False)), gone("tea"))
        await until(lambda: not self.loop.view.picture.catalogue.pending(), "both are applied")
        await self.loop.stop_worker()
        verdicts = await self.loop.send(put("oats", Item(available=False)))
        self.assertEqual(verdicts, [Verdict.OK])
        fresh = (await self.loop.follower.load(self.loop.tables())).picture
        shown = fresh.catalogue.visible(np.arange(len(fresh)))
        assert shown is not None
        self.assertEqual({name for name, seen in zip(fresh.ids, shown.tolist(), strict=True) if seen}, {"salt"})
        self.assertEqual([change.item_id for change in fresh.catalogue.pending()], ["oats"])

    async def test_where_the_settings_say_so_an_unknown_item_is_not_shown(self) -> None:
        """Only what the catalogue names."""
        strict = await self.enterAsyncContext(Loop(self.url, {"HEADRACE_SNAPSHOT_UNKNOWN_ITEMS": "false"}))
        await strict.follow()
        self.assertEqual((await strict.recommender.trending(10)).items, [])
        await strict.send(put("jam"))
        self.assertEqual((await strict.recommender.trending(10)).items, ["jam"])

    async def test_a_request_says_what_must_be_true_and_what_to_leave_out(self) -> None:
        """Of personal items and of those that fill up; a change of an attribute counts at once."""
        for number, item in enumerate(("jam", "tea", "oats")):
            await self.loop.send(put(item, Item(attributes={"price": number})))
        for text, wanted in {"price <= 1": {"jam", "tea"}, "price > 5": set(), "price is null": {"salt"}}.items():
            for user, seen in {"new": {"salt"}, "nobody": set[str]()}.items():
                answer = await self.loop.recommender.recommend(user, None, 10, record=False, wish=Wish(only=read(text)))
                self.assertEqual(set(answer.items), wanted - seen, (user, text))
        wish = Wish(exclude=frozenset({"tea"}), only=read("price <= $max"), given={"max": 1})
        self.assertEqual((await self.loop.recommender.recommend("new", None, 10, record=False, wish=wish)).items, ["jam"])
        await self.loop.send(patch("oats", ItemPatch(attributes={"price": 0.5})))
        answer = await self.loop.recommender.recommend("new", None, 10, record=False, wish=wish)
        self.assertEqual(set(answer.items), {"jam", "oats"})
