"""The service behind reasons, over real tables: the answer is the recommender's own, and what is away is told."""

import unittest
from unittest.mock import patch

from headrace.errors import Unavailable
from headrace.events.items import Item, ItemChange
from headrace.pipeline import Step, Trace
from headrace.serving import recipes
from headrace.serving.explaining.told import PastEvent, Why
from headrace.serving.recipes import RecipeError
from headrace.store.evidence import PostgresEvidence
from tests.serving.world import camping
from tests.support.loop import Loop, running, until
from tests.support.postgres import PostgresTestCase


class Reasons(PostgresTestCase):
    """The world of campers."""

    async def test_the_explained_answer_is_the_plain_one_by_every_recipe(self) -> None:
        """For a user, a stranger and a session: the same items, version and strategy with reasons and without."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(loop.act("ada", "tent", session="s7"), loop.act("ada", "lamp", session="s7"))
            await loop.settle()
            for name in recipes.available():
                loop.recommender.take(recipes.named(name))
                for user, session in (("ada", "s7"), ("stranger", None), ("cookie", "s7")):
                    plain = await loop.recommender.recommend(user, session, 3, record=False)
                    told = await loop.explainer.recommend(user, session, 3, record=False)
                    with self.subTest(recipe=name, user=user):
                        self.assertEqual(told.items, plain.items)
                        self.assertEqual((told.model_version, told.strategy), (plain.model_version, plain.strategy))
                        self.assertEqual([one.item_id for one in told.explanations], plain.items)
                        named = await loop.explainer.recommend(user, session, 3, record=False, recipe=name)
                        self.assertEqual(named.items, plain.items)

    async def test_an_explained_answer_is_recorded_like_any_other(self) -> None:
        """One impression with its sources, scores and request; none where it was not to be recorded, and none for a why."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(loop.act("ada", "tent"))
            told = await loop.explainer.recommend("ada", "s1", 2, record=True)
            await loop.explainer.recommend("ada", "s1", 2, record=False)
            await loop.explainer.why("ada", "stove")
            await loop.intake.close()
            await loop.settle()
            async with loop.ground.database.connection() as connection:
                rows = await connection.fetch(loop.placed("SELECT * FROM @gen.impressions ORDER BY position"))
            self.assertEqual([row["item_id"] for row in rows], told.items)
            self.assertEqual({row["request_id"] for row in rows}, {told.request_id})
            self.assertEqual([row["score"] for row in rows], [one.score for one in told.explanations])
            self.assertEqual([row["source"] for row in rows], [one.source for one in told.explanations])

    async def test_the_first_reason_is_a_sentence_about_the_users_own_event(self) -> None:
        """Ada clicked the tent a while ago, which three others had with the stove; what fills up is told as popular."""
        async with running(self.url) as loop:
            await camping(loop)
            act = loop.act("ada", "tent", action="click")
            await loop.send(act)
            await loop.settle()
            stove, lamp = (await loop.explainer.recommend("ada", None, 2, record=False)).explanations
            self.assertRegex(
                stove.words[0],
                r"^Shown because you clicked 'tent' 1\d minutes ago; the two were seen together 3 times\.$",
            )
            (cause,) = stove.because
            (event,) = cause.events
            self.assertEqual(event, PastEvent(act.event_id, "tent", "click", act.ts_ms))
            self.assertEqual(lamp.words[0], "It is popular: place 2 of 4 items lately.")
            self.assertEqual((lamp.place, lamp.source, lamp.because), (2, "popularity", []))
            did = [[(one.stage, one.name) for one in told.did] for told in (stove, lamp)]
            self.assertEqual(did[0], [("source", "co_visitation"), ("selector", "top")], "nothing of what fills up behind it")
            self.assertEqual(did[1], [("source", "popularity"), ("filler", "popularity")])

    async def test_what_was_acknowledged_a_moment_ago_is_named_though_no_table_has_it(self) -> None:
        """With the worker stopped the event's id comes from what the door took."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.stop_worker()
            act = loop.act("ada", "tent")
            await loop.send(act)
            told = await loop.explainer.recommend("ada", None, 1, record=False)
            self.assertEqual([event.event_id for event in told.explanations[0].because[0].events], [act.event_id])
            self.assertEqual((told.missing, told.whose), ([], "user"))

    async def test_a_visitor_nobody_knows_is_told_what_their_session_did(self) -> None:
        """Another name in the same session: its event, of whoever it was, stands in the reason."""
        async with running(self.url) as loop:
            await camping(loop)
            act = loop.act("cookie-1", "tent", session="s7")
            await loop.send(act)
            await loop.settle()
            told = await loop.explainer.recommend("cookie-2", "s7", 1, record=False)
            self.assertEqual((told.items, told.whose), (["stove"], "session"))
            self.assertEqual([one.event_id for one in told.history], [act.event_id])
            self.assertEqual((await loop.explainer.why("cookie-2", "stove", "s7")).whose, "session")

    async def test_while_postgres_is_away_memory_answers_and_says_what_is_missing(self) -> None:
        """The same items and counts without event ids; a why not too, whose last words tell of it."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(loop.act("ada", "tent"))
            await loop.settle()
            before = await loop.explainer.recommend("ada", None, 3, record=False)
            await self.admit(yes=False)
            await until(lambda: loop.follower.trouble == "postgres", "the trouble is told")
            told = await loop.explainer.recommend("ada", None, 3, record=False)
            self.assertEqual(told.items, before.items)
            self.assertEqual((before.missing, told.missing), ([], ["postgres"]))
            (cause,) = told.explanations[0].because
            self.assertEqual((cause.item_id, cause.meetings), ("tent", 3))
            self.assertEqual([(event.event_id, event.item_id) for event in cause.events], [(None, "tent")])
            why = await loop.explainer.why("ada", "tent")
            self.assertEqual((why.verdict, why.by, why.missing), ("filtered", "seen", ["postgres"]))
            self.assertIn("postgres is away", why.words[-1])
            await self.admit(yes=True)

    async def test_a_link_that_memory_has_let_go_of_is_found_in_the_tables(self) -> None:
        """With two neighbours kept an item, the map that met the tent once is not proposed; the tables tell."""
        async with running(self.url, {"HEADRACE_SNAPSHOT_NEIGHBOURS": "2"}) as loop:
            await camping(loop)
            for user in ("eva", "fay"):
                await loop.send(loop.act(user, "tent"), loop.act(user, "lamp", action="purchase"))
            await loop.send(loop.act("gus", "map"), loop.act("gus", "tent"), loop.act("ada", "tent"))
            await loop.settle()
            why = await loop.explainer.why("ada", "map", k=1)
            self.assertEqual(why.verdict, "never_proposed")
            (link,) = why.met
            self.assertEqual((link.item_id, link.meetings, link.in_memory, link.speaks), ("tent", 1, False, False))
            self.assertIn("It was seen together once with 'tent' of yours, which is too little", " ".join(why.words))
            self.assertIn("2 strongest neighbours of 'tent'", " ".join(why.words))

    async def test_whatever_hides_an_item_is_told_in_words(self) -> None:
        """Switched off, deleted, seen, the newest: each by its name, whatever proposed it."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(loop.act("ada", "tent"))
            off = ItemChange(event_id="change-off", item_id="stove", put=Item(available=False))
            gone = ItemChange(event_id="change-gone", item_id="lamp")
            await loop.send(off, gone)
            await loop.settle()
            said = {item: await loop.explainer.why("ada", item) for item in ("stove", "lamp", "tent", "rope", "ghost")}
            self.assertEqual(
                {item: (why.verdict, why.by) for item, why in said.items()},
                {
                    "stove": ("filtered", "available"),
                    "lamp": ("filtered", "available"),
                    "tent": ("filtered", "seen"),
                    "rope": ("shown", None),
                    "ghost": ("unknown", None),
                },
            )
            self.assertEqual(said["stove"].words, ["Left out because the catalogue says that it is not available."])
            self.assertEqual(said["lamp"].words, ["Left out because it was deleted from the catalogue."])
            self.assertRegex(said["tent"].words[-1], "^You viewed 'tent' 1[0-9] minutes ago.$")
            newest = await loop.explainer.why("ada", "tent", recipe="revisits")
            self.assertEqual((newest.verdict, newest.by), ("filtered", "latest"))

    async def test_another_recipe_is_compared_without_being_taken(self) -> None:
        """What ``default`` hides as seen, ``revisits`` shows: Ada had to do with it. The recipe in force stays."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(loop.act("ada", "tent"), loop.act("ada", "stove"))
            await loop.settle()
            one, other = [await loop.explainer.why("ada", "tent", recipe=name) for name in ("default", "revisits")]
            self.assertEqual((one.verdict, other.verdict), ("filtered", "shown"))
            self.assertIn("You viewed 'tent'", " ".join(other.words))
            self.assertEqual(other.model_version, recipes.named("revisits").version)
            self.assertEqual(loop.recommender.recipe.name, "default")
            with self.assertRaisesRegex(RecipeError, "no recipe 'defualt'"):
                await loop.explainer.why("ada", "tent", recipe="defualt")

    async def test_before_the_first_picture_there_is_nothing_to_explain(self) -> None:
        """Nothing loaded yet: Unavailable, as for any answer."""
        async with Loop(self.url) as loop:
            with self.assertRaises(Unavailable):
                await loop.explainer.recommend("ada", None, 3, record=False)
            with self.assertRaises(Unavailable):
                await self.why(loop)

    async def why(self, loop: Loop) -> Why:
        """Ask about the tent."""
        return await loop.explainer.why("ada", "tent")


class NotAsked(PostgresTestCase):
    """Whoever does not ask for reasons."""

    async def test_an_answer_without_reasons_has_nothing_to_do_with_them(self) -> None:
        """No stage notes a step and no table is read for one, by any recipe; with reasons the same world needs both."""
        async with running(self.url) as loop:
            await camping(loop)
            await loop.send(loop.act("ada", "tent", session="s7"))
            await loop.settle()
            with (
                patch.object(Trace, "__init__", side_effect=AssertionError("a trace was begun")),
                patch.object(Step, "__init__", side_effect=AssertionError("a step was noted")),
                patch.object(PostgresEvidence, "histories", side_effect=AssertionError("a table was read")),
            ):
                for name in recipes.available():
                    loop.recommender.take(recipes.named(name))
                    for user, session in (("ada", "s7"), ("stranger", None), ("cookie", "s7")):
                        await loop.recommender.recommend(user, session, 3, record=False)
                with self.assertRaisesRegex(AssertionError, "a table was read"):
                    await loop.explainer.recommend("ada", "s7", 3, record=False)


if __name__ == "__main__":
    unittest.main()
