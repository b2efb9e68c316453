"""Catalogues as files: how rows become items, which are refused, and that what is written is read back the same."""

import asyncio
import tempfile
import unittest
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from headrace.events import items as rules
from headrace.events.items import Item, ItemChange, Moment, Value
from headrace.importer.catalogue.columns import ItemOptions, look_through
from headrace.importer.catalogue.loading import ItemLoader
from headrace.importer.catalogue.writing import Spool
from headrace.importer.opening import Format, source_of
from headrace.importer.outcome import Outcome, Refusal, Refusals
from headrace.importer.rows import Unusable
from tests.importer.doors import MemoryDoor, Quiet
from tests.support.properties import examples

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20) | st.sampled_from(
    ["", '"', '""', '"""', " ", "[", "a|b", "007", "true", "a\nb", "a\r\nb", "a,b;c\td", "1e3"]
)
MOMENTS = st.integers(rules.FIRST_MOMENT_MS, rules.LAST_MOMENT_MS).filter(lambda ms: ms >= -62_135_596_800_000)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.booleans(),
    st.integers(-(10**15), 10**15),
    st.floats(-1e15, 1e15),
    TEXTS,
    st.lists(TEXTS, max_size=3),
    MOMENTS.map(Moment),
)
ITEMS = st.builds(
    Item,
    title=st.none() | TEXTS,
    categories=st.lists(TEXTS, max_size=3),
    attributes=st.dictionaries(st.sampled_from(["price", "tags", "made", "brand", "x_1"]), VALUES, max_size=4),
    available=st.booleans(),
    available_from_ms=st.none() | MOMENTS,
    available_until_ms=st.none() | MOMENTS,
    group=st.none() | st.sampled_from(["jams", "7", "a b"]),
)
IDS = st.text("abc017 ,|\"'é", min_size=1, max_size=6).filter(lambda name: bool(name.strip()))
CATALOGUES = st.dictionaries(IDS, ITEMS, min_size=1, max_size=6)


class FileCase(unittest.IsolatedAsyncioTestCase):
    """A folder, a door in memory, and what went through it."""

    def setUp(self) -> None:
        """Make the folder."""
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.door = MemoryDoor()
        self.numbers = count()

    def write(self, name: str, text: str) -> Path:
        """Return a file that holds this text."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    async def take(
        self, path: Path, options: ItemOptions | None = None, file_format: Format | None = None
    ) -> tuple[Outcome, list[Refusal]]:
        """Take a file in."""
        refused: list[Refusal] = []
        source = source_of(path, path.name, file_format)
        file = look_through(source, options or ItemOptions(), lambda _: None)
        loader = ItemLoader(self.door, lambda: f"change {next(self.numbers)}", Refusals(refused.append), Quiet(), batch_size=3)
        return await loader.load([file]), refused

    @property
    def catalogue(self) -> dict[str, Item | None]:
        """Return what the changes at the door make."""
        return {change.item_id: change.put for change in self.door.events if isinstance(change, ItemChange)}


class WhatGoesOutComesIn(FileCase):
    """Written and read back, in every format."""

    async def there_and_back(self, catalogue: dict[str, Item], file_format: Format) -> dict[str, Item | None]:
        """Return what a written catalogue is when it was read."""
        self.door = MemoryDoor()
        path = self.folder / f"catalogue.{file_format}"
        spool = Spool()
        spool.add(catalogue.items())
        spool.write(path, file_format)
        spool.close()
        _, refused = await self.take(path)
        self.assertEqual(refused, [])
        return self.catalogue

    @examples(30)
    @given(CATALOGUES)
    def test_a_catalogue_is_the_same_when_it_was_written_and_read(self, catalogue: dict[str, Item]) -> None:
        """Whatever an item may be: empty texts, quotation marks, line breaks, texts that look like numbers, any time."""
        for file_format in Format:
            self.assertEqual(asyncio.run(self.there_and_back(catalogue, file_format)), catalogue, file_format)


class Rows(FileCase):
    """What a row means."""

    async def test_columns_are_fields_and_all_others_are_attributes_of_the_kind_they_look_like(self) -> None:
        """Numbers, switches and times where every cell is one; a number with a leading zero is a text."""
        path = self.write(
            "shop.csv",
            "sku,title,section,price,organic,made,ean,note,Size (cm),group\n"
            "jam,Quince jam,food|sweet,3.50,true,2026-01-31T12:00:00Z,007,7,12,jams\n"
            "tea,Tea,,4,false,2026-01-31T13:00:00+01:00,123,seven,,\n"
            "oats,,food,,,,,,,\n",
        )
        options = ItemOptions({"item_id": "sku", "categories": "section"}, {"size": "Size (cm)"}, {"size": "text"})
        outcome, refused = await self.take(path, options)
        self.assertEqual((outcome.read, outcome.new, refused), (3, 3, []))
        noon = Moment(1_769_860_800_000)
        jam = {"price": 3.5, "organic": True, "made": noon, "ean": "007", "note": "7", "size": "12"}
        self.assertEqual(
            self.catalogue,
            {
                "jam": Item(title="Quince jam", categories=["food", "sweet"], attributes=jam, group="jams"),
                "tea": Item(
                    title="Tea", attributes={"price": 4, "organic": False, "made": noon, "ean": "123", "note": "seven"}
                ),
                "oats": Item(categories=["food"]),
            },
        )

    async def test_two_columns_of_one_attribute_are_refused(self) -> None:
        """One of them would be lost without a word; left out by its name, the other is taken."""
        path = self.write("shop.csv", "item_id,price,price:number\njam,4,5\n")
        with self.assertRaisesRegex(Unusable, "price is named by two columns"):
            await self.take(path)
        await self.take(path, ItemOptions(left_out=frozenset({"price"})))
        self.assertEqual(self.catalogue, {"jam": Item(attributes={"price": 5})})

    async def test_parquet_brings_its_own_kinds(self) -> None:
        """Lists, switches, whole numbers, times in any unit, and what pandas writes for nothing."""
        table = pa.table(
            {
                "id": [1, 2],
                "tags": [["new", "sale"], None],
                "price": [3.5, float("nan")],
                "stock": pa.array([7, None], pa.int32()),
                "made": pa.array([5_000, None], pa.timestamp("ms")),
                "available_from": pa.array([None, 86_400_000_000], pa.timestamp("us", "UTC")),
                "on": [True, None],
            }
        )
        path = self.folder / "shop.parquet"
        pq.write_table(table, path)
        _, refused = await self.take(path, ItemOptions(left_out=frozenset({"on"})))
        self.assertEqual(refused, [])
        first = {"tags": ["new", "sale"], "price": 3.5, "stock": 7, "made": Moment(5_000)}
        self.assertEqual(self.catalogue, {"1": Item(attributes=first), "2": Item(available_from_ms=86_400_000)})

    async def test_bad_rows_are_refused_alone_with_their_line_and_reason(self) -> None:
        """Their neighbours go in."""
        path = self.write(
            "shop.csv",
            "item_id,price,available\njam,cheap,true\ntea,4,maybe\noats,5,false\noats,6,true\n,1,true\nsalt,1\nrye,2,true\n",
        )
        outcome, refused = await self.take(path, ItemOptions(kinds={"price": "number"}))
        self.assertEqual((outcome.new, outcome.refused, set(self.catalogue)), (2, 5, {"oats", "rye"}))
        self.assertEqual(
            [(one.number, one.reason) for one in refused],
            [
                (2, "attributes.price: 'cheap' is not a number"),
                (3, "available: 'maybe' is neither true nor false"),
                (5, "item_id: stands in line 4 of shop.csv already"),
                (6, "item_id: is required"),
                (7, "has 2 values, the header names 3"),
            ],
        )

    async def test_the_same_file_again_changes_nothing_and_puts_back_what_was_changed_in_between(self) -> None:
        """An item is what the last import says of it."""
        path = self.write("shop.csv", "item_id,title\njam,Jam\ntea,Tea\n")
        await self.take(path)
        await self.take(path)
        wanted = self.catalogue
        await self.take(self.write("other.csv", "item_id,title\njam,Marmalade\n"))
        self.assertNotEqual(self.catalogue, wanted)
        await self.take(path)
        self.assertEqual(self.catalogue, wanted)

    async def test_a_lost_answer_puts_nothing_twice(self) -> None:
        """The batch is sent again with the ids it had."""
        self.door.answers_lost = 1
        outcome, _ = await self.take(self.write("shop.csv", "item_id\njam\ntea\n"))
        self.assertEqual((len(self.door.events), outcome.new + outcome.duplicates), (2, 2))

    def test_a_file_that_names_no_item_is_refused_with_what_to_write(self) -> None:
        """As for events."""
        path = self.write("shop.csv", "product,price\njam,3\n")
        with self.assertRaisesRegex(Unusable, "--map item_id=product"):
            look_through(source_of(path, path.name, None), ItemOptions(), lambda _: None)

    def test_the_plan_tells_what_becomes_of_each_column(self) -> None:
        """Before anything goes in."""
        path = self.write("shop.csv", "sku,price,Made in,note:text\njam,3,here,5\n")
        options = ItemOptions({"item_id": "sku"})
        plan = look_through(source_of(path, path.name, None), options, lambda _: None).plan()
        self.assertEqual(
            plan,
            ["shop.csv: item_id from sku", "  attributes: price (number), note (text)", "  not taken: Made in"],
        )


if __name__ == "__main__":
    unittest.main()
