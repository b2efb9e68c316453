"""Which recipe answers, and changes of it while it does: the choice and the operator's folder are looked at once a second.

A row that all processes of a space look at makes a choice lasting and common; a file that is watched needs no signal to reach
the right process, and is what an operator edits anyway. A recipe that cannot be made leaves the old one answering, and says so
in the log.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from headrace import telemetry
from headrace.errors import Unavailable
from headrace.pipeline import Recipe
from headrace.serving import recipes
from headrace.serving.recipes import RecipeError
from headrace.serving.settings import ServingSettings

LOOK_S: Final = 1.0
LONGEST_LOOK_S: Final = 1.0


class Chosen(Protocol):
    """The recipe that was made the default, for all processes of a space. Every method raises ``Unavailable``."""

    async def get(self) -> str | None:
        """Return the recipe's name; None where none was chosen."""
        ...

    async def put(self, name: str | None) -> None:
        """Choose a recipe; None takes the choice back."""
        ...


@dataclass(frozen=True, slots=True)
class Answering:
    """Which recipe answers in this process, and why: ``chosen`` goes before ``setting``, which is the value at the start.

    ``refused`` says why the recipe that should answer does not; empty where it does.
    """

    recipe: Recipe
    chosen: str | None
    setting: str
    refused: str = ""


class Watcher:
    """Keeps a recommender on the recipe that was chosen, in its newest form."""

    def __init__(self, settings: ServingSettings, chosen: Chosen, take: Callable[[Recipe], None], current: Recipe) -> None:
        self._settings = settings
        self._kept = chosen
        self._take = take
        self._current = current
        self._chosen: str | None = None
        self._refused = ""

    @property
    def folder(self) -> Path | None:
        """Return the operator's folder of recipes."""
        return self._settings.recipes

    @property
    def answering(self) -> Answering:
        """Return what answers, as of the last look."""
        return Answering(self._current, self._chosen, self._settings.recipe, self._refused)

    async def choose(self, name: str | None) -> None:
        """Make a recipe the default in every process, here at once; None leaves it to the setting.

        Raises ``RecipeError`` for one that cannot be made here, and ``Unavailable``; nothing is changed then.
        """
        if name is not None:
            await asyncio.to_thread(recipes.named, name, self._settings.recipes)
        await self._kept.put(name)
        await self.look()

    async def run(self) -> None:
        """Look for as long as it runs."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Hand over the recipe that is to answer, where it is another one by now. With Postgres away the last choice stands."""
        try:
            async with asyncio.timeout(LONGEST_LOOK_S):  # a database that hangs does not hold up what the folder says
                self._chosen = await self._kept.get()
        except (Unavailable, TimeoutError) as error:
            telemetry.log.debug("recipe_choice_unknown", reason=str(error))
        name, folder = self._chosen or self._settings.recipe, self._settings.recipes
        if folder is None and name == self._current.name:
            self._refused = ""
            return  # a recipe of the package does not change while it runs
        try:
            recipe = await asyncio.to_thread(recipes.named, name, folder)
        except RecipeError as error:
            if str(error) != self._refused:
                self._refused = str(error)
                telemetry.log.warning("recipe_refused", reason=self._refused, still=self._current.version)
            return
        self._refused = ""
        if recipe.version != self._current.version:
            telemetry.log.info("recipe_changed", before=self._current.version, now=recipe.version)
            self._current = recipe
            self._take(recipe)
