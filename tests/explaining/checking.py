"""Every number of an explained answer, against the tables and against the events that they were made of."""

from headrace.serving.explaining.told import Explained, ItemReasons
from tests.explaining import tables
from tests.explaining.worlds import added_up
from tests.support.loop import Loop
from tests.support.postgres import PostgresTestCase

ALIKE = 1e-9


class CheckingTestCase(PostgresTestCase):
    """Compares what is told with what SQL finds; ``checked`` counts the numbers."""

    checked = 0

    def same(self, told: float | None, wanted: float) -> None:
        """Hold a number to nine digits."""
        assert told is not None
        self.assertAlmostEqual(told, wanted, delta=ALIKE * max(1.0, abs(wanted)))
        self.checked += 1

    async def check(self, loop: Loop, user: str, told: Explained) -> None:
        """Compare an answer by the recipe ``default`` that has its reasons with what the tables have."""
        found = {one.item_id: one for one in await tables.candidates(loop, user)}
        unseen = [one for one in found.values() if not one.seen]
        personal = [one for one in told.explanations if one.source == "co_visitation"]
        self.assertEqual(len(personal), min(len(unseen), len(told.items)))
        entries = await tables.history(loop, user)
        self.assertEqual([one.event_id for one in told.history], [entry[4] for entry in entries])
        self.assertEqual([(one.item_id, one.ts_ms, one.event_type, one.session_id) for one in told.history],
                         [(entry[0], entry[1], entry[3], entry[5]) for entry in entries])  # fmt: skip
        for one, best in zip(personal, unseen, strict=False):
            self.same(one.score, best.score)
            self.assertFalse(found[one.item_id].seen)
            self.same(found[one.item_id].score, best.score)  # two of one score may stand in either order
            await self._because(loop, one, found[one.item_id], entries)
        for one in told.explanations:
            self.same(added_up(one.did), one.score)
            await self._popularity(loop, one)

    async def _because(self, loop: Loop, one: ItemReasons, candidate: tables.Candidate, entries: list[list[object]]) -> None:
        """Compare the user's items that speak for one: which, by which events, how often they met, how loudly they speak."""
        links = {link["mine"]: link for link in candidate.links}
        self.assertEqual({cause.item_id for cause in one.because}, set(links))
        self.assertEqual(sorted((cause.adds for cause in one.because), reverse=True), [cause.adds for cause in one.because])
        for cause in one.because:
            link = links[cause.item_id]
            self.assertEqual((cause.meetings, cause.through), (link["meetings"], "co_visitation"))
            self.same(cause.strength_now, link["strength_now"])
            self.same(cause.adds, link["voice"])
            meetings, strength = await tables.meetings(loop, cause.item_id, one.item_id)
            self.assertEqual(cause.meetings, meetings)
            self.same(cause.strength_now, strength)
            mine = [entry[4] for entry in entries if entry[0] == cause.item_id]
            self.assertEqual([event.event_id for event in cause.events], mine)

    async def _popularity(self, loop: Loop, one: ItemReasons) -> None:
        """Compare how popular an item is told to be with the table and with its events."""
        statement = "SELECT events, weight FROM @gen.item_popularity WHERE item_id = $1"
        (row,) = await tables.rows(loop, statement, one.item_id)
        self.assertEqual((one.popularity.events, one.popularity.weight), (row["events"], row["weight"]))
        counted = await tables.liked(loop, one.item_id)
        self.assertEqual((one.popularity.events, one.popularity.weight), (counted["events"], counted["weight"]))
        self.same(one.popularity.weight_now, counted["weight_now"])
        self.same(one.popularity.visits_now, counted["visits_now"])
