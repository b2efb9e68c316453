"""What is evaluated is what is served."""

import unittest

from headrace import pipeline
from headrace.evaluation.tables import Tables
from headrace.events.types import Interaction
from headrace.serving import asking, recipes
from tests.support.loop import Loop, running
from tests.support.postgres import PostgresTestCase

WALKS = {
    "ada": ["tent", "stove", "lamp", "tent"],
    "bea": ["tent", "stove", "rope"],
    "cal": ["stove", "lamp", "rope", "boots"],
    "dan": ["boots", "rope", "tent"],
    "eve": ["tent", "lamp"],
}


class SameAsServed(PostgresTestCase):
    """The same events by the door and a worker into Postgres, and by evaluation into memory."""

    async def test_evaluation_and_the_running_service_give_the_same_lists(self) -> None:
        """For every user, a stranger included, and for both recipes: the same items in the same order."""
        async with running(self.url) as loop:
            tables = Tables(loop.view.picture.rules)
            for step in range(4):
                events = [self._act(loop, user, walk[step]) for user, walk in WALKS.items() if step < len(walk)]
                await loop.send(*events)
                for event in events:
                    tables.learn_unseen(event)
            await loop.settle()
            picture = tables.picture(most_neighbours=loop.settings.snapshot.neighbours)
            for name in ("default", "revisits", "rules-v1"):
                recipe = recipes.named(name)
                loop.recommender.take(recipe)
                for user in [*WALKS, "stranger"]:
                    with self.subTest(recipe=name, user=user):
                        served = await loop.recommender.recommend(user, f"s-{user}", 20, record=False)
                        asked = asking.query(user, f"s-{user}", "r", 20, tables.history(user))
                        played = pipeline.run(recipe, picture, asked)
                        self.assertEqual(served.items, [picture.ids[number] for number in played.items])
                        self.assertEqual(served.model_version, recipe.version)

    def _act(self, loop: Loop, user: str, item: str) -> Interaction:
        return loop.act(user, item, action="click", session=f"s-{user}")


class AnonymousSessions(PostgresTestCase):
    """A visitor nobody knows."""

    async def test_a_session_answers_for_a_user_without_a_history(self) -> None:
        """What the session did under one name counts for another name in the same session, and not in a different one."""
        async with running(self.url) as loop:
            for camper in ("bea", "cal", "dan"):
                await loop.send(loop.act(camper, "tent"), loop.act(camper, "stove"))
            for reader in range(9):
                await loop.send(loop.act(f"reader-{reader}", "lamp", action="purchase"))
            await loop.send(loop.act("cookie-1", "tent", session="s7"))
            await loop.settle()
            same = await loop.recommender.recommend("cookie-2", "s7", 3, record=False)
            other = await loop.recommender.recommend("cookie-2", "s8", 3, record=False)
            self.assertEqual(same.items[0], "stove")
            self.assertEqual(other.items[0], "lamp")

    async def test_a_session_answers_after_a_restart_too(self) -> None:
        """A process that starts anew has acknowledged nothing, and what it follows begins later: it reads the archive."""
        async with running(self.url) as loop:
            for camper in ("bea", "cal", "dan"):
                await loop.send(loop.act(camper, "tent"), loop.act(camper, "stove"))
            for reader in range(9):
                await loop.send(loop.act(f"reader-{reader}", "lamp", action="purchase"))
            await loop.send(loop.act("cookie-1", "tent", session="s7"), loop.act("cookie-3", "lamp", session="s9"))
            await loop.settle()
        async with running(self.url) as restarted:
            same = await restarted.recommender.recommend("cookie-2", "s7", 3, record=False)
            other = await restarted.recommender.recommend("cookie-2", "s8", 3, record=False)
            self.assertEqual(same.items[0], "stove")
            self.assertEqual(other.items[0], "lamp")


class OtherViews(PostgresTestCase):
    """Items for an item, and items for everybody."""

    async def test_similar_items_met_the_item_and_trending_ones_are_liked_now(self) -> None:
        """The stove goes with the tent; everybody buys lamps; with an unknown item goes nothing."""
        async with running(self.url) as loop:
            await loop.send(loop.act("bea", "tent"), loop.act("bea", "stove"), loop.act("cal", "lamp", action="purchase"))
            await loop.settle()
            self.assertEqual((await loop.recommender.similar("tent", 5)).items, ["stove"])
            self.assertEqual((await loop.recommender.similar("unheard of", 5)).items, [])
            self.assertEqual((await loop.recommender.trending(1)).items, ["lamp"])


if __name__ == "__main__":
    unittest.main()
