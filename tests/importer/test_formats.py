"""Every format reads the same small table."""

import gzip
import io
import tempfile
import unittest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.events.types import Watch
from headrace.importer.opening import Format, opened, source_of
from headrace.importer.rows import Broken, Source, Unusable
from tests.importer.doors import MemoryDoor, imported, only, options

CSV = "user_id,item_id,event_type,ts\nann,film-1,view,1700000000\nbob,film-2,click,1700000001\n"
JSONL = (
    '{"user_id": "ann", "item_id": "film-1", "event_type": "view", "ts": 1700000000}\n'
    "\n"
    '{"user_id": "bob", "item_id": "film-2", "event_type": "click", "ts": 1700000001}\n'
)


def parquet(path: Path, **columns: object) -> Path:
    """Write a Parquet file of two row groups."""
    table = pa.table(columns)
    pq.write_table(table, path, row_group_size=1)
    return path


class FolderCase(unittest.IsolatedAsyncioTestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        """Make the folder."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, name: str, content: str | bytes) -> Path:
        """Write a file."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


class FormatTests(FolderCase):
    """What is read is what is in the file."""

    async def assert_both_rows(self, path: Path) -> None:
        """Import the file and compare with the two rows that each format holds."""
        door = MemoryDoor()
        outcome, refused = await imported(door, path, options())
        self.assertEqual((outcome.read, outcome.new, refused), (2, 2, []))
        found = [(event.user_id, event.item_id, event.event_type, event.ts_ms) for event in map(only, door.events)]
        first, second = ("ann", "film-1", "view", 1_700_000_000_000), ("bob", "film-2", "click", 1_700_000_001_000)
        self.assertEqual(found, [first, second])

    async def test_csv_is_read(self) -> None:
        """A CSV file with a header."""
        await self.assert_both_rows(self.file("events.csv", CSV))

    async def test_a_byte_order_mark_and_semicolons_are_read(self) -> None:
        """What spreadsheets write."""
        await self.assert_both_rows(self.file("events.csv", "\ufeff" + CSV.replace(",", ";").replace("\n", "\r\n")))

    async def test_tabs_are_read(self) -> None:
        """A file of tab-separated values."""
        await self.assert_both_rows(self.file("events.tsv", CSV.replace(",", "\t")))

    async def test_json_lines_are_read_and_blank_lines_passed_over(self) -> None:
        """One object a line."""
        await self.assert_both_rows(self.file("events.jsonl", JSONL))

    async def test_a_gzipped_file_is_read_whatever_its_name(self) -> None:
        """Compression is told by the first bytes."""
        await self.assert_both_rows(self.file("events.csv.gz", gzip.compress(CSV.encode())))
        await self.assert_both_rows(self.file("events.jsonl", gzip.compress(JSONL.encode())))

    async def test_parquet_is_read(self) -> None:
        """Numbers as numbers."""
        path = self.folder / "events.parquet"
        users, items, kinds = ["ann", "bob"], ["film-1", "film-2"], ["view", "click"]
        parquet(path, user_id=users, item_id=items, event_type=kinds, ts=[1_700_000_000, 1_700_000_001])
        await self.assert_both_rows(path)

    async def test_a_parquet_timestamp_and_ids_that_are_numbers_are_read(self) -> None:
        """Typed columns become the contract's types."""
        path = self.folder / "events.parquet"
        moments = pa.array([1_700_000_000_123_456], pa.timestamp("us"))
        parquet(path, user_id=[7], item_id=[8.0], event_type=["view"], ts=moments)
        door = MemoryDoor()
        await imported(door, path, options())
        event = only(door.events[0])
        self.assertEqual((event.user_id, event.item_id, event.ts_ms), ("7", "8", 1_700_000_000_123))

    async def test_iso_times_are_read_and_without_a_zone_they_are_utc(self) -> None:
        """The same moment, written in three ways."""
        written = ["2023-11-14T22:13:20Z", "2023-11-14 22:13:20", "2023-11-15T00:13:20+02:00"]
        lines = [f"ann,film-{number},view,{time}" for number, time in enumerate(written)]
        path = self.file("events.csv", "user_id,item_id,event_type,ts\n" + "\n".join(lines))
        door = MemoryDoor()
        await imported(door, path, options())
        self.assertEqual([only(event).ts_ms for event in door.events], [1_700_000_000_000] * 3)

    async def test_a_watch_is_read_with_its_numbers(self) -> None:
        """Text becomes the numbers and flags of a watch, blanks are absent."""
        header = "user_id,item_id,event_type,ts,session_id,request_id,watch_time_sec,percent_watched,ended,rebuffer_count"
        path = self.file("events.csv", header + "\nann,film-1,watch,1700000000,s1,r1,12.5,,true,3\n")
        door = MemoryDoor()
        _, refused = await imported(door, path, options())
        self.assertEqual(refused, [])
        watch = door.events[0]
        assert isinstance(watch, Watch)
        self.assertEqual((watch.watch_time_sec, watch.percent_watched), (12.5, None))
        self.assertEqual((watch.ended, watch.rebuffer_count), (True, 3))

    async def test_a_cell_with_a_line_break_is_one_row_with_the_line_it_begins_on(self) -> None:
        """Line numbers are those an editor shows."""
        path = self.file("events.csv", CSV + '"an\nn",film-1,view,1700000000\nbob,,view,1700000000\n')
        _, refused = await imported(MemoryDoor(), path, options())
        self.assertEqual([row.number for row in refused], [4, 6])

    async def test_standard_input_is_read(self) -> None:
        """A pipe is copied aside first, as a file is looked through before it is taken in."""
        with opened("-", Format.CSV, io.BytesIO(CSV.encode())) as source:
            self.assertEqual([row.number for row in source.rows()], [2, 3])

    async def test_standard_input_without_a_format_says_what_to_write(self) -> None:
        """There is no ending to tell it by."""
        with self.assertRaisesRegex(Unusable, "--format csv"), opened("-", None, io.BytesIO()):
            pass

    async def test_a_file_of_unknown_ending_says_what_to_write(self) -> None:
        """The format is never guessed from the content."""
        with self.assertRaisesRegex(Unusable, "--format"):
            source_of(self.file("events.dat", CSV), "events.dat", None)

    async def test_a_missing_file_is_said_in_a_line(self) -> None:
        """No traceback for a wrong name."""
        with self.assertRaisesRegex(Unusable, "no file"):
            source_of(self.folder / "nothing.csv", "nothing.csv", None)

    async def test_a_file_that_is_no_parquet_is_said_in_a_line(self) -> None:
        """The ending promises what the bytes do not hold."""
        with self.assertRaisesRegex(Unusable, "not a Parquet file"):
            source_of(self.file("events.parquet", CSV), "events.parquet", None)

    async def test_a_cut_gzip_keeps_what_was_read_and_says_where_it_broke(self) -> None:
        """A file that ends early is no reason to lose its beginning."""
        lines = "".join(f"user-{number},film-{number * 7919 % 1000},view,{1_700_000_000 + number}\n" for number in range(5000))
        whole = gzip.compress(b"user_id,item_id,event_type,ts\n" + lines.encode())
        path = self.file("events.csv.gz", whole[: len(whole) // 2])
        outcome, _ = await imported(MemoryDoor(), path, options())
        self.assertGreater(outcome.new, 100)
        self.assertIn("behind line", outcome.broken or "")

    async def test_an_endless_line_is_a_bad_row_and_not_held_in_memory(self) -> None:
        """A line longer than a mebibyte is passed over in pieces."""
        path = self.file("events.jsonl", JSONL + '{"user_id": "' + "x" * 3_000_000 + '"}\n' + JSONL)
        rows = list(source_of(path, path.name, None).rows())
        self.assertEqual([row.number for row in rows if row.trouble], [4])
        self.assertEqual(len(rows), 5)

    async def test_positions_end_at_the_size(self) -> None:
        """A progress bar that reaches its end, for every kind of file."""
        pq_path = parquet(self.folder / "a.parquet", user_id=["a"], item_id=["b"])
        plain, packed = self.file("a.csv", CSV), self.file("b.jsonl", gzip.compress(JSONL.encode()))
        for path in (pq_path, plain, packed):
            source: Source = source_of(path, path.name, None)
            for _ in source.rows():
                pass
            self.assertEqual(source.position, source.size, path.name)

    async def test_a_broken_parquet_page_raises_broken(self) -> None:
        """The footer is whole, a page is not."""
        path = parquet(self.folder / "a.parquet", user_id=[f"user-{n}" for n in range(500)])
        content = bytearray(path.read_bytes())
        content[4:200] = b"\xff" * 196
        path.write_bytes(content)
        with self.assertRaises(Broken):
            list(source_of(path, path.name, None).rows())
