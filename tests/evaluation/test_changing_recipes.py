"""Changing what answers while it answers."""

import asyncio
import tempfile
import unittest
from pathlib import Path

from headrace.pipeline import Recipe
from headrace.serving import recipes, watching

OTHER = '[[sources]]\npart = "popularity"\n[selector]\npart = "top"\n'


class Watching(unittest.IsolatedAsyncioTestCase):
    """The operator's folder."""

    async def asyncSetUp(self) -> None:
        """Watch an empty folder impatiently."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.taken: list[Recipe] = []
        patience, watching.LOOK_S = watching.LOOK_S, 0.01  # type: ignore[misc]
        self.addCleanup(setattr, watching, "LOOK_S", patience)
        self.watcher = asyncio.create_task(watching.watch("default", self.folder, self.taken.append, recipes.named("default")))
        self.addCleanup(self.watcher.cancel)

    async def test_a_new_file_answers_and_its_removal_brings_the_shipped_one_back(self) -> None:
        """The folder's goes before the package's for as long as it is there."""
        await self._write(OTHER)
        self.assertEqual([one.version for one in self.taken], [recipes.read("default", OTHER).version])
        (self.folder / "default.toml").unlink()
        await asyncio.sleep(0.2)
        self.assertEqual(self.taken[-1].version, recipes.named("default").version)

    async def test_a_file_that_cannot_be_made_leaves_the_old_one(self) -> None:
        """And the next good one is taken."""
        await self._write("[[sources]]\npart = 'nonsense'\n")
        self.assertEqual(self.taken, [])
        self.assertFalse(self.watcher.done())
        await self._write(OTHER)
        self.assertEqual(len(self.taken), 1)

    async def _write(self, text: str) -> None:
        (self.folder / "default.toml").write_text(text)
        await asyncio.sleep(0.2)


class Folder(unittest.TestCase):
    """Recipes beside the package's."""

    def test_a_folders_recipe_is_listed_and_goes_before_the_packages(self) -> None:
        """By the same name it takes the place; by a new one it stands beside."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "default.toml").write_text(OTHER)
            (folder / "mine.toml").write_text(OTHER)
            self.assertIn("mine", recipes.available(folder))
            self.assertEqual(len(recipes.named("default", folder).sources), 1)
            self.assertNotEqual(recipes.named("default", folder).version, recipes.named("default").version)

    def test_a_misspelt_name_is_told_the_nearest(self) -> None:
        """Asked for defalt, it offers default."""
        with self.assertRaisesRegex(recipes.RecipeError, "did you mean 'default'"):
            recipes.named("defalt")


if __name__ == "__main__":
    unittest.main()
