"""Changing a recipe while it answers: the operator's folder is looked at once a second.

A file that is watched needs no signal to reach the right process, works the same in every replica and in a container, and is
what an operator edits anyway. A recipe that cannot be made leaves the old one answering, and says so in the log.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from headrace import telemetry
from headrace.pipeline import Recipe
from headrace.serving import recipes
from headrace.serving.recipes import RecipeError

LOOK_S: Final = 1.0


async def watch(name: str, folder: Path, take: Callable[[Recipe], None], current: Recipe) -> None:
    """Hand over the recipe of this name whenever its file changes, for as long as it runs."""
    version, refused = current.version, ""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            recipe = await asyncio.to_thread(recipes.named, name, folder)
        except RecipeError as error:
            if str(error) != refused:
                refused = str(error)
                telemetry.log.warning("recipe_refused", reason=refused, still=version)
            continue
        refused = ""
        if recipe.version != version:
            telemetry.log.info("recipe_changed", before=version, now=recipe.version)
            version = recipe.version
            take(recipe)
