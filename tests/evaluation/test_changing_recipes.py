"""Changing what answers while it answers."""

import asyncio
import tempfile
import unittest
from pathlib import Path

from headrace.errors import Unavailable
from headrace.pipeline import Recipe
from headrace.serving import recipes, watching
from headrace.serving.settings import ServingSettings
from headrace.serving.watching import Watcher

OTHER = '[[sources]]\npart = "popularity"\n[selector]\npart = "top"\n'


class Keeper:
    """Keeps a choice in memory; it can be away."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.away = False

    async def get(self) -> str | None:
        """Return the choice."""
        if self.away:
            raise Unavailable("postgres", "on purpose")
        return self.name

    async def put(self, name: str | None) -> None:
        """Choose."""
        self.name = name


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
        self.keeper = Keeper()
        self.watcher = self.watching(ServingSettings(recipes=self.folder))
        running = asyncio.create_task(self.watcher.run())
        self.addCleanup(running.cancel)
        self.running = running

    def watching(self, settings: ServingSettings) -> Watcher:
        """Return a watcher by these settings."""
        return Watcher(settings, self.keeper, self.taken.append, recipes.named("default"))

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
        self.assertFalse(self.running.done())
        self.assertRegex(self.watcher.answering.refused, "needs at least one of")
        await self._write(OTHER)
        self.assertEqual(len(self.taken), 1)

    async def test_the_chosen_recipe_answers_until_the_choice_is_taken_back(self) -> None:
        """It goes before the setting, with a folder and without one."""
        for settings in (ServingSettings(recipes=self.folder), ServingSettings()):
            watcher = self.watching(settings)
            await self.keeper.put("revisits")
            await watcher.look()
            answering = watcher.answering
            self.assertEqual((answering.recipe.name, answering.chosen, answering.setting), ("revisits", "revisits", "default"))
            await self.keeper.put(None)
            await watcher.look()
            self.assertEqual((watcher.answering.recipe.name, watcher.answering.chosen), ("default", None))

    async def test_the_last_choice_stands_while_the_database_is_away(self) -> None:
        """And is looked at again when that is back."""
        watcher = self.watching(ServingSettings())
        await self.keeper.put("revisits")
        await watcher.look()
        self.keeper.away, self.keeper.name = True, None
        await watcher.look()
        self.assertEqual(watcher.answering.recipe.name, "revisits")
        self.keeper.away = False
        await watcher.look()
        self.assertEqual(watcher.answering.recipe.name, "default")

    async def test_a_choice_that_cannot_be_made_here_leaves_the_old_one_and_says_why(self) -> None:
        """A process whose folder lacks the chosen file goes on answering; the next good choice clears the complaint."""
        watcher = self.watching(ServingSettings())
        await self.keeper.put("elsewhere")
        await watcher.look()
        self.assertEqual(watcher.answering.recipe.name, "default")
        self.assertRegex(watcher.answering.refused, "no recipe 'elsewhere'")
        await self.keeper.put("default")
        await watcher.look()
        self.assertEqual((watcher.answering.refused, self.taken), ("", []))

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
