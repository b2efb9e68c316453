"""Strangers and new items, answered by the recipe for them: door, worker, picture and recommender together."""

from headrace.events.items import Item, ItemPatch
from headrace.serving.recommender import Wish
from tests.catalogue.world import patch, put
from tests.support.loop import Loop
from tests.support.postgres import PostgresTestCase

SHOP = {
    "tent": Item(title="Red tent", categories=["camp"]),
    "tarp": Item(title="Red tarp", categories=["camp"]),
    "novel": Item(title="A novel", categories=["books"]),
    "atlas": Item(title="An atlas", categories=["books", "maps"]),
}


class Looking(PostgresTestCase):
    """A small shop: everybody was at the tent, one at the novel, nobody at the others."""

    async def asyncSetUp(self) -> None:
        """Start it all."""
        await super().asyncSetUp()
        self.loop = await self.enterAsyncContext(Loop(self.url, {"HEADRACE_SERVING_RECIPE": "cold"}))
        self.loop.start_worker()
        await self.loop.follow()
        await self.loop.send(*(put(name, item) for name, item in SHOP.items()))
        for user in ("ada", "bob", "eve"):
            await self.loop.send(self.loop.act(user, "tent"))
        await self.loop.send(self.loop.act("cyd", "novel"))
        await self.loop.settle()

    async def shown(self, user: str, **wish: object) -> list[str]:
        """Return what a user is shown."""
        answer = await self.loop.recommender.recommend(user, None, 10, record=False, wish=Wish(**wish) if wish else None)
        return answer.items

    async def test_a_stranger_is_shown_what_is_liked_in_the_categories_they_look_at(self) -> None:
        """Named, or those of the item; what fills up comes behind, and the item that is looked at is left out."""
        self.assertEqual(await self.shown("new"), ["tent", "novel"])
        self.assertEqual(await self.shown("new", categories=("books",)), ["novel", "atlas", "tent"])
        self.assertEqual(await self.shown("new", categories=("maps", "camp")), ["tent", "tarp", "atlas", "novel"])
        self.assertEqual(await self.shown("new", looking_at="atlas"), ["novel", "tent"])
        self.assertEqual(await self.shown("new", looking_at="nothing known"), ["tent", "novel"])
        self.assertEqual(await self.shown("new", looking_at="atlas", categories=("camp",)), ["tent", "tarp", "novel"])

    async def test_a_new_item_is_shown_to_who_was_at_one_like_it_and_gone_when_it_is_hidden(self) -> None:
        """From the acknowledgement on, both ways."""
        self.assertEqual((await self.shown("ada"))[0], "tarp")
        await self.loop.send(put("awning", Item(title="Red awning", categories=["camp"])))
        self.assertEqual(set((await self.shown("ada"))[:2]), {"tarp", "awning"})
        await self.loop.send(patch("tarp", ItemPatch(available=False)))
        self.assertEqual((await self.shown("ada"))[0], "awning")
        self.assertNotIn("tarp", await self.shown("new", categories=("camp",)))
        self.assertNotIn("tarp", (await self.loop.recommender.similar("tent", 10)).items)

    async def test_the_explanation_tells_what_the_item_is_like(self) -> None:
        """With the event of the user's that is behind it."""
        told = await self.loop.explainer.recommend("ada", None, 10, record=False)
        reason = next(one for one in told.explanations if one.item_id == "tarp")
        self.assertIn("you viewed 'tent'", reason.words[0])
        self.assertIn("it is like 'tent' by its title or text and its category", reason.words[0])
