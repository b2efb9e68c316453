"""The recommender over real tables: who is shown what, and what is recorded of it."""

import json
import unittest
from typing import Any

from headrace.errors import Unavailable
from headrace.serving import recipes
from headrace.serving.recommender import Answer
from tests.serving.world import camping
from tests.support.loop import Loop, running
from tests.support.postgres import PostgresTestCase

EXPLORER = """
[[explored]]
part = "arrivals"
[explorer]
part = "exploring"
share = 1.0
place = 1
"""


class Recommendations(PostgresTestCase):
    """Answers in the world of campers."""

    async def ask(self, loop: Loop, user: str, k: int = 10, *, record: bool = False) -> Answer:
        """Ask for a user in a session of their own."""
        return await loop.recommender.recommend(user, "s1", k, record=record)

    async def test_what_others_bought_comes_first_and_popular_items_behind(self) -> None:
        """Ada has seen the tent: the stove first, then the lamp and the rope that everybody sees; never the tent."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(loop.act("ada", "tent"))
            await loop.settle()
            answer = await self.ask(loop, "ada")
            self.assertEqual(answer.items, ["stove", "lamp", "rope"])
            self.assertEqual(answer.sources, ["co_visitation", "popularity"])
            self.assertEqual(answer.strategy, "co_visitation+popularity")

    async def test_one_event_is_enough_and_counts_in_the_very_next_answer(self) -> None:
        """No waiting between the acknowledged event and the answer that knows of it, though no worker has seen it."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.stop_worker()
            await loop.send(loop.act("ada", "tent"))
            self.assertEqual((await self.ask(loop, "ada")).items[0], "stove")
            await loop.send(loop.act("ada", "stove"))
            self.assertNotIn("stove", (await self.ask(loop, "ada")).items)

    async def test_a_stranger_is_shown_what_is_popular(self) -> None:
        """The most popular first: three purchases beat eight clicks beat four views."""
        async with running(self.url) as loop:
            await camping(loop)
            answer = await self.ask(loop, "nobody")
            self.assertEqual(answer.items, ["stove", "lamp", "rope", "tent"])
            self.assertEqual((answer.sources, answer.strategy), (["popularity"], "popularity"))

    async def test_an_item_nobody_knows_in_the_history_does_no_harm(self) -> None:
        """Ada's first act is on an item that no table has yet: she is answered like a stranger."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.stop_worker()
            await loop.send(loop.act("ada", "brand-new"))
            self.assertEqual((await self.ask(loop, "ada")).items, (await self.ask(loop, "nobody")).items)

    async def test_who_only_repeats_one_item_is_shown_what_met_it_and_never_that_item(self) -> None:
        """Ada has reloaded the tent ten times: the stove first; with ``revisits`` too, as she is looking at the tent."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(*(loop.act("ada", "tent") for _ in range(10)))
            await loop.settle()
            for name in ("default", "revisits"):
                loop.recommender.take(recipes.named(name))
                answer = await self.ask(loop, "ada")
                self.assertEqual(answer.items[0], "stove", name)
                self.assertNotIn("tent", answer.items, name)

    async def test_what_was_just_consumed_is_shown_again_only_where_the_recipe_allows_it(self) -> None:
        """Ada went from the tent to the stove: ``default`` shows neither, ``revisits`` the tent."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(loop.act("ada", "tent"), loop.act("ada", "stove", action="purchase"))
            await loop.settle()
            self.assertTrue({"tent", "stove"}.isdisjoint((await self.ask(loop, "ada")).items))
            loop.recommender.take(recipes.named("revisits"))
            again = (await self.ask(loop, "ada")).items
            self.assertIn("tent", again)
            self.assertNotIn("stove", again)

    async def test_of_an_empty_catalogue_nothing_is_shown_and_nothing_recorded(self) -> None:
        """Before the first event an answer is empty, says so, and leaves no impression."""
        async with running(self.url) as loop:
            answer = await self.ask(loop, "ada", record=True)
            self.assertEqual((answer.items, answer.sources, answer.strategy), ([], [], "none"))
            await loop.intake.close()
            self.assertEqual(sum((await loop.ground.log.ends()).values()), 0)

    async def test_k_beyond_the_catalogue_gives_the_whole_catalogue_once(self) -> None:
        """Two hundred asked for, four there are; one asked for, one given."""
        async with running(self.url) as loop:
            await camping(loop)
            self.assertEqual(sorted((await self.ask(loop, "nobody", 200)).items), ["lamp", "rope", "stove", "tent"])
            self.assertEqual((await self.ask(loop, "nobody", 1)).items, ["stove"])

    async def test_who_has_seen_everything_is_shown_nothing(self) -> None:
        """Every item of the catalogue is in the history: an empty answer, not a repeated one."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(*(loop.act("ada", item) for item in ("tent", "stove", "lamp", "rope")))
            await loop.settle()
            self.assertEqual((await self.ask(loop, "ada")).items, [])

    async def test_every_answer_has_a_request_id_of_its_own_and_says_what_made_it(self) -> None:
        """Two answers, two ids; the recipe's version and the time of the picture stand in both."""
        async with running(self.url) as loop:
            await camping(loop)
            one, other = await self.ask(loop, "ada"), await self.ask(loop, "ada")
            self.assertNotEqual(one.request_id, other.request_id)
            self.assertEqual(one.model_version, recipes.named("default").version)
            self.assertLess(loop.ground.clock.now_ms() - one.as_of_ms, 10_000)

    async def test_the_impression_records_what_was_shown_and_what_was_known(self) -> None:
        """Items by position with source, score and propensity; the model's version; the picture's place in the changelog."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(loop.act("ada", "tent"))
            await loop.settle()
            place = dict(loop.view.picture.position())
            answer = await self.ask(loop, "ada", record=True)
            await loop.intake.close()
            await loop.settle()
            rows = await self.impressions(loop)
            self.assertEqual([row["item_id"] for row in rows], answer.items)
            self.assertEqual([row["position"] for row in rows], [0, 1, 2])
            self.assertEqual([row["source"] for row in rows], ["co_visitation", "popularity", "popularity"])
            self.assertEqual(sorted((row["score"] for row in rows), reverse=True), [row["score"] for row in rows])
            for row in rows:
                self.assertEqual((row["user_id"], row["session_id"], row["request_id"]), ("ada", "s1", answer.request_id))
                self.assertEqual((row["model_version"], row["propensity"]), (answer.model_version, 1.0))
                self.assertEqual(json.loads(row["snapshot"]), place)

    async def test_an_explored_answer_is_recorded_with_how_likely_it_was(self) -> None:
        """A recipe that explores for certain shows a new item first, one of the two that are not shown anyway."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(loop.act("zoe", "hat"))
            await loop.settle()
            loop.recommender.take(recipes.read("curious", recipes.text_of("default") + EXPLORER))
            await self.ask(loop, "stranger", k=3, record=True)
            await loop.intake.close()
            await loop.settle()
            rows = await self.impressions(loop)
            self.assertIn(rows[0]["item_id"], {"hat", "tent"})
            self.assertEqual([row["source"] for row in rows], ["arrivals", "popularity", "popularity"])
            self.assertEqual([row["propensity"] for row in rows], [0.5, 1.0, 1.0])

    async def test_an_answer_that_is_not_to_be_recorded_is_not(self) -> None:
        """With record=False nothing reaches the log."""
        async with running(self.url) as loop:
            await camping(loop)
            before = await loop.ground.log.ends()
            await self.ask(loop, "ada", record=False)
            await loop.intake.close()
            self.assertEqual(await loop.ground.log.ends(), before)
            self.assertEqual(await self.impressions(loop), [])

    async def test_without_a_session_the_impression_says_none(self) -> None:
        """The contract's impression needs a session: the answer's stands as none."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.recommender.recommend("ada", None, 2, record=True)
            await loop.intake.close()
            await loop.settle()
            self.assertEqual({row["session_id"] for row in await self.impressions(loop)}, {"none"})

    async def test_before_the_first_picture_there_is_no_answer(self) -> None:
        """Nothing loaded yet: Unavailable, which the door answers with 503."""
        async with Loop(self.url) as loop:
            with self.assertRaises(Unavailable) as caught:
                await self.ask(loop, "ada")
            self.assertEqual(caught.exception.what, "snapshot")

    async def impressions(self, loop: Loop) -> list[Any]:
        """Return the archive's impressions, a row for each shown item."""
        async with loop.ground.database.connection() as connection:
            return list(await connection.fetch(loop.placed("SELECT * FROM @gen.impressions ORDER BY event_id, position")))


if __name__ == "__main__":
    unittest.main()
