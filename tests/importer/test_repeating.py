"""An import can be interrupted and repeated: every row counts once, and equal rows are real repeats."""

import asyncio

from headrace.importer.identity import RowIds
from headrace.importer.loading import Pace
from headrace.importer.mapping import Mode
from headrace.importer.shift import shift_for
from headrace.importer.survey import digest_of
from tests.importer.doors import DAY_MS, NOW_MS, Import, MemoryDoor, MemoryShifts, imported, only, options, surveyed
from tests.importer.test_formats import FolderCase

HEADER = "user_id,item_id,event_type,ts\n"


class RowIdTests(FolderCase):
    """Ids from content and occurrence."""

    def test_equal_rows_get_different_ids_and_the_same_ones_the_next_time(self) -> None:
        """Two plays of the same song in the same second are two plays."""
        rows = [{"user": "ann", "song": "x"}, {"user": "bob", "song": "x"}, {"user": "ann", "song": "x"}]
        first, second = RowIds(), RowIds()
        ids = [first.id_of(row) for row in rows]
        self.assertEqual(len(set(ids)), 3)
        self.assertEqual(ids, [second.id_of(row) for row in rows])
        self.assertRegex(ids[0], r"^imp-[0-9a-f]{40}$")

    def test_an_id_does_not_depend_on_the_order_of_columns_or_on_other_rows(self) -> None:
        """JSON objects may be written in any order."""
        ids = RowIds()
        ids.id_of({"user": "bob", "song": "y"})
        self.assertEqual(ids.id_of({"song": "x", "user": "ann"}), RowIds().id_of({"user": "ann", "song": "x"}))

    def test_a_value_in_another_column_is_another_row(self) -> None:
        """Names are part of the content."""
        ids = {RowIds().id_of(row) for row in ({"a": "1", "b": ""}, {"a": "", "b": "1"}, {"a": "1", "c": ""}, {"a": "1"})}
        self.assertEqual(len(ids), 4)

    def test_a_number_reads_the_same_in_every_format(self) -> None:
        """A CSV file made from a Parquet file brings the same rows."""
        self.assertEqual(RowIds().id_of({"user": "7", "ts": "5"}), RowIds().id_of({"user": 7, "ts": 5.0}))


class RepeatingTests(FolderCase):
    """The whole import, again."""

    async def test_an_import_repeated_changes_nothing(self) -> None:
        """All rows are duplicates the second time; of equal rows both counted the first time."""
        path = self.file("events.csv", HEADER + "ann,x,view,1700000000\n" * 2 + "bob,x,view,1700000000\n")
        door = MemoryDoor()
        first, _ = await imported(door, path, options())
        second, refused = await imported(door, path, options())
        self.assertEqual((first.new, first.duplicates), (3, 0))
        self.assertEqual((second.new, second.duplicates, refused), (0, 3, []))

    async def test_a_file_that_has_grown_brings_only_what_is_new(self) -> None:
        """Rows in front keep their ids."""
        content = HEADER + "ann,x,view,1700000000\n" * 2
        door = MemoryDoor()
        await imported(door, self.file("events.csv", content), options())
        outcome, _ = await imported(door, self.file("events.csv", content + "ann,x,view,1700000000\n"), options())
        self.assertEqual((outcome.new, outcome.duplicates), (1, 2))

    async def test_another_mapping_is_a_conflict_and_counts_nothing_twice(self) -> None:
        """A rating cannot be a click today and a purchase tomorrow."""
        path = self.file("events.csv", HEADER + "ann,x,rating_4,1700000000\n")
        door = MemoryDoor()
        await imported(door, path, options(kinds={"rating_4": "click"}))
        outcome, refused = await imported(door, path, options(kinds={"rating_4": "purchase"}))
        self.assertEqual((outcome.new, outcome.conflicts, len(door.events)), (0, 1, 1))
        self.assertIn("another mapping", refused[0].reason)

    async def test_types_skipped_at_first_can_be_taken_later(self) -> None:
        """What is skipped does not change the ids of the rest."""
        path = self.file("events.csv", HEADER + "ann,x,like,1700000000\nann,x,seen,1700000000\nann,x,like,1700000000\n")
        door = MemoryDoor()
        await imported(door, path, options(kinds={"like": "click", "seen": "skip"}))
        outcome, _ = await imported(door, path, options(kinds={"like": "click", "seen": "view"}))
        self.assertEqual((outcome.new, outcome.duplicates, outcome.conflicts), (1, 2, 0))

    async def test_an_interrupted_import_ends_with_a_whole_batch_and_the_same_command_continues(self) -> None:
        """Ctrl-C in the middle, then again."""
        rows = "".join(f"ann,item-{number},view,{1_700_000_000 + number}\n" for number in range(100))
        path = self.file("events.csv", HEADER + rows)
        door = MemoryDoor()
        run = Import(door, Pace(Mode.HISTORY, batch_size=10))
        accept = door.accept

        async def accept_and_stop(*args: object, **kwargs: object) -> object:
            verdicts = await accept(*args, **kwargs)
            if len(door.batches) == 3:
                run.loader.stop()
            return verdicts

        door.accept = accept_and_stop  # type: ignore[assignment,method-assign]
        outcome = await run.take(path, options())
        self.assertTrue(outcome.interrupted)
        self.assertEqual(len(door.events) % 10, 0)
        self.assertEqual(outcome.new, len(door.events))
        self.assertLess(outcome.new, 100)
        door.accept = accept  # type: ignore[method-assign]
        again, _ = await imported(door, path, options())
        self.assertEqual((again.new, again.duplicates), (100 - outcome.new, outcome.new))
        self.assertEqual([only(event).item_id for event in door.events], [f"item-{number}" for number in range(100)])

    async def test_a_batch_is_sent_again_while_the_log_is_away(self) -> None:
        """Nothing is lost, and it says that it waits."""
        path = self.file("events.csv", HEADER + "ann,x,view,1700000000\n")
        door = MemoryDoor()
        door.away_before = 1
        run = Import(door, Pace(Mode.HISTORY))
        outcome = await run.take(path, options())
        self.assertEqual((outcome.new, run.watcher.waits), (1, [0.5]))

    async def test_a_lost_answer_counts_nothing_twice(self) -> None:
        """What was taken in before the connection broke is found again."""
        path = self.file("events.csv", HEADER + "ann,x,view,1700000000\n")
        door = MemoryDoor()
        door.answers_lost = 1
        outcome, _ = await imported(door, path, options())
        self.assertEqual((outcome.new, outcome.duplicates, len(door.events)), (0, 1, 1))

    async def test_it_can_be_stopped_while_the_log_is_away(self) -> None:
        """Ctrl-C does not wait for the log to come back."""
        door = MemoryDoor()
        door.away_before = 1000
        run = Import(door, Pace(Mode.HISTORY))
        loading = asyncio.create_task(run.take(self.file("events.csv", HEADER + "ann,x,view,1700000000\n"), options()))
        await asyncio.sleep(0.01)
        run.loader.stop()
        outcome = await asyncio.wait_for(loading, 1)
        self.assertTrue(outcome.interrupted)
        self.assertEqual(door.events, [])

    async def test_a_limit_takes_the_first_rows(self) -> None:
        """And is no interruption."""
        path = self.file("events.csv", HEADER + "".join(f"ann,x{n},view,1700000000\n" for n in range(10)))
        run = Import(MemoryDoor(), Pace(Mode.HISTORY, limit=4))
        outcome = await run.take(path, options())
        self.assertEqual((outcome.read, outcome.new, outcome.interrupted), (4, 4, False))

    async def test_rows_of_a_user_arrive_in_file_order_over_batches(self) -> None:
        """The door never sees a later row first."""
        path = self.file("events.csv", HEADER + "".join(f"ann,x{n},view,{1_700_000_000 + n}\n" for n in range(25)))
        door = MemoryDoor()
        await Import(door, Pace(Mode.HISTORY, batch_size=4)).take(path, options())
        self.assertEqual([only(event).item_id for event in door.events], [f"x{n}" for n in range(25)])


class ShiftTests(FolderCase):
    """The newest row becomes now, once."""

    def rows(self) -> str:
        """Return three rows: new, a day older, two months older."""
        ages = (60 * DAY_MS, DAY_MS, 0)
        return HEADER + "".join(f"ann,x{age},view,{900_000_000_000 - age}\n" for age in ages)

    async def test_the_newest_row_becomes_now_and_the_too_old_go_in_as_history(self) -> None:
        """Distances stay; nothing is refused for its age."""
        door = MemoryDoor()
        wanted = options(Mode.SHIFTED)
        file = surveyed(self.file("events.csv", self.rows()), wanted)
        shift = await shift_for(MemoryShifts(), digest_of([file], wanted), file.newest_ms or 0, NOW_MS)
        outcome = await Import(door, Pace(Mode.SHIFTED, shift.shift_ms)).loader.load([file])
        self.assertEqual([only(event).ts_ms for event in door.events], [NOW_MS - 60 * DAY_MS, NOW_MS - DAY_MS, NOW_MS])
        self.assertEqual((outcome.new, outcome.refused, outcome.moved_still_old), (3, 0, 1))

    async def test_the_same_import_again_moves_equally_and_changes_nothing(self) -> None:
        """Even weeks later, when nothing of it would be live any more."""
        door, memory = MemoryDoor(), MemoryShifts()
        wanted = options(Mode.SHIFTED)
        for now_ms in (NOW_MS, NOW_MS + 50 * DAY_MS):
            file = surveyed(self.file("events.csv", self.rows()), wanted)
            shift = await shift_for(memory, digest_of([file], wanted), file.newest_ms or 0, now_ms)
            outcome = await Import(door, Pace(Mode.SHIFTED, shift.shift_ms), now_ms).loader.load([file])
        self.assertTrue(shift.remembered)
        self.assertEqual((outcome.new, outcome.duplicates, outcome.refused), (0, 3, 0))

    async def test_the_digest_knows_the_bytes_and_the_time_column_only(self) -> None:
        """Taking more event types later must not move the times anew; other content must."""
        path = self.file("events.csv", self.rows())
        one, more = options(Mode.SHIFTED), options(Mode.SHIFTED, kinds={"view": "click"})
        digests = {digest_of([surveyed(path, wanted)], wanted) for wanted in (one, more)}
        self.assertEqual(len(digests), 1)
        longer = surveyed(self.file("longer.csv", self.rows() + "ann,y,view,900000000000\n"), one)
        self.assertNotIn(digest_of([longer], one), digests)

    async def test_of_two_imports_at_once_the_first_shift_holds_for_both(self) -> None:
        """Otherwise the same rows would come with two times."""
        memory = _LateShifts()
        first = await shift_for(memory, "d", 1000, 5000)
        second = await shift_for(memory, "d", 1000, 9000)
        self.assertEqual((first.shift_ms, second.shift_ms, second.remembered), (4000, 4000, True))


class _LateShifts(MemoryShifts):
    """Answers ``get`` as if the other import had not put its shift yet."""

    async def get(self, digest: str) -> int | None:
        """Know nothing."""
        del digest
        return None
