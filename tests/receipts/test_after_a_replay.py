"""Receipts beside and behind a replay."""

from headrace.intake import Intake
from headrace.store.flips import Flips
from headrace.stream.receipts import Status
from headrace.wiring.receipts import Receipts
from tests.replay.world import ReplayTestCase
from tests.stream.world import raw, record, view


class AfterAReplay(ReplayTestCase):
    """Receipts are of the generation that answers are made from."""

    async def test_the_new_generation_tells_its_own_numbers_and_letters_stay_known(self) -> None:
        """Applied anew as another number; what died before the replay is told by the generation it died in."""
        receipts = Receipts(self.ground)
        await self.send(raw(b'{"v":1,"event_id":"died before"}'), record(view("jam", event_id="counts twice")))
        await self.drain()
        await self.ledger.leave("tester")
        before = await receipts.receipt("counts twice")
        made = await self.built()
        await self.run_level(made)
        flips = Flips(self.ground.database, space=self.ground.space)
        self.assertTrue(await flips.propose(made.number) and await flips.flip(made.number))
        after = await receipts.receipt("counts twice")
        assert before is not None and after is not None and before.applied is not None and after.applied is not None
        self.assertEqual((before.applied.generation, before.applied.number), (1, 1))
        self.assertEqual((after.applied.generation, after.applied.number), (2, 0))
        self.assertEqual(before.position, after.position)
        self.assertGreaterEqual(after.applied.at_ms or 0, before.applied.at_ms or 0)
        died = await receipts.receipt("died before")
        assert died is not None
        self.assertEqual((died.status, [one.generation for one in died.dead_letters]), (Status.DEAD_LETTERED, [1]))

    async def test_one_that_is_still_built_from_an_archive_has_it_waiting(self) -> None:
        """Answers are made from it because somebody forced that: what it has not come to is in the log all the same."""
        await Intake(self.log, self.clock).accept([view("jam", event_id="to be read")])
        await self.drain()
        made = await self.built()
        flips = Flips(self.ground.database, space=self.ground.space)
        self.assertTrue(await flips.propose(made.number) and await flips.flip(made.number))
        told = await Receipts(self.ground).receipt("to be read")
        assert told is not None and told.waits is not None and told.position is not None
        self.assertEqual((told.status, told.position.offset, told.waits.before), (Status.WAITING, 0, None))
