"""Dead letters sent through the log again: what can be applied now counts once, all else is refused with its reason."""

import asyncio
import json
from collections.abc import Sequence

from msgspec.structs import replace

from headrace.errors import Rejected, Unavailable
from headrace.events import codec
from headrace.events.types import Event
from headrace.intake import Again, Intake
from headrace.log.port import Topic, partition_of
from headrace.stream import processor
from headrace.stream.letters import Choice, Letter, Position, State
from headrace.stream.redriving import Outcome, Redriver, Told
from tests.stream.world import T0, StreamTestCase, raw, record, shown, view, watch

PLACE = partition_of("anna", 4)
OPEN = Choice(state=State.OPEN)


class RedrivingTestCase(StreamTestCase):
    """Letters, and the way back."""

    async def asyncSetUp(self) -> None:
        """Open the door."""
        await super().asyncSetUp()
        self.letters = self.ground.letters(self.generation)
        self.redriver = Redriver(self.letters, self.log, Intake(self.log, self.clock), self.clock)

    async def open_letters(self, choice: Choice = OPEN) -> list[Letter]:
        """Return letters."""
        return await self.letters.page(choice, after=None, limit=1000)

    async def redrive(self, payload: bytes | None = None) -> list[Told]:
        """Redrive all that is open and have it applied."""
        told = await self.redriver.redrive(await self.open_letters(), payload=payload)
        await self.drain()
        return told

    async def ends(self) -> int:
        """Return how many records the log has had."""
        return sum((await self.log.ends()).values())

    async def die(self, *events: Event) -> None:
        """Have this version be one that cannot read these events' kinds, and apply them with it."""
        good = dict(processor.DECODERS)
        broken = codec.decode_impression
        processor.DECODERS.update(dict.fromkeys(Topic, lambda value: broken(b"[]" + value)))
        try:
            await self.send(*events)
            await self.drain()
        finally:
            processor.DECODERS.update(good)

    def outcomes(self, told: Sequence[Told]) -> list[Outcome]:
        """Return what became of each."""
        return [one.outcome for one in told]


class Redriving(RedrivingTestCase):
    """After the cause is mended."""

    async def test_records_that_can_be_read_now_are_applied_and_count_once(self) -> None:
        """As after an upgrade: bytes, topic and partition are the same, the position is a new one, the letter says so."""
        events = [view("jam"), watch("film"), shown(["tea"])]
        await self.die(*events)
        self.assertEqual((await self.counted(), len(await self.dead())), ({}, 3))
        self.assertEqual(self.outcomes(await self.redrive()), [Outcome.REDRIVEN] * 3)
        self.assertEqual(await self.counted(), {"jam": 1, "film": 1})
        self.assertEqual(await self.rows("SELECT count(*) FROM @gen.impression_lists"), [(1,)])
        letters = await self.open_letters(Choice())
        self.assertEqual([one.state for one in letters], [State.REDRIVEN] * 3)
        counted = await self.letters.counted([one.redriven_id or b"" for one in letters])
        self.assertEqual(
            set(counted.values()),
            {Position(name, PLACE, 1) for name in ("reco_interaction", "reco_watch", "reco_impression")},
        )
        self.assertEqual(
            {one.value for one in await self.log.read(PLACE, {Topic.WATCH: 1}, limit=5)}, {codec.encode(events[1])}
        )
        await self.assert_proven()

    async def test_redriving_again_changes_nothing(self) -> None:
        """Not by the letter's state, not by the door when the state was lost, and not by the worker."""
        await self.die(view("jam"))
        (before,) = await self.open_letters()
        await self.redrive()
        ends = await self.ends()
        told = await self.redriver.redrive([before])  # as one who has looked before another redrove it
        self.assertEqual((told[0].outcome, await self.ends()), (Outcome.DUPLICATE, ends))
        (told_now,) = await self.redriver.redrive(await self.open_letters(Choice()))
        self.assertEqual((told_now.outcome, told_now.reason), (Outcome.REFUSED, "it was redriven already"))
        await self.sql.execute(f"UPDATE {self.gen}.dead_letters SET state = 'open'; DELETE FROM {self.gen}.event_ids")
        self.assertEqual(self.outcomes(await self.redrive()), [Outcome.REDRIVEN])
        self.assertEqual(await self.ends(), ends)
        self.assertEqual(await self.counted(), {"jam": 1})

    async def test_a_redrive_whose_answer_was_lost_is_done_once(self) -> None:
        """The door knows a record by the position it died at, though the mark was never made."""
        await self.die(view("jam"))
        found = await self.open_letters()

        class Forgetful(Intake):
            async def accept_again(self, records):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
                """Append and lose the answer."""
                await super().accept_again(records)
                raise Unavailable("postgres", "the answer was lost")

        with self.assertRaises(Unavailable):
            await Redriver(self.letters, self.log, Forgetful(self.log, self.clock), self.clock).redrive(found)
        ends = await self.ends()
        self.assertEqual(self.outcomes(await self.redrive()), [Outcome.REDRIVEN])
        self.assertEqual(await self.ends(), ends)
        self.assertEqual(await self.counted(), {"jam": 1})
        await self.assert_proven()

    async def test_an_event_that_its_client_has_sent_again_meanwhile_counts_once(self) -> None:
        """Before the redrive or beside it: the worker's memory of ids decides."""
        first, second = view("jam"), view("tea")
        await self.die(first, second)
        await self.send(record(first))
        await self.drain()
        found = {one.position: one for one in await self.open_letters()}
        await self.send(record(second))
        told = await self.redriver.redrive(list(found.values()))
        self.assertEqual(self.outcomes(told), [Outcome.DUPLICATE, Outcome.REDRIVEN])
        await self.drain()
        self.assertEqual(await self.counted(), {"jam": 1, "tea": 1})
        self.assertEqual(await self.open_letters(), [])
        await self.assert_proven()

    async def test_what_still_cannot_be_applied_is_refused_and_nothing_is_appended(self) -> None:
        """The others of the same call go on."""
        await self.send(raw(b"noise"), raw(b"\xff"), raw(b""), raw(b"{}", topic=Topic.WATCH))
        await self.drain()
        await self.die(view("jam"))
        ends = await self.ends()
        told = await self.redrive()
        self.assertEqual(sorted(self.outcomes(told)), [Outcome.REDRIVEN] + [Outcome.REFUSED] * 4)
        self.assertEqual(await self.ends(), ends + 1)
        for one in told:
            if one.outcome is Outcome.REFUSED:
                self.assertRegex(one.reason, "still cannot be applied.*; mend it$")
            self.assertEqual(one.to_mend, one.outcome is Outcome.REFUSED)
        self.assertEqual(len(await self.open_letters()), 4)

    async def test_a_mended_record_counts_once(self) -> None:
        """Its payload is another, its position in the log a new one, its letter is settled."""
        await self.send(raw(codec.encode(view("jam")).replace(b'"view"', b'"stare"')))
        await self.drain()
        mended = json.dumps(
            {"event_id": "mended 1", "user_id": "anna", "item_id": "jam", "event_type": "view", "ts_ms": T0}, indent=2
        ).encode()
        self.assertEqual(self.outcomes(await self.redrive(mended + b"\n")), [Outcome.REDRIVEN])
        self.assertEqual(await self.counted(), {"jam": 1})
        await self.assert_proven()

    async def test_an_id_conflict_is_refused_as_it_is_and_counts_under_an_id_of_its_own(self) -> None:
        """As it is it would die again; the answer says what to mend."""
        await self.send(view("jam", event_id="same id"), view("tea", event_id="same id"))
        await self.drain()
        ends = await self.ends()
        (told,) = await self.redrive()
        self.assertEqual(told.outcome, Outcome.REFUSED)
        self.assertRegex(told.reason, "'same id'.*id_conflict.*event_id of its own$")
        self.assertTrue(told.to_mend)
        self.assertEqual(await self.ends(), ends)
        self.assertEqual(self.outcomes(await self.redrive(codec.encode(view("tea", event_id="own id")))), [Outcome.REDRIVEN])
        self.assertEqual(await self.counted(), {"jam": 1, "tea": 1})
        self.assertEqual(len(await self.dead()), 1)
        await self.assert_proven()

    async def test_a_mended_payload_of_an_event_that_counts_is_told_and_settles_nothing(self) -> None:
        """Duplicate or conflict: nothing is appended, the letter stays open for whoever knows better."""
        jam = view("jam", event_id="known id")
        await self.send(jam, raw(b"noise"))
        await self.drain()
        ends = await self.ends()
        (told,) = await self.redrive(codec.encode(jam))
        self.assertEqual(told.outcome, Outcome.DUPLICATE)
        (told,) = await self.redrive(codec.encode(replace(jam, item_id="tea")))
        self.assertEqual(told.outcome, Outcome.REFUSED)
        self.assertEqual((await self.ends(), len(await self.open_letters())), (ends, 1))

    async def test_two_letters_with_one_id_and_two_payloads_are_told_apart(self) -> None:
        """The first is redriven, the other would die of it."""
        await self.die(view("jam", event_id="same id"), view("tea", event_id="same id"))
        self.assertEqual(self.outcomes(await self.redrive()), [Outcome.REDRIVEN, Outcome.REFUSED])
        self.assertEqual((await self.counted(), len(await self.dead())), ({"jam": 1}, 2))

    async def test_a_payload_that_was_cut_is_read_from_the_log_again(self) -> None:
        """Whole where the log has it; refused where it has not, unless somebody brings it."""
        large = shown([f"item {n}" + "x" * 100 for n in range(800)])
        await self.die(large)
        (letter,) = await self.open_letters()
        self.assertFalse(letter.whole)
        self.assertEqual(await self.redriver.whole(letter), codec.encode(large))
        self.assertEqual(self.outcomes(await self.redrive()), [Outcome.REDRIVEN])
        self.assertEqual(await self.rows("SELECT cardinality(item_ids) FROM @gen.impression_lists"), [(800,)])
        await self.assert_proven()

    async def test_a_payload_that_was_cut_and_left_the_log_is_refused_unless_it_is_brought(self) -> None:
        """Nobody applies a part, and nobody takes the next record for the one that is gone."""
        large = shown([f"item {n}" + "x" * 100 for n in range(800)])
        await self.die(large)
        await self.send(shown(["tea"]))
        await self.sql.execute('DELETE FROM headrace.log_records WHERE topic = 2 AND "offset" = 0')
        (told,) = await self.redriver.redrive(await self.open_letters())
        self.assertRegex(told.reason, "of its .* bytes were kept, and the log no longer has .* write it anew$")
        self.assertTrue(told.to_mend)
        self.assertEqual(self.outcomes(await self.redrive(codec.encode(large))), [Outcome.REDRIVEN])
        self.assertEqual(await self.rows("SELECT count(*) FROM @gen.impression_lists"), [(2,)])

    async def test_events_of_long_ago_are_redriven_whatever_the_clock_says(self) -> None:
        """They were judged at the door when they came; behind it no clock judges."""
        await self.die(view("jam", ts_ms=T0 - 3 * 365 * 86_400_000))
        self.assertEqual(self.outcomes(await self.redrive()), [Outcome.REDRIVEN])
        self.assertEqual(await self.counted(), {"jam": 1})

    async def test_a_letter_whose_topic_has_another_name_now_is_refused(self) -> None:
        """The setting is named."""
        await self.die(view())
        await self.sql.execute(f"UPDATE {self.gen}.dead_letters SET source_topic = 'elsewhere'")
        (told,) = await self.redriver.redrive(await self.open_letters())
        self.assertRegex(told.reason, "elsewhere.*TOPIC_")


class SeveralAtOnce(RedrivingTestCase):
    """One letter, and more than one who deals with it; or one who dies on the way."""

    def mended(self, event_id: str) -> bytes:
        """Return what the letter should have been."""
        return codec.encode(view("jam", event_id=event_id))

    async def noise(self) -> Letter:
        """Return a letter that only another record can mend."""
        await self.send(raw(b"noise"))
        await self.drain()
        (letter,) = await self.open_letters()
        return letter

    async def test_of_two_who_mend_a_letter_differently_at_once_one_wins_and_the_other_is_told(self) -> None:
        """One event counts: the one that the letter names."""
        letter = await self.noise()
        told = await asyncio.gather(*(self.redriver.redrive([letter], payload=self.mended(f"mended {n}")) for n in range(5)))
        await self.drain()
        outcomes = sorted(one.outcome for (one,) in told)
        self.assertEqual(outcomes, [Outcome.REDRIVEN] + [Outcome.REFUSED] * 4)
        self.assertEqual(await self.counted(), {"jam": 1})
        (after,) = await self.open_letters(Choice())
        self.assertEqual(after.redriven_id, codec.id_hash(f"mended {[one.outcome for (one,) in told].index(Outcome.REDRIVEN)}"))
        await self.assert_proven()

    async def test_of_two_who_redrive_a_letter_alike_at_once_both_are_told_so_and_one_record_enters(self) -> None:
        """What they asked for is done."""
        letter, ends = await self.noise(), await self.ends()
        told = await asyncio.gather(*(self.redriver.redrive([letter], payload=self.mended("mended")) for _ in range(4)))
        self.assertLessEqual({one.outcome for (one,) in told}, {Outcome.REDRIVEN, Outcome.DUPLICATE})
        await self.drain()
        self.assertEqual((await self.ends(), await self.counted()), (ends + 1, {"jam": 1}))

    async def test_of_a_redrive_beside_a_drop_one_is_done(self) -> None:
        """Where the drop was first nothing is appended; where the redrive had begun, there is nothing to drop."""
        first = await self.noise()
        ends = await self.ends()
        await self.letters.settle([first.position], State.DROPPED, T0)
        (told,) = await self.redriver.redrive([first], payload=self.mended("too late"))
        self.assertEqual((told.outcome, told.reason, await self.ends()), (Outcome.REFUSED, "it was dropped already", ends))
        second = await self.noise()
        await self.letters.begin_redriving({second.position: self.mended("begun")})
        self.assertEqual(await self.letters.settle([second.position], State.DROPPED, T0), set())
        self.assertEqual(self.outcomes(await self.redrive()), [Outcome.REDRIVEN])
        self.assertEqual(await self.counted(), {"jam": 1})

    async def test_whoever_comes_after_a_redriver_that_was_killed_carries_its_record_through(self) -> None:
        """Killed before it appended or behind that, whatever the next one brings: one record, counted once."""
        for appended in (False, True):
            for payload in (None, self.mended(f"first {appended}"), self.mended(f"second {appended}")):
                with self.subTest(appended=appended, payload=payload):
                    letter = await self.noise()
                    value = self.mended(f"first {appended}").replace(b'"jam"', b'"jam %d"' % letter.position.offset)
                    value = value.replace(b"first", b"first %d" % letter.position.offset)
                    await self.letters.begin_redriving({letter.position: value})
                    if appended:
                        event = codec.decode_interaction(value)
                        await Intake(self.log, self.clock).accept_again([Again(event, value, str(letter.position))])
                        await self.drain()
                    (told,) = await self.redrive(payload)
                    self.assertEqual(told.outcome, Outcome.REDRIVEN if payload is None else Outcome.REFUSED)
                    self.assertEqual((await self.counted())[f"jam {letter.position.offset}"], 1)
                    self.assertEqual(await self.open_letters(), [])
        self.assertEqual(sum((await self.counted()).values()), 6)
        await self.assert_proven()

    async def test_a_record_that_no_table_takes_leaves_the_letter_for_another_one(self) -> None:
        """It was never appended, so nobody is held to it."""
        letter = await self.noise()

        class Closed(Intake):
            async def accept_again(self, _records):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
                """Refuse."""
                raise Rejected(422, "The record cannot be stored")

        closed = Redriver(self.letters, self.log, Closed(self.log, self.clock), self.clock)
        self.assertEqual(self.outcomes(await closed.redrive([letter], payload=self.mended("no table"))), [Outcome.REFUSED])
        self.assertEqual(self.outcomes(await self.redrive(self.mended("a table"))), [Outcome.REDRIVEN])
        self.assertEqual(await self.counted(), {"jam": 1})


class Causes(RedrivingTestCase):
    """Letters grouped by what they died of."""

    async def test_reasons_that_differ_only_in_values_and_numbers_are_one_cause(self) -> None:
        """A cause is called by its handle, its type or its text; the most frequent stands first."""
        good = codec.encode(view())
        await self.send(
            *(raw(good.replace(b'"view"', b'"stare %d"' % n)) for n in range(5)),
            *(raw(b"\xff" * (n + 1)) for n in range(2)),
            *(raw(b"x" * n + b"\xff") for n in range(2)),
            raw(good.replace(b'"item_id":"jam",', b""), topic=Topic.INTERACTION),
        )
        await self.drain()
        causes = await self.letters.causes(OPEN)
        self.assertEqual(
            [(one.error_type, one.count) for one in causes], [("wrong_schema", 5), ("bad_utf8", 4), ("wrong_schema", 1)]
        )
        self.assertIn("`item_id`", causes[2].cause)
        self.assertEqual(causes[0].example, Position("reco_interaction", PLACE, 0))
        for name, number in ((causes[0].handle, 5), (causes[0].cause, 5), ("wrong_schema", 6), ("no such", 0)):
            self.assertEqual(len(await self.open_letters(Choice(cause=name))), number, name)

    async def test_settled_letters_are_no_longer_open_and_keep_their_state(self) -> None:
        """What was dropped cannot be redriven, and what was redriven cannot be dropped."""
        await self.send(raw(b"noise"), raw(b"noise"))
        await self.drain()
        first, second = await self.open_letters()
        self.assertEqual(await self.letters.settle([first.position], State.DROPPED, T0), {first.position})
        self.assertEqual(await self.letters.settle([first.position], State.REDRIVEN, T0, [b"x"]), set())
        self.assertEqual([one.position for one in await self.open_letters()], [second.position])
        (told, _) = await self.redriver.redrive(await self.open_letters(Choice()))
        self.assertEqual((told.outcome, told.reason), (Outcome.REFUSED, "it was dropped already"))

    async def test_pages_of_letters_follow_each_other(self) -> None:
        """None is left out and none comes twice, while they are settled one page after the other."""
        await self.send(*(raw(b"noise") if n % 3 else view() for n in range(40)))
        await self.drain()
        seen: list[Position] = []
        after = None
        while page := await self.letters.page(OPEN, after=after, limit=4):
            seen += [one.position for one in page]
            after = page[-1].position
            await self.letters.settle([one.position for one in page], State.DROPPED, T0)
        self.assertEqual((len(seen), seen), (26, sorted(set(seen))))
