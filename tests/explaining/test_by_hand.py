"""Three users of a small shop: an answer with its reasons and a "why not" of each kind, checked against the tables by SQL."""

import unittest
from random import Random

from headrace.events.types import Action, Event, Interaction
from headrace.serving.explaining.told import Why
from tests.explaining import tables
from tests.explaining.checking import CheckingTestCase
from tests.support.loop import Loop, running

USERS = ("user-3", "user-8", "user-21")
K = 5


def shop(now_ms: int) -> list[Event]:
    """Return some six hundred events: forty visitors, each a few times at one of five departments of nine items."""
    chance = Random(11)
    events: list[Event] = []
    actions: tuple[Action, ...] = ("view", "view", "view", "click", "purchase")
    for visit in range(130):
        user, department = f"user-{chance.randrange(40)}", chance.randrange(5)
        started = now_ms - 10 * 86_400_000 + visit * 6_000_000
        for step in range(chance.randint(2, 7)):
            item, action = f"item-{department}-{min(chance.randrange(9), chance.randrange(9))}", chance.choice(actions)
            name, at = f"{user}-visit-{visit}-{step}", started + step * 60_000
            events.append(
                Interaction(event_id=name, user_id=user, item_id=item, event_type=action, ts_ms=at, session_id=f"v{visit}")
            )
    return events


class ByHand(CheckingTestCase):
    """The shop, brought in by the door and counted by a worker."""

    async def test_every_number_of_three_answers_is_the_tables(self) -> None:
        """Items, scores, the events and counts behind each: what SQL finds in pairs, popularity and histories, and no other."""
        async with running(self.url) as loop:
            await self.fill(loop)
            for user in USERS:
                with self.subTest(user=user):
                    told = await loop.explainer.recommend(user, None, K, record=False)
                    shown = [one.item_id for one in await tables.candidates(loop, user) if not one.seen][:K]
                    self.assertEqual(told.items[: len(shown)], shown)
                    self.assertGreater(len(shown), 1, "a user with something to explain")
                    await self.check(loop, user, told)

    async def test_an_item_that_was_seen_is_left_out_and_the_event_is_named(self) -> None:
        """For each of the three: the item of their newest event."""
        async with running(self.url) as loop:
            await self.fill(loop)
            for user in USERS:
                newest = (await tables.history(loop, user))[0]
                why = await loop.explainer.why(user, newest[0], k=K)
                self.assertEqual((why.verdict, why.by), ("filtered", "seen"))
                self.assertEqual(why.history[0].event_id, newest[4])
                self.assertIn(newest[0], " ".join(why.words))

    async def test_an_item_that_is_outranked_is_told_its_place_and_the_cut(self) -> None:
        """With two shown, the third best of the tables is at place 3, behind the second."""
        async with running(self.url) as loop:
            await self.fill(loop)
            for user in USERS:
                ranked = [one for one in await tables.candidates(loop, user) if not one.seen]
                self.assertGreater(len(ranked), 3)
                for place in (3, 4):
                    why = await loop.explainer.why(user, ranked[place - 1].item_id, k=2)
                    self.assertEqual((why.verdict, why.by, why.place), ("outranked", "top", place))
                    self.same(why.score, ranked[place - 1].score)
                    assert why.cut is not None
                    self.assertEqual((why.cut.item_id, why.cut.place), (ranked[1].item_id, 2))
                    self.same(why.cut.score, ranked[1].score)

    async def test_an_item_that_nothing_proposed_is_told_what_it_would_take_and_that_takes_it(self) -> None:
        """It met none of the user's items by the tables; an event on what it did meet has it proposed in the next answer."""
        async with running(self.url) as loop:
            await self.fill(loop)
            for user in USERS:
                linked = {one.item_id for one in await tables.candidates(loop, user, latest=20)}
                mine = {entry[0] for entry in await tables.history(loop, user)}
                strange = [item for item in loop.view.picture.ids if item not in linked | mine]
                self.assertTrue(strange)
                why = await loop.explainer.why(user, strange[-1], k=1)
                self.assertEqual((why.verdict, why.met), ("never_proposed", []))
                self.assertIn("never seen together with any of your latest items", " ".join(why.words))
                bringing = next(take for take in why.takes if take.item_id is not None)
                pair = sorted((strange[-1], bringing.item_id or ""))
                (row,) = await tables.rows(loop, "SELECT meetings FROM @gen.co_visitation WHERE low = $1 AND high = $2", *pair)
                self.assertEqual(bringing.figures["meetings"], row["meetings"])
                await loop.send(loop.act(user, bringing.item_id or ""))
                self.assertNotEqual((await self.why(loop, user, strange[-1])).verdict, "never_proposed")

    async def test_what_only_older_items_speak_for_is_told_so(self) -> None:
        """An item that only the eleventh latest and older ones met: how often, and that they are too far back."""
        async with running(self.url) as loop:
            await self.fill(loop)
            told = 0
            for user in (f"user-{number}" for number in range(40)):
                near = {one.item_id for one in await tables.candidates(loop, user)}
                for far in await tables.candidates(loop, user, latest=20):
                    if far.seen or far.item_id in near:
                        continue
                    why = await loop.explainer.why(user, far.item_id, k=1)
                    self.assertEqual(why.verdict, "never_proposed")
                    wanted = [(link["mine"], link["rank"], link["meetings"]) for link in far.links]
                    self.assertEqual([(one.item_id, one.rank, one.meetings) for one in why.met], wanted)
                    self.assertIn(f"'{wanted[0][0]}', which is too far back in your history", " ".join(why.words))
                    told += 1
            self.assertGreater(told, 0)

    async def test_what_fills_up_behind_is_told_its_place_among_the_popular(self) -> None:
        """A stranger is shown the five most popular; the sixth is outranked by the fifth, and nobody's item is unknown."""
        async with running(self.url) as loop:
            await self.fill(loop)
            popular = [row["item_id"] for row in await tables.rows(loop, tables.POPULAR)]
            told = await loop.explainer.recommend("stranger", None, K, record=False)
            self.assertEqual(told.items, popular[:K])
            for place, one in enumerate(told.explanations, start=1):
                self.assertEqual((one.source, one.did[0].figures["place"]), ("popularity", place))
            # More are offered than are shown only to those who have seen some: a stranger's filler looks no further.
            await loop.send(loop.act("stranger", popular[0]))
            why = await self.why(loop, "stranger", popular[0])
            self.assertEqual((why.verdict, why.by), ("filtered", "seen"))
            self.assertEqual((await self.why(loop, "stranger", "no such thing")).verdict, "unknown")

    async def why(self, loop: Loop, user: str, item: str) -> Why:
        """Ask about an item among five."""
        return await loop.explainer.why(user, item, k=K)

    async def fill(self, loop: Loop) -> None:
        """Bring the shop in."""
        events = shop(loop.ground.clock.now_ms())
        for start in range(0, len(events), 200):
            await loop.send(*events[start : start + 200])
        await loop.settle()


if __name__ == "__main__":
    unittest.main()
