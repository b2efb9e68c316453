"""A receipt tells of duplicates, conflicts, dead letters and halted partitions."""

from headrace.events import codec
from headrace.log.port import Topic, Verdict
from headrace.stream.dead_letters import Brake
from headrace.stream.letters import Choice, State
from headrace.stream.receipts import Place, Status
from headrace.stream.redriving import Redriver
from tests.receipts.world import PLACE, ReceiptsTestCase
from tests.stream.world import raw, record, view


class WhatWentOtherwise(ReceiptsTestCase):
    """Duplicates, conflicts, dead letters, halted partitions."""

    async def test_a_duplicate_has_the_receipt_of_the_first_and_those_in_the_log_are_told(self) -> None:
        """Sent to the door again it leaves no trace; another producer's copy was passed, at a place that is told."""
        event = view()
        await self.take(event)
        first = await self.receipt(event)
        await self.take(event, verdict=Verdict.DUPLICATE)
        self.assertEqual(await self.receipt(event), first)
        await self.drain()
        self.assertEqual((await self.receipt(event)).repeats, [])
        await self.send(record(event), record(event), record(view()))
        await self.drain()
        await self.send(record(event))
        await self.drain()
        told = await self.receipt(event)
        assert told.position is not None and told.applied is not None
        self.assertEqual((told.position.offset, told.applied.number), (0, 0))
        self.assertEqual([one.offset for one in told.repeats], [1, 2, 4])
        self.assertIn("3 times", told.says)
        self.assertEqual(await self.rows("SELECT sum(d) FROM @gen.partitions, unnest(duplicates) AS d"), [(3,)])

    async def test_a_conflict_is_told_with_the_one_that_counts(self) -> None:
        """The first one stands; the other is a dead letter of the same receipt."""
        await self.take(view("jam", event_id="the same id"))
        await self.drain()
        await self.send(record(view("tea", event_id="the same id")))
        await self.drain()
        told = await self.receipt("the same id")
        self.assertEqual(told.status, Status.APPLIED)
        assert told.event is not None
        self.assertEqual(told.event.item_id, "jam")
        self.assertEqual(
            [(one.error_type, one.position, one.state) for one in told.dead_letters],
            [("id_conflict", f"reco_interaction:{PLACE}:1", State.OPEN)],
        )
        self.assertIn("another payload", told.says)

    async def test_a_dead_letter_says_why_and_what_became_of_it(self) -> None:
        """Open, dropped; redriven once it was mended, it waits, then counts, and the letter stays beside it."""
        await self.send(
            raw(b'{"v":1,"event_id":"no such field","oddity":1}'), raw(b'{"event_id":"cut sh'), raw(b'{"event_id":7}')
        )
        await self.drain()
        told = await self.receipt("no such field")
        self.assertEqual(
            (told.status, told.position), (Status.DEAD_LETTERED, Place(Topic.INTERACTION, "reco_interaction", PLACE, 0))
        )
        (letter,) = told.dead_letters
        self.assertEqual((letter.error_type, letter.state, letter.generation), ("wrong_schema", State.OPEN, 1))
        self.assertIn(f"headrace dead-letters show reco_interaction:{PLACE}:0", told.says)
        self.assertEqual(await self.rows("SELECT count(event_id) FROM @gen.dead_letters"), [(1,)])
        letters = self.ground.letters(self.generation)
        (found, *others) = await letters.page(Choice(), after=None, limit=9)
        mended = view("jam", event_id="no such field")
        await Redriver(letters, self.log, self.intake, self.clock).redrive([found], payload=codec.encode(mended))
        told = await self.receipt("no such field")
        self.assertEqual((told.status, told.dead_letters[0].state), (Status.WAITING, State.REDRIVEN))
        await self.drain()
        told = await self.receipt("no such field")
        assert told.position is not None
        self.assertEqual((told.status, told.position.offset, told.dead_letters[0].state), (Status.APPLIED, 3, State.REDRIVEN))
        self.assertIn("redriven", told.says)
        self.assertEqual([one.error_type for one in others], ["bad_json", "wrong_schema"])

    async def test_one_that_was_dropped_says_so(self) -> None:
        """Nothing more will become of it."""
        await self.send(raw(b'{"v":1,"event_id":"no such field"}'))
        await self.drain()
        letters = self.ground.letters(self.generation)
        (found,) = await letters.page(Choice(), after=None, limit=9)
        await letters.settle([found.position], State.DROPPED, self.clock.now_ms())
        told = await self.receipt("no such field")
        self.assertEqual((told.status, told.dead_letters[0].state), (Status.DEAD_LETTERED, State.DROPPED))
        self.assertIn("dropped by hand", told.says)

    async def test_one_redriven_under_an_id_of_its_own_is_told_with_where_it_died(self) -> None:
        """By the new id, it counts, and the letter is named."""
        await self.take(view("jam", event_id="the same id"))
        await self.send(record(view("tea", event_id="the same id")))
        await self.drain()
        letters = self.ground.letters(self.generation)
        found = await letters.page(Choice(), after=None, limit=9)
        mended = codec.encode(view("tea", event_id="its own id"))
        await Redriver(letters, self.log, self.intake, self.clock).redrive(found, payload=mended)
        await self.drain()
        told = await self.receipt("its own id")
        self.assertEqual((told.status, [one.state for one in told.dead_letters]), (Status.APPLIED, [State.REDRIVEN]))
        self.assertEqual(
            [one.position for one in (await self.receipt("the same id")).dead_letters], [told.dead_letters[0].position]
        )

    async def test_behind_a_halted_partition_it_waits_and_is_told_why(self) -> None:
        """The reason of the brake, in the receipt."""
        await self.send(*(raw(b"noise") for _ in range(5)))
        event = view()
        await self.take(event)
        owned = (await self.claim())[PLACE]
        await self.processor(brake=Brake(run=3, ratio=1.0)).step(owned)
        told = await self.receipt(event)
        assert told.waits is not None
        self.assertEqual((told.status, told.waits.before), (Status.WAITING, 5))
        self.assertIn("in a row", told.waits.halted or "")
        self.assertIn("halted", told.says)
