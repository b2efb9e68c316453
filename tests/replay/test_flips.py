"""Readers move from one generation to another without an error, and back; whatever was killed on the way."""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack

from headrace import wiring
from headrace.store import generations
from headrace.store.flips import Flips
from headrace.store.sql import DEFAULT_SPACE
from headrace.wiring.ground import _drop_left_behind
from headrace.wiring.replays import Refused, Replays
from tests.stream.world import wait_until
from tests.support.loop import Loop, until
from tests.support.postgres import PostgresTestCase

ITEMS = ("tent", "stove", "lamp", "kayak", "paddle", "rope")


class Flipping(PostgresTestCase):
    """Two API processes' followers, one worker process's crew, and somebody who asks all the time."""

    async def asyncSetUp(self) -> None:
        """Start them, with some past."""
        await super().asyncSetUp()
        self.stack = await self.enterAsyncContext(AsyncExitStack())
        self.environ = {"HEADRACE_STREAM_LEASE_MS": "1000"}
        self.loop = await self.stack.enter_async_context(Loop(self.url, self.environ))
        self.other = await self.stack.enter_async_context(Loop(self.url, self.environ))
        self.crew = await self.stack.enter_async_context(wiring.worker(self.loop.settings))
        self.working = asyncio.create_task(self.crew.run())
        self.stack.push_async_callback(self.end_work)
        for n in range(60):
            await self.loop.send(self.loop.act(f"user {n % 5}", ITEMS[(n * 7 + n // 5) % 6]))
        await self.loop.applied()
        for loop in (self.loop, self.other):
            await loop.follow()
        self.flips = Flips(self.loop.ground.database, space=DEFAULT_SPACE)
        self.replays = Replays(self.loop.ground, self.loop.generation)
        self.asked, self.errors = 0, [BaseException()][:0]

    async def start_asking(self) -> None:
        """Have somebody ask until the test ends, or ``stop_asking``."""
        self.asking = asyncio.create_task(self.ask())
        self.stack.push_async_callback(self.stop_asking)

    async def stop_asking(self) -> None:
        """Have nobody ask any more."""
        self.asking.cancel()
        await asyncio.wait([self.asking])

    async def end_work(self) -> None:
        """Stop the crew; a worker that failed fails the test."""
        self.crew.stop()
        await self.working

    async def ask(self) -> None:
        """Ask both replicas again and again, and tell them things, until cancelled."""
        while True:
            self.asked += 1
            for loop in (self.loop, self.other):
                try:
                    answer = await loop.recommender.recommend(f"user {self.asked % 5}", "s", 5, record=True)
                    assert answer.items
                except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                    self.errors.append(error)
            if self.asked % 3 == 0:
                await self.loop.send(self.loop.act(f"user {self.asked % 5}", ITEMS[self.asked % 6]))
            await asyncio.sleep(0.01)

    async def built(self, window: int = 2) -> int:
        """Build a generation with another window and wait until it is followed."""
        settings = {**self.environ, "HEADRACE_FEATURE_WINDOW": str(window)}
        async with Loop(self.url, settings) as changed:
            made = await Replays(changed.ground, self.loop.generation).start("archive")

        async def followed() -> bool:
            return (await self.replays.standing(made.number)).state == "followed"

        await wait_until(followed, "it has caught up", seconds=60)
        return made.number

    async def flip(self, number: int, *, force: bool = False) -> float:
        """Flip, and return the seconds it took everybody to move."""
        flipped = await self.replays.flip(number, force=force, patience_s=60, tell=lambda _: None)
        self.assertEqual(flipped.replicas, 2)
        return flipped.moved_s

    async def refused(self, work: Awaitable[object], because: str) -> None:
        """Assert that something is refused, with these words."""
        with self.assertRaisesRegex(Refused, because):
            await work

    def read(self) -> set[int]:
        """Return which generations answers are made from."""
        return {loop.view.picture.generation for loop in (self.loop, self.other)}

    async def test_a_flip_beside_a_drop_says_so_and_changes_nothing(self) -> None:
        """Somebody begins to drop the generation just after it was looked up."""
        number = await self.built()
        flips = self.flips

        class Late(Replays):
            async def standing(self, number: int) -> generations.Generation:
                """Look it up, and have somebody drop it at once."""
                found = await super().standing(number)
                await flips.begin_dropping(number)
                return found

        with self.assertRaisesRegex(Refused, f"generation {number} is being dropped"):
            await Late(self.loop.ground, self.loop.generation).flip(number, force=False, patience_s=5, tell=lambda _: None)
        self.assertEqual((await self.replays.live()).number, 1)

    async def test_a_replay_is_flipped_to_and_back_while_people_ask_and_nobody_hears_an_error(self) -> None:
        """Within a second each time; a worker process needs no restart for any of it; both are proven in the end."""
        await self.start_asking()
        number = await self.built()
        self.assertEqual(self.read(), {1})
        self.assertLess(await self.flip(number), 1)
        self.assertEqual(self.read(), {number})
        self.assertEqual(self.loop.view.picture.rules.settings.window, 2)
        self.assertEqual((await self.replays.way_back()).number, 1)
        self.assertLess(await self.flip(1), 1)
        self.assertEqual(self.read(), {1})
        await self.stop_asking()
        self.assertEqual(self.errors, [])
        self.assertGreater(self.asked, 50)
        for one in (1, number):
            async with wiring.verifying(self.loop.settings, one) as verifier:
                self.assertTrue((await verifier.verify(lambda *_: None)).equal)

    async def test_what_a_user_just_did_stands_in_the_answer_across_the_flip(self) -> None:
        """The events acknowledged here and applied by nobody yet are in the histories that are swapped in."""
        number = await self.built()
        self.crew.stop()
        await self.working
        await self.loop.send(self.loop.act("newcomer", "kayak"))
        await self.loop.view.histories.of("user 1")
        await self.flip(number)
        view = self.loop.view
        self.assertIsNotNone(view.histories.held("user 1"), "who was held before the flip is held behind it")
        history = await view.histories.of("newcomer")
        self.assertEqual([view.picture.ids[step.item] for step in history.steps()], ["kayak"])

    async def test_a_flip_is_refused_where_the_generation_is_not_fresh_enough(self) -> None:
        """Being built, far behind, dropped, unknown, or read already; --force takes the first two as they are."""
        self.crew.stop()
        await self.working
        made = await self.replays.start("archive")
        await self.refused(self.flip(made.number), "still being built, 60 records are left$")
        await self.refused(self.replays.start("archive"), "is being built already: wait, or drop it$")
        await self.refused(self.flip(7), "there is no generation 7; there are: 1, 2")
        await self.refused(self.flip(1), "is the one that is read already")
        await self.flip(made.number, force=True)
        self.assertEqual(self.read(), {made.number})

    async def test_a_flip_killed_half_way_leaves_nothing_behind(self) -> None:
        """A proposal that nobody renews runs out; another flip is possible as soon as it has."""
        first, second = await self.built(), await self.built(3)
        self.assertTrue(await self.flips.propose(first))
        await self.refused(self.flip(second), f"another flip is under way, to generation {first}")
        await self.refused(self.replays.drop(first, patience_s=5), "a flip to generation 2 is under way")
        await self.loop.sql("UPDATE @space.live SET candidate_until = now()")
        self.assertFalse((await self.flips.readers()).candidate)  # type: ignore[union-attr]
        await self.flip(second)
        self.assertEqual(self.read(), {second})

    async def test_a_replica_that_never_gets_ready_keeps_the_flip_from_happening(self) -> None:
        """Its name is told, nothing has changed; one that is dead is not waited for."""
        number = await self.built()
        await self.loop.sql("""INSERT INTO @space.replicas (replica_id, generation, as_of_ms, version, seen_at)
            VALUES ('stuck', 1, 0, '{}', now() + interval '1 minute')""")
        flip = self.replays.flip(number, force=False, patience_s=1, tell=lambda _: None)
        await self.refused(flip, "not all replicas hold .* nothing was changed. Missing: stuck")
        self.assertEqual(self.read(), {1})
        await self.loop.sql("UPDATE @space.replicas SET seen_at = now() - interval '1 minute' WHERE replica_id = 'stuck'")
        await self.flip(number)

    async def test_a_generation_is_dropped_with_its_tables_and_its_number_is_not_given_again(self) -> None:
        """Not the live one, nor the source of one being built; the worker lets go of it by itself."""
        number = await self.built()
        await self.refused(self.replays.drop(1, patience_s=5), "is the one that is read; flip to another one first")
        await self.replays.drop(number, patience_s=10)
        await self.refused(self.replays.drop(number, patience_s=5), "there is no generation 2 any more; there are: 1")
        async with self.loop.ground.database.connection() as connection:
            self.assertIsNone(await connection.fetchval("SELECT to_regnamespace('headrace_g2')"))
        self.assertEqual(await self.built(), 3)
        self.assertFalse(self.working.done())

    async def test_the_way_back_is_kept_for_its_hours_and_then_tidied_away(self) -> None:
        """The generation before the flip is followed meanwhile; one that is live is never tidied away."""
        number = await self.built()
        await self.flip(number)
        await _drop_left_behind(self.loop.ground)
        self.assertEqual((await self.replays.way_back()).number, 1)
        await self.loop.sql("UPDATE @space.generations SET left_at = now() - interval '25 hours' WHERE number = 1")

        async def gone() -> bool:
            await _drop_left_behind(self.loop.ground)
            return [one.number for one in await generations.standing(self.loop.ground.database, DEFAULT_SPACE)] == [number]

        await until(gone, "it is dropped")
        await self.refused(self.replays.way_back(), "no way back")
        self.assertEqual(self.read(), {number})
