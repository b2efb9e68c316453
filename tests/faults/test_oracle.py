"""The oracle can fail: what is planted against a promise is found, and nothing else is."""

from headrace.events.types import Event
from headrace.log.port import Topic
from headrace.store.sql import place
from tests.faults import oracle
from tests.faults.journal import Journal, Told
from tests.faults.oracle import Judgement
from tests.stream.world import StreamTestCase, change, raw, shown, view, watch


class TheJournal(StreamTestCase):
    """What a client heard, and in which order, decides what it may expect."""

    def test_what_was_once_acknowledged_stays_so_whatever_is_heard_later(self) -> None:
        """A repeat that nobody answers takes nothing back; one that is acknowledged settles an uncertain one."""
        journal = Journal()
        for told in (Told.UNKNOWN, Told.REFUSED, Told.OK, Told.UNKNOWN):
            journal.note("a", "jam", told)
        journal.note("b", "jam", Told.UNKNOWN)
        journal.note("b", "jam", Told.REFUSED)
        self.assertEqual(journal.told, {"a": Told.OK, "b": Told.UNKNOWN})
        self.assertEqual((journal.acknowledged, journal.unknown), (1, 1))


class TheOracle(StreamTestCase):
    """A small world that is right, and then wrong in one way at a time."""

    async def asyncSetUp(self) -> None:
        """Send some events of every kind, one of them poison, and apply all."""
        await super().asyncSetUp()
        self.journal = Journal()
        events: list[Event] = [
            view("jam", event_id="event a"),
            watch("tea", event_id="event b"),
            shown(["film"], event_id="event c"),
            change("cake", event_id="event i"),
        ]
        for event, item in zip(events, ("jam", "tea", "film", "cake"), strict=True):
            self.journal.note(event.event_id, item, Told.OK)
        self.journal.note("event d", "cake", Told.REFUSED)
        self.journal.note("event e", "cake", Told.UNKNOWN)
        self.journal.plant(Topic.INTERACTION, b"noise")
        await self.send(*events, raw(b"noise"))
        await self.drain()

    async def judge(self) -> Judgement:
        """Let the oracle look."""
        return await oracle.judge(self.settings, self.journal)

    async def change(self, statement: str) -> None:
        """Do something behind everybody's back."""
        await self.sql.execute(place(statement, space="headrace", generation=self.generation.number))

    async def assert_found(self, where: str, what: str) -> None:
        """Assert that this list of the judgement names this."""
        found = await self.judge()
        self.assertFalse(found.holds)
        self.assertTrue(any(what in one for one in getattr(found, where)), (where, what, found))

    async def test_a_world_that_is_right_holds(self) -> None:
        """Nothing is found where nothing is wrong."""
        found = await self.judge()
        self.assertEqual(found.complaints(), [])
        self.assertEqual((found.acknowledged, found.unknown, found.refused), (4, 1, 1))
        self.assertEqual((found.counted, found.dead_letters), (4, 1))

    async def test_an_acknowledged_event_that_does_not_count_is_lost(self) -> None:
        """Missing in the archive, though its id is remembered; whatever kind of event it is."""
        archives = {"interactions": "a", "watches": "b", "impression_lists": "c", "item_changes": "i"}
        self.assertEqual(set(archives), set(oracle.NAMED_FIRST))
        for table, name in archives.items():
            await self.change(f"DELETE FROM @gen.{table}")
            await self.assert_found("lost", f"event {name}")

    async def test_an_acknowledged_event_that_never_reached_the_log_is_lost(self) -> None:
        """The client alone knows of it."""
        self.journal.note("event z", "jam", Told.OK)
        await self.assert_found("lost", "event z")

    async def test_an_event_that_counts_twice_is_doubled(self) -> None:
        """Two rows in the archive under two applied numbers."""
        columns = "user_id, item_id, event_type, ts_ms, server_received_ts_ms, partition"
        await self.change(
            f'INSERT INTO @gen.interactions (event_id, "offset", applied, {columns})'
            f' SELECT event_id, "offset" + 1, applied + 100, {columns} FROM @gen.interactions'
        )
        await self.assert_found("doubled", "event a")

    async def test_a_catalogue_that_differs_from_its_changes_is_found(self) -> None:
        """An item that nobody has put so."""
        await self.change('UPDATE @gen.catalogue SET item = \'{"title": "old"}\'')
        await self.assert_found("different", "catalogue")

    async def test_a_refused_event_that_counts_is_an_intruder_and_so_is_one_that_nobody_sent(self) -> None:
        """Neither may stand in the archive."""
        await self.send(view("cake", event_id="event d"), view("cake", event_id="event y"))
        await self.drain()
        await self.assert_found("intruders", "event d")
        await self.assert_found("intruders", "event y")

    async def test_an_uncertain_event_may_count_and_may_not(self) -> None:
        """Both are right, as long as it counts once."""
        await self.send(view("cake", event_id="event e"))
        await self.drain()
        self.assertEqual((await self.judge()).complaints(), [])

    async def test_a_payload_that_came_second_is_an_intruder(self) -> None:
        """The first one wins."""
        await self.change("UPDATE @gen.interactions SET item_id = 'other'")
        await self.assert_found("intruders", "other instead of jam")

    async def test_a_dead_letter_that_nobody_planted_is_found_and_so_is_a_poison_without_one(self) -> None:
        """The letters are exactly the planted poison."""
        await self.change("UPDATE @gen.dead_letters SET payload_sha256 = '\\x00'")
        await self.assert_found("letters", "not planted")
        await self.assert_found("letters", "without a dead letter")

    async def test_a_poison_that_left_no_letter_at_all_is_found(self) -> None:
        """Planted twice, buried once."""
        self.journal.plant(Topic.INTERACTION, b"noise")
        await self.assert_found("letters", "1 planted without a dead letter")

    async def test_features_that_differ_from_their_recomputation_are_found(self) -> None:
        """One weight that is one too high."""
        await self.change("UPDATE @gen.item_popularity SET weight = weight + 1 WHERE item_id = 'jam'")
        await self.assert_found("different", "item_popularity")

    async def test_a_hole_in_the_offsets_is_found(self) -> None:
        """A record that vanished from the log."""
        await self.send(view("cake", event_id="event e"))
        await self.drain()
        await self.change('DELETE FROM @space.log_records WHERE topic = 0 AND "offset" = 1')
        await self.assert_found("different", "1 is followed by 2")

    async def test_a_record_that_waits_is_found(self) -> None:
        """The lag must be zero."""
        await self.send(view("cake", event_id="event e"))
        await self.assert_found("different", "not applied")
