"""*Recipes*: what answers can be made with; shown, compared, made the default."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from headrace.console import anatomy, beside
from headrace.console.asking import an_id_or_none
from headrace.console.beside import Place
from headrace.console.desk import Desk, Page, route
from headrace.console.guard import ROOT, visitor
from headrace.pipeline import Recipe
from headrace.serving import recipes
from headrace.serving.recipes import RecipeError

HERE: Final = f"{ROOT}/recipes"
K: Final = 20


@dataclass(frozen=True, slots=True)
class OnTheShelf:
    """A recipe as it is listed; ``trouble`` says why it cannot be made."""

    name: str
    version: str
    purpose: str
    own: bool
    """Whether it comes from the operator's folder."""
    trouble: str = ""


async def show(desk: Desk, request: Request) -> Response:
    """Answer with all recipes, and which one answers."""
    return await _shown(desk, request)


async def one(desk: Desk, request: Request) -> Response:
    """Answer with one recipe: its file, and its parts with all weights."""
    name = request.path_params["name"]
    text, recipe, trouble = await asyncio.to_thread(_opened, name, desk.services.recipes.folder)
    return desk.page(
        request,
        "recipes-one.html",
        page=PAGE,
        here=HERE,
        name=name,
        recipe=recipe,
        trouble=trouble,
        text=text,
        parts_of=[] if recipe is None else anatomy.parts_of(recipe),
        answering=desk.services.recipes.answering,
    )


async def compare(desk: Desk, request: Request) -> Response:
    """Answer with two recipes beside each other: what differs in weights and, for a user, in what is shown and why."""
    asked, service = request.query_params, desk.services.recipes
    shelf = await asyncio.to_thread(anatomy.makeable, service.folder)
    answering = service.answering.recipe
    left = _chosen(asked.get("one", ""), shelf, answering.name)
    right = _chosen(asked.get("other", ""), shelf, next((name for name in shelf if name != left), left))
    try:
        first, second = [await asyncio.to_thread(recipes.named, name, service.folder) for name in (left, right)]
    except RecipeError as error:  # what answers is in memory, while its file is being changed
        title, said = "This recipe cannot be made now", f"{error}."
        return desk.page(request, "trouble.html", 409, page=PAGE, title=title, said=said, violations=())
    user = an_id_or_none(asked.get("user"))
    lists: list[list[Place]] = []
    known = False
    if user:
        mine, theirs = [
            await desk.services.explainer.recommend(user, None, K, record=False, recipe=one.name) for one in (first, second)
        ]
        known = bool(mine.history)
        lists = [beside.places(mine, theirs), beside.places(theirs, mine)]
    return desk.page(
        request,
        "recipes-compare.html",
        page=PAGE,
        here=HERE,
        shelf=shelf,
        one=first,
        other=second,
        rows=anatomy.beside(first, second),
        every=asked.get("every") == "yes",
        user=user,
        known=known,
        lists=lists,
        answering=service.answering,
    )


async def default(desk: Desk, request: Request) -> Response:
    """Make a recipe the default, or leave it to the setting again."""
    name = visitor(request).form.get("recipe") or None
    try:
        await desk.services.recipes.choose(name)
    except RecipeError as error:
        return await _shown(desk, request, refused=str(error), status=422)
    answering = desk.services.recipes.answering
    if name is None:
        return desk.went(HERE, f"{answering.recipe.version} answers: the setting says so.")
    return desk.went(HERE, f"{answering.recipe.version} answers from now on, in every API process within a second.")


async def _shown(desk: Desk, request: Request, *, refused: str = "", status: int = 200) -> Response:
    service = desk.services.recipes
    shelf = await asyncio.to_thread(_shelf, service.folder)
    return desk.page(
        request,
        "recipes.html",
        status,
        page=PAGE,
        here=HERE,
        shelf=shelf,
        folder=service.folder,
        answering=service.answering,
        refused=refused,
    )


def _opened(name: str, folder: Path | None) -> tuple[str, Recipe | None, str]:
    """Return a recipe's file, what it makes and why it makes nothing. Blocks while files are read."""
    if name not in recipes.available(folder):
        raise HTTPException(404)
    text = _text(name, folder)
    try:
        return text, recipes.read(name, text), ""
    except RecipeError as error:
        return text, None, str(error)


def _shelf(folder: Path | None) -> list[OnTheShelf]:
    """Return all recipes. Blocks while files are read."""
    found = []
    for name in recipes.available(folder):
        own = folder is not None and (folder / f"{name}.toml").exists()
        text = _text(name, folder)
        try:
            found.append(OnTheShelf(name, recipes.read(name, text).version, recipes.purpose(text), own))
        except RecipeError as error:
            found.append(OnTheShelf(name, "", recipes.purpose(text), own, str(error)))
    return found


def _text(name: str, folder: Path | None) -> str:
    try:
        return recipes.text_of(name, folder)
    except RecipeError as error:
        return f"# {error}\n"


def _chosen(name: str, shelf: Sequence[str], otherwise: str) -> str:
    return name if name in shelf else otherwise


def _more(desk: Desk) -> Sequence[BaseRoute]:
    return (
        route(desk, f"{HERE}/of/{{name}}", one, "GET"),
        route(desk, f"{HERE}/compare", compare, "GET"),
        route(desk, f"{HERE}/default", default),
    )


PAGE: Final = Page(name="recipes", title="Recipes", key="r", show=show, more=_more)
