"""What cannot be taken in is said before the import, or row by row with its reason; the good rows go in."""

import json
import tempfile

from headrace.importer.mapping import FIELDS, KINDS, Mode, pairs
from headrace.importer.opening import source_of
from headrace.importer.outcome import Refusal, Refusals
from headrace.importer.rows import Unusable
from headrace.importer.summary import hints
from tests.importer.doors import DAY_MS, NOW_MS, MemoryDoor, imported, only, options, surveyed
from tests.importer.test_formats import FolderCase


class BeforeTheImportTests(FolderCase):
    """Messages that hold the option that mends them."""

    async def test_missing_columns_are_named_with_the_option_to_write(self) -> None:
        """The columns of a well-known data set are recognised."""
        path = self.file("events.csv", "timestamp,visitorid,event,itemid\n1,2,view,3\n")
        with self.assertRaises(Unusable) as caught:
            surveyed(path, options())
        said = str(caught.exception)
        self.assertIn("Columns found: timestamp, visitorid, event, itemid", said)
        self.assertIn("--map user_id=visitorid --map item_id=itemid --map ts=timestamp --map event_type=event", said)

    async def test_a_mapped_column_that_is_not_there_is_named(self) -> None:
        """A slip in an option."""
        path = self.file("events.csv", "user_id,item_id,event_type,ts,session_id\n")
        with self.assertRaisesRegex(Unusable, "no column sesion"):
            surveyed(path, options(columns={"session_id": "sesion"}))

    async def test_unmapped_event_types_are_counted_with_the_option_to_write(self) -> None:
        """The most frequent first, where no row has a type that means anything."""
        rows = "".join(f"u,i,{kind},1700000000\n" for kind in ("rating_4", "rating_5", "rating_4"))
        path = self.file("events.csv", "user_id,item_id,event_type,ts\n" + rows)
        with self.assertRaises(Unusable) as caught:
            surveyed(path, options())
        said = str(caught.exception)
        self.assertRegex(said, r"rating_4 +2 rows\n +rating_5 +1 rows")
        self.assertIn("--type rating_4=click --type rating_5=skip", said)

    async def test_watches_without_their_columns_are_said_before(self) -> None:
        """A watch needs more than a click."""
        path = self.file("events.csv", "user_id,item_id,event_type,ts\nu,i,watch,1700000000\n")
        with self.assertRaisesRegex(Unusable, "session_id, request_id, watch_time_sec"):
            surveyed(path, options())

    async def test_an_empty_file_is_said_before(self) -> None:
        """Nothing to read a header from."""
        for name in ("events.csv", "events.jsonl"):
            with self.assertRaises(Unusable):
                surveyed(self.file(name, ""), options())

    async def test_options_are_checked_word_by_word(self) -> None:
        """A wrong field, a wrong kind, half an option, two answers to one question."""
        self.assertEqual(pairs("--map", ["ts=time"], allowed_left=FIELDS), {"ts": "time"})
        for written in (["userid=visitor"], ["user_id"], ["user_id=a", "user_id=b"]):
            with self.assertRaises(Unusable):
                pairs("--map", written, allowed_left=FIELDS)
        with self.assertRaisesRegex(Unusable, "like is not one of"):
            pairs("--type", ["rating_4=like"], allowed_right=KINDS)


class RowByRowTests(FolderCase):
    """Each bad row has its line and its reason."""

    async def test_bad_rows_are_reported_and_the_good_ones_go_in(self) -> None:
        """One of each kind of bad row among good ones."""
        lines = [
            '{"user_id": "ann", "item_id": "a", "event_type": "view", "ts": 1700000000}',
            "{not json",
            "[1, 2]",
            '{"user_id": "ann", "item_id": "a", "event_type": "view"}',
            '{"user_id": "ann", "item_id": "a", "ts": 1700000000}',
            '{"user_id": "an\\u0000n", "item_id": "a", "event_type": "view", "ts": 1700000000}',
            '{"user_id": {"a": 1}, "item_id": "a", "event_type": "view", "ts": 1700000000}',
            '{"user_id": "ann", "item_id": "a", "event_type": "view", "ts": "soon"}',
            '{"user_id": "ann", "item_id": "a", "event_type": "view", "ts": true}',
            '{"user_id": "ann", "item_id": "a", "event_type": "view", "ts": 1e30}',
            '{"user_id": "bob", "item_id": "b", "event_type": "view", "ts": 1700000000}',
        ]
        door = MemoryDoor()
        outcome, refused = await imported(door, self.file("events.jsonl", "\n".join(lines)), options())
        self.assertEqual([only(event).user_id for event in door.events], ["ann", "bob"])
        self.assertEqual([row.number for row in refused], [2, 3, 4, 5, 6, 7, 8, 9, 10])
        self.assertEqual((outcome.read, outcome.new, outcome.refused), (11, 2, 9))
        self.assertRegex(refused[0].reason, "not JSON")
        self.assertRegex(refused[2].reason, "ts: is missing")
        self.assertRegex(refused[4].reason, "user_id")

    async def test_a_csv_row_of_wrong_length_or_wrong_bytes_is_refused_alone(self) -> None:
        """The neighbours count."""
        content = b"user_id,item_id,event_type,ts\nu,i,view\nu,\xff\xfe,view,1700000000\nu,i,view,1700000000\n"
        outcome, refused = await imported(MemoryDoor(), self.file("events.csv", content), options())
        self.assertEqual(
            [(row.number, row.reason) for row in refused], [(2, "has 3 values, the header names 4"), (3, "is not valid UTF-8")]
        )
        self.assertEqual(outcome.new, 1)

    async def test_skipped_types_are_counted_and_not_refused(self) -> None:
        """``--type rating_1=skip``."""
        rows = "".join(f"u,i,{kind},1700000000\n" for kind in ("rating_4", "rating_1", "rating_4"))
        path = self.file("events.csv", "user_id,item_id,event_type,ts\n" + rows)
        outcome, _ = await imported(MemoryDoor(), path, options(kinds={"rating_4": "click", "rating_1": "skip"}))
        self.assertEqual((outcome.new, outcome.skipped, outcome.refused), (2, 1, 0))

    async def test_a_row_of_an_unknown_type_is_refused_alone_and_the_option_to_write_is_said(self) -> None:
        """The others go in; the same command with the option takes in the rest, and nothing twice."""
        rows = "".join(f"u,i{n},{kind},1700000000\n" for n, kind in enumerate(("view", "like", "click", "like", "share")))
        path = self.file("events.csv", "user_id,item_id,event_type,ts\n" + rows)
        door = MemoryDoor()
        outcome, refused = await imported(door, path, options())
        self.assertEqual((outcome.new, outcome.refused, dict(outcome.unmapped)), (2, 3, {"like": 2, "share": 1}))
        self.assertEqual([row.number for row in refused], [3, 5, 6])
        self.assertIn("'like' means nothing here", refused[0].reason)
        self.assertIn("--type like=click --type share=skip", "\n".join(hints(outcome, Mode.LIVE, 30 * DAY_MS)))
        outcome, _ = await imported(door, path, options(kinds={"like": "click", "share": "skip"}))
        self.assertEqual((outcome.new, outcome.duplicates, outcome.skipped), (2, 2, 1))

    async def test_without_a_mode_the_live_rules_hold_and_the_way_out_is_said(self) -> None:
        """Year-old rows are refused, yesterday's go in."""
        rows = "".join(f"u,i{age},view,{NOW_MS - age * DAY_MS}\n" for age in (400, 31, 29, 1))
        outcome, _ = await imported(
            MemoryDoor(), self.file("events.csv", "user_id,item_id,event_type,ts\n" + rows), options(Mode.LIVE)
        )
        self.assertEqual((outcome.new, outcome.refused, outcome.too_old), (2, 2, 2))
        self.assertIn("--as-history", "\n".join(hints(outcome, Mode.LIVE, 30 * DAY_MS)))

    async def test_as_history_keeps_old_times(self) -> None:
        """And says so at the door."""
        path = self.file("events.csv", "user_id,item_id,ts\nu,i,874724710\n")
        door = MemoryDoor()
        await imported(door, path, options(kind="click"))
        self.assertTrue(door.history)
        self.assertEqual(only(door.events[0]).ts_ms, 874_724_710_000)

    async def test_a_time_of_1970_is_not_taken_for_another_unit(self) -> None:
        """The door reads small numbers as seconds; the file says that these are milliseconds."""
        path = self.file("events.csv", "user_id,item_id,ts\nu,i,1970-01-02T00:00:00Z\n")
        door = MemoryDoor()
        await imported(door, path, options(kind="click"))
        self.assertEqual(only(door.events[0]).ts_ms, DAY_MS)

    async def test_an_id_used_twice_for_other_content_is_a_bad_row(self) -> None:
        """The first one stays."""
        content = "event_id,user_id,item_id,event_type,ts\nevent-0001,u,i,view,1700000000\nevent-0001,u,j,view,1700000000\n"
        outcome, refused = await imported(MemoryDoor(), self.file("events.csv", content), options())
        self.assertEqual((outcome.new, outcome.conflicts, [row.number for row in refused]), (1, 1, [3]))

    async def test_all_refused_rows_go_to_the_errors_file_and_twenty_to_the_screen(self) -> None:
        """A row is written with its line, its reason and itself."""
        shown: list[Refusal] = []
        with tempfile.TemporaryFile() as errors:
            refusals = Refusals(shown.append, errors)
            for number in range(50):
                refusals.add(Refusal("events.csv", number, "is bad", {"user_id": "u"}))
            errors.seek(0)
            written = [json.loads(line) for line in errors]
        self.assertEqual((len(shown), len(written)), (20, 50))
        self.assertEqual(written[7], {"file": "events.csv", "line": 7, "reason": "is bad", "row": {"user_id": "u"}})

    async def test_a_quotation_mark_that_is_never_closed_is_said(self) -> None:
        """The rest of the file is one cell then, up to the reader's limit."""
        path = self.file("events.csv", 'user_id,item_id,event_type,ts\nu,"i,view,1700000000\n' + "u,i,view,1700000000\n" * 9000)
        rows = list(source_of(path, path.name, None).rows())
        self.assertIn("never closed", rows[0].trouble or "")
        self.assertGreater(len(rows), 1000)

    async def test_a_quotation_mark_that_is_never_closed_before_the_end_is_said_too(self) -> None:
        """However short the rest of the file is: it is one cell, and no row of it is lost without a word."""
        path = self.file("events.csv", 'user_id,item_id,event_type,ts\nu,i,view,1700000000\nu,i,view,"1700000000\nu,i,view,1\n')
        rows = list(source_of(path, path.name, None).rows())
        self.assertEqual([one.trouble is None for one in rows], [True, False])
        self.assertIn("never closed", rows[1].trouble or "")
