"""A catalogue on a real Postgres: written to a file, taken in elsewhere, the same; and the commands as a user meets them."""

import json
import tempfile
from pathlib import Path

import numpy as np

from headrace import wiring
from headrace.events.items import Item, Moment
from headrace.importer.catalogue.columns import ItemOptions, look_through
from headrace.importer.catalogue.loading import ItemLoader
from headrace.importer.catalogue.writing import Spool
from headrace.importer.opening import Format, source_of
from headrace.importer.outcome import Refusals
from headrace.serving.identity import new_id
from headrace.snapshot.picture import Picture
from tests.catalogue.world import JAM, gone, put
from tests.cli.test_commands import CommandCase
from tests.importer.doors import Quiet
from tests.support.loop import Loop, until
from tests.support.postgres import PostgresTestCase, drop_database, fresh_database

TEA = Item(title='"Tea"', categories=["food"], attributes={"price": "on request", "made": Moment(-5)}, available=False)
SHOP = {"jam": JAM, "tea": TEA, "oats": Item(title="", attributes={"note": ""}, available_from_ms=4_000), "salt": Item()}


class ThereAndBack(PostgresTestCase):
    """Two deployments of one kind: what one has written, the other takes in."""

    async def export(self, loop: Loop, path: Path, file_format: Format) -> None:
        """Write the catalogue that a loop's worker has applied."""
        spool = Spool()
        async with wiring.whole_catalogue(loop.settings) as (size, pages):
            async for page in pages:
                spool.add(page)
        self.assertEqual(spool.size, size)
        spool.write(path, file_format)
        spool.close()

    async def test_what_was_written_gives_the_same_catalogue_elsewhere(self) -> None:
        """In every format, into a space that has other items already; deleted items stay where they were deleted."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        here = await self.enterAsyncContext(Loop(self.url))
        here.start_worker()
        await here.send(*(put(name, item) for name, item in SHOP.items()), put("rye"), gone("rye"))
        await here.settle()
        for file_format in Format:
            url = await fresh_database()
            self.addAsyncCleanup(drop_database, url)
            there = await self.enterAsyncContext(Loop(url))
            there.start_worker()
            await there.send(put("jam", Item(title="Another jam")), put("other", Item(title="Stays")))
            path, again = folder / f"shop.{file_format}", folder / f"again.{file_format}"
            await self.export(here, path, file_format)
            file = look_through(source_of(path, path.name, None), ItemOptions(), lambda _: None)
            loader = ItemLoader(there.intake, new_id, Refusals(lambda refusal: self.fail(str(refusal))), Quiet())
            outcome = await loader.load([file])
            self.assertEqual((outcome.new, outcome.refused), (len(SHOP), 0))
            await there.settle()
            found: dict[str, Item] = {}
            async with wiring.whole_catalogue(there.settings) as (_, pages):
                async for page in pages:
                    found |= dict(page)
            self.assertEqual(found, {**SHOP, "other": Item(title="Stays")})
            await there.send(gone("other"))
            await there.settle()
            await self.export(there, again, file_format)
            if file_format is not Format.PARQUET:
                self.assertEqual(again.read_bytes(), path.read_bytes())

    async def test_the_index_of_content_follows_the_tables_and_equals_one_that_is_loaded(self) -> None:
        """A new item is found at once where its change was taken, and everywhere when it was applied; a patch then too."""
        here = await self.enterAsyncContext(Loop(self.url))
        here.start_worker()
        await here.follow()
        other = await self.enterAsyncContext(Loop(self.url))
        await other.follow()
        await here.send(put("jam", Item(title="Quince jam")), put("tea", Item(title="Tea")))
        await here.send(put("new", Item(title="Plum jam", categories=["food"])))
        self.assertEqual((await here.recommender.similar("jam", 5)).items, ["new"])

        async def found_elsewhere() -> bool:
            return (await other.recommender.similar("jam", 5)).items == ["new"]

        await until(found_elsewhere, "the other replica finds it")
        await here.send(put("new", Item(title="Green tea")), gone("jam"))
        self.assertEqual((await here.recommender.similar("tea", 5)).items, ["new"])
        await here.settle()
        loaded = (await here.follower.load(here.tables())).picture
        self.assertEqual(alike(here.view.picture), alike(loaded))


def alike(picture: Picture) -> dict[str, dict[str, float]]:
    """Return what a picture's index finds alike to each of its items."""
    found = {}
    for item_id, number in picture.numbers.items():
        items, likeness = picture.catalogue.content.alike(number, 10, np.empty(0, np.bool_))
        found[item_id] = {picture.ids[item]: likely for item, likely in zip(items.tolist(), likeness.tolist(), strict=True)}
    return found


class Commands(CommandCase):
    """``headrace items``: real processes on a Postgres of their own."""

    def test_items_go_in_and_come_out(self) -> None:
        """A dry run starts nothing; a bad row is refused alone; what comes out is what went in."""
        path, errors = self.home / "shop.csv", self.home / "errors.jsonl"
        path.write_text("sku,title,price\njam,Quince jam,3.5\ntea,Tea,cheap\n")
        words = ("items", "import", str(path), "--map", "item_id=sku", "--type", "price=number")
        rehearsed = self.call(*words, "--dry-run")
        self.assertEqual(rehearsed.returncode, 1, rehearsed.stderr)
        self.assertIn('"title":"Quince jam"', rehearsed.stdout)
        self.assertFalse((self.home / "postgres").exists())
        done = self.call(*words, "--errors", str(errors))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("2 rows read, 1 new, 0 duplicates, 0 skipped, 1 refused", done.stdout)
        self.assertIn("applied: the catalogue holds every row", done.stdout)
        self.assertEqual([json.loads(line)["line"] for line in errors.read_text().splitlines()], [3])
        out = self.home / "out.jsonl"
        written = self.call("items", "export", str(out))
        self.assertEqual(written.returncode, 0, written.stderr)
        self.assertIn("1 items are in", written.stdout)
        wanted = {"item_id": "jam", "title": "Quince jam", "attributes": {"price": 3.5}}
        self.assertEqual([json.loads(line) for line in out.read_text().splitlines()], [wanted])
        proof = self.call("verify")
        self.assertEqual(proof.returncode, 0, proof.stdout + proof.stderr)
