"""The picture equals the tables at the version it names, and goes on being true whatever happens to them."""

import asyncio
import unittest
from collections.abc import Mapping
from contextlib import suppress

from headrace.features import history
from headrace.features.changes import Changes
from headrace.features.history import entry_of, recent_items
from headrace.snapshot import packed
from headrace.snapshot.follower import View
from headrace.snapshot.picture import MOST_POPULAR, Picture
from headrace.snapshot.port import Held, Reading, Standing, Tables, Wanted
from headrace.store.tables import PostgresReading, PostgresTables
from tests.support.loop import Loop, running, until
from tests.support.postgres import PostgresTestCase


class Dammed(PostgresTables):
    """Real tables behind a dam: nothing beyond ``crest`` is let through; None lets all through."""

    crest: Mapping[int, int] | None = None
    restless = False

    async def standing(self) -> Standing:
        """Return where the tables stand, at most at the crest."""
        real = await super().standing()
        if self.restless:
            await self._stir()
        return real if self.crest is None else Standing(self.crest, real.newest_ts_ms)

    async def changes(self, since: Mapping[int, int], *, limit: int) -> list[tuple[int, int, Changes]]:
        """Return the changelog up to the crest."""
        found = await super().changes(since, limit=limit)
        return found if self.crest is None else [one for one in found if one[1] < self.crest[one[0]]]

    async def _stir(self) -> None:
        """Commit one more (empty) batch, as a busy worker would between any two looks."""
        async with self._database.connection() as connection:
            nothing = b"\x95\x90\x00\x90\x90\x90"
            await connection.execute(self._queries["announce"], 0, nothing)


class OneGeneration:
    """Tells these tables to be live, once they are set."""

    tables: Tables | None = None

    async def look(self, _held: Held) -> Wanted:
        """Return the tables."""
        return Wanted(self.tables)

    async def leave(self) -> None:
        """Leave."""


class DammedCase(PostgresTestCase):
    """A loop whose changelog can be held up."""

    async def asyncSetUp(self) -> None:
        """Open a loop behind a dam that lets all through, its worker running."""
        await super().asyncSetUp()
        generations = OneGeneration()
        self.loop = await self.enterAsyncContext(Loop(self.url, {"HEADRACE_SNAPSHOT_NEIGHBOURS": "4"}, generations))
        self.tables = Dammed(self.loop.ground.database, self.loop.generation, space=self.loop.ground.space)
        generations.tables = self.tables
        self.loop.start_worker()

    async def a_few(self, count: int = 30, *, first: int = 0) -> None:
        """Send acts of a few users on a few items."""
        for number in range(first, first + count):
            await self.loop.send(self.loop.act(f"user-{number % 3}", f"item-{number * number % 11}"))

    async def dam_up(self) -> None:
        """Let nothing through any more."""
        self.tables.crest = dict(self.loop.view.picture.version)
        await until(lambda: self.loop.view.picture.version == self.tables.crest, "the picture is at the dam's crest")


class EqualToTheTables(DammedCase):
    """The picture at a version, against one consistent read of the tables at the same version."""

    async def test_under_load_the_picture_equals_the_tables_at_its_version(self) -> None:
        """While events keep coming, five moments: every item, the strongest neighbours, popular items, everybody's history."""
        await self.loop.follow()
        for sender in range(4):
            for user in range(7):
                await self.loop.view.histories.of(f"user-{sender}-{user}")
        stop = asyncio.Event()
        senders = [asyncio.create_task(self.keep_sending(number, stop)) for number in range(4)]
        try:
            for moment in range(5):
                picture = self.loop.view.picture
                before = sum(picture.version.values())

                def moved(picture: Picture = picture, before: int = before) -> bool:
                    return sum(picture.version.values()) > before + 20

                await until(moved, "twenty more batches are seen")
                await self.dam_up()
                async with self.tables.reading() as reading:
                    self.tables.crest = dict(reading.standing.next_change)
                    await until(lambda: self.loop.view.picture.version == self.tables.crest, "the read's version is reached")
                    with self.subTest(moment=moment):
                        await self.compare(self.loop.view.picture, reading, most=4)
                        await self.compare_histories(self.loop.view, reading)
                self.tables.crest = None
        finally:
            stop.set()
            await asyncio.gather(*senders)
        await self.loop.settle()
        async with self.tables.reading() as reading:
            await self.compare(self.loop.view.picture, reading, most=4)

    async def test_a_loaded_picture_equals_a_followed_one(self) -> None:
        """What was there before is loaded, what comes after is followed: one truth."""
        await self.a_few(60)
        await self.loop.settle()
        await self.loop.follow()
        async with self.tables.reading() as reading:
            await self.compare(self.loop.view.picture, reading, most=4)
        await self.a_few(60, first=60)
        await self.loop.settle()
        async with self.tables.reading() as reading:
            await self.compare(self.loop.view.picture, reading, most=4)

    async def test_histories_in_memory_equal_the_stored_ones(self) -> None:
        """After a hundred acts, users asked for before, between and after them have what the tables have."""
        await self.loop.follow()
        await self.loop.view.histories.of("user-0")
        await self.a_few(50)
        await self.loop.view.histories.of("user-1")
        await self.a_few(50, first=50)
        await self.loop.settle()
        users = ["user-0", "user-1", "user-2"]
        stored = {state.user_id: history.decode(state.entries) for state in await self.tables.histories(users)}
        number = self.loop.view.picture.numbers.__getitem__
        for user, entries in stored.items():
            found = await self.loop.view.histories.of(user)
            self.assertEqual(found.steps(), [packed.step_of(entry, number) for entry in entries])
            items = [number(entry.item_id) for entry in entries]
            self.assertEqual((found.recent.tolist(), found.returns), (list(recent_items(items, 20)), history.returns(items)))
        self.assertEqual({len(kept) for kept in stored.values()}, {20})

    async def keep_sending(self, sender: int, stop: asyncio.Event) -> None:
        """Send acts of the sender's users, who cross all partitions and share the items, until told to stop."""
        number = 0
        while not stop.is_set():
            number += 1
            user = f"user-{sender}-{number % 7}"
            await self.loop.send(self.loop.act(user, f"item-{number * (sender + 3) % 23}"))

    async def compare(self, picture: Picture, reading: Reading, *, most: int) -> None:
        """Assert that the picture is what the read says."""
        self.assertEqual(picture.version, dict(reading.standing.next_change))
        self.assertEqual(picture.newest_ts_ms, reading.standing.newest_ts_ms)
        items = [item async for some in reading.items() for item in some]
        self.assertEqual(sorted(picture.ids), sorted(item.item_id for item in items))
        for item in items:
            number = picture.numbers[item.item_id]
            ours = (picture.events[number], picture.weight[number], picture.decayed[number], picture.visits[number])
            self.assertEqual(ours, (item.events, item.weight, item.decayed, item.visits))
        decayed = picture.decayed
        popular = sorted(range(len(picture)), key=lambda number: (-decayed[number], number))
        self.assertEqual(picture.popular().tolist(), popular[:MOST_POPULAR])
        beside: dict[str, dict[str, tuple[float, int]]] = {item.item_id: {} for item in items}
        # As rows, not as the picture loads them: what it reads amiss is to be seen here.
        assert isinstance(reading, PostgresReading)
        rows = await reading._connection.fetch(reading._queries["snapshot_pairs"])
        for low, high, meetings, low_to_high, high_to_low in rows:
            beside[low][high] = (low_to_high, meetings)
            beside[high][low] = (high_to_low, meetings)
        total = 0
        for item_id, stored in beside.items():
            kept = picture.neighbours(picture.numbers[item_id])
            names = [picture.ids[one] for one in kept.items]
            total += len(names)
            self.assertEqual(len(names), min(most, len(stored)))
            for name, strength, meetings in zip(names, kept.strengths, kept.meetings, strict=True):
                self.assertEqual((strength, meetings), stored[name])
            self.assertEqual(sorted(kept.strengths), sorted(strength for strength, _ in stored.values())[-most:])
        self.assertEqual(picture.pairs, total)

    async def compare_histories(self, view: View, reading: Reading) -> None:
        """Assert that what is held of each user, apart from what is pending, is what the read says."""
        assert isinstance(reading, PostgresReading)
        users = list(view.histories._held)
        rows = await reading._connection.fetch(reading._queries["histories"], users)
        stored = {row["user_id"]: history.decode(row["entries"]) for row in rows}
        number = view.picture.numbers.__getitem__
        for user in users:
            entries = [packed.step_of(entry, number) for entry in stored.get(user, [])]
            self.assertEqual(packed.steps(view.histories._held[user]), entries)
        self.assertGreater(len(stored), 3)


class Trimmed(DammedCase):
    """The changelog is kept for minutes; whoever was away for longer loads anew."""

    async def stale_and_trimmed(self, trim: str) -> None:
        """Let the picture fall behind, trim the changelog, open the dam; assert that the picture becomes true again."""
        await self.a_few()
        await self.loop.settle()
        await self.loop.follow()
        await self.loop.view.histories.of("user-0")
        old = self.loop.view
        await self.dam_up()
        for number in range(5):
            await self.a_few(6, first=100 + 6 * number)
            await self.loop.applied()
        await self.loop.sql(trim)
        self.assertIs(self.loop.view, old)
        self.tables.crest = None
        await until(lambda: self.loop.view is not old, "a new picture is loaded")
        await self.loop.settle()
        async with self.tables.reading() as reading:
            await EqualToTheTables.compare(self, self.loop.view.picture, reading, most=4)

    async def test_a_changelog_trimmed_in_part_means_loading_anew(self) -> None:
        """What comes next in the changelog is not what the picture needs next."""
        await self.stale_and_trimmed("""DELETE FROM @gen.changelog AS c USING (
            SELECT partition, max(number) AS last FROM @gen.changelog GROUP BY partition) AS l
            WHERE c.partition = l.partition AND c.number < l.last""")

    async def test_a_changelog_trimmed_to_nothing_means_loading_anew_even_when_nobody_sends(self) -> None:
        """The numbers alone tell that something was missed."""
        await self.stale_and_trimmed("DELETE FROM @gen.changelog")

    async def test_what_is_pending_survives_loading_anew(self) -> None:
        """An event acknowledged here and not yet applied is still in its user's history after a reload."""
        await self.a_few()
        await self.loop.settle()
        await self.loop.follow()
        old = self.loop.view
        await self.dam_up()
        await self.a_few(6, first=50)
        await self.loop.applied()
        await self.loop.stop_worker()
        pending = self.loop.act("ada", "item-1")
        await self.loop.send(pending)
        await self.loop.sql("DELETE FROM @gen.changelog")
        self.tables.crest = None
        await until(lambda: self.loop.view is not old, "a new picture is loaded")
        (step,) = (await self.loop.view.histories.of("ada")).steps()
        self.assertEqual(step, packed.step_of(entry_of(pending), self.loop.view.picture.numbers.__getitem__))


class Restless(DammedCase):
    """A worker that never pauses."""

    async def test_a_picture_that_keeps_up_is_never_called_old(self) -> None:
        """Though the tables move between any two looks, the picture's time moves on with each round."""
        await self.loop.follow()
        self.tables.restless = True
        for _ in range(3):
            before = self.loop.view.picture.as_of_ms
            await until(lambda before=before: self.loop.view.picture.as_of_ms > before, "the picture's time moves on")


class Interrupted(PostgresTestCase):
    """Postgres goes away and comes back."""

    async def test_the_old_picture_stands_tells_its_age_and_recovers_by_itself(self) -> None:
        """Away: the same picture answers, trouble says postgres, its age grows. Back: trouble ends, news arrive."""
        async with running(self.url) as loop:
            await loop.send(loop.act("ada", "tent"), loop.act("ada", "stove"))
            await loop.settle()
            self.assertIsNone(loop.follower.trouble)
            view = loop.view
            await self.admit(yes=False)
            await until(lambda: loop.follower.trouble == "postgres", "the trouble is told")
            away_at = loop.follower.age_ms or 0
            await until(lambda: (loop.follower.age_ms or 0) > away_at + 50, "the age grows")
            self.assertIs(loop.view, view)
            answer = await loop.recommender.recommend("ada", "s1", 5, record=False)
            self.assertEqual(answer.as_of_ms, view.picture.as_of_ms)
            self.assertEqual((await loop.recommender.recommend("stranger", "s1", 5, record=False)).items, ["stove", "tent"])
            await self.admit(yes=True)
            await until(lambda: loop.follower.trouble is None, "the trouble is over")
            self.assertIs(loop.view, view)
            await loop.send(loop.act("bob", "lamp"))
            await loop.settle()
            self.assertIn("lamp", loop.view.picture.numbers)

    async def test_a_follower_that_starts_before_postgres_becomes_ready_by_itself(self) -> None:
        """No picture, no answer, the trouble told; then Postgres is there and so is the picture."""
        async with Loop(self.url) as loop:
            await self.admit(yes=False)
            following = asyncio.create_task(loop.follower.run())
            await until(lambda: loop.follower.trouble == "postgres", "the trouble is told")
            self.assertIsNone(loop.follower.view)
            self.assertIsNone(loop.follower.age_ms)
            await self.admit(yes=True)
            await until(lambda: loop.follower.view is not None, "a picture is loaded")
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


class Flipped(PostgresTestCase):
    """A new generation becomes the one that is read."""

    async def items(self, loop: Loop, user: str) -> list[str]:
        """Return the items of a user's history, oldest first."""
        return [loop.view.picture.ids[step.item] for step in (await loop.view.histories.of(user)).steps()]

    async def test_the_picture_and_the_histories_become_those_of_the_new_generation(self) -> None:
        """The replay knows of an event more; the flip swaps whole views, and what is pending stays visible."""
        async with running(self.url) as loop:
            await loop.send(loop.act("ada", "tent"), loop.act("ada", "stove"))
            await loop.settle()
            await loop.view.histories.of("ada")
            async with Loop(self.url, {"KAFKA_WORKER_GROUP_ID": "replay", "STREAM_FEATURE_HISTORY_SIZE": "1"}) as replay:
                replay.start_worker()
                await replay.settle()
                self.assertEqual(loop.view.picture.generation, 1)
                old = loop.view
                await loop.stop_worker()
                pending = loop.act("bob", "lamp")
                await loop.send(pending)
                await replay.settle()
                await loop.sql("UPDATE @space.live SET generation = $1", replay.generation.number)
                await until(lambda: loop.view is not old, "the flip is noticed")
                self.assertEqual(loop.view.picture.generation, 2)
                self.assertEqual(sorted(loop.view.picture.ids), ["lamp", "stove", "tent"])
                self.assertEqual(await self.items(loop, "ada"), ["stove"])
                self.assertEqual(await self.items(loop, "bob"), ["lamp"])

    async def test_before_there_is_a_generation_the_trouble_says_so(self) -> None:
        """An empty space has no picture: the follower waits and tells why."""

        class Nobody:
            async def look(self, _held: Held) -> Wanted:
                return Wanted(None)

            async def leave(self) -> None:
                return None

        async with Loop(self.url, generations=Nobody()) as loop:
            following = asyncio.create_task(loop.follower.run())
            await until(lambda: loop.follower.trouble is not None, "the trouble is told")
            self.assertRegex(loop.follower.trouble or "", "no generation")
            self.assertIsNone(loop.follower.view)
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


if __name__ == "__main__":
    unittest.main()
