"""``headrace recipes``: which recipes there are, what is in one, which one answers."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headrace import config, wiring
from headrace.cli.chosen import Space
from headrace.cli.complaints import Complaint
from headrace.cli.database import over_database
from headrace.config import Settings
from headrace.serving import recipes as shelf


def recipes(
    what: Annotated[str, typer.Argument(help="list, show, or default")] = "list",
    name: Annotated[str | None, typer.Argument(help="The recipe to show, or to make the default.")] = None,
    *,
    unset: Annotated[
        bool, typer.Option("--unset", help="default: take the choice back; HEADRACE_SERVING_RECIPE says again which answers.")
    ] = False,
    space: Space = None,
) -> None:
    """List the recipes that answers can be made with, show one as its file, or choose the one that answers.

    A recipe's file can be changed and put into the folder of HEADRACE_SERVING_RECIPES, under a name of its own.

        headrace recipes
        headrace recipes show default > mine.toml
        headrace recipes default                      which one answers, and why
        headrace recipes default revisits             have this one answer, in every API process, for good
        headrace recipes default --unset              go back to the setting

    What is chosen is kept in the database and goes before HEADRACE_SERVING_RECIPE, which is the value at the start. API
    processes that run look once a second; no request fails.
    """
    settings = config.read(space=space)
    folder = settings.serving.recipes
    if unset and (what != "default" or name is not None):
        raise Complaint("--unset stands alone: headrace recipes default --unset")
    if what == "list" and name is None:
        table = Table("recipe", "version", "what it is")
        for one in shelf.available(folder):
            table.add_row(one, shelf.named(one, folder).version, shelf.purpose(shelf.text_of(one, folder)))
        Console().print(table)
    elif what == "show" and name is not None:
        recipe = shelf.named(name, folder)
        typer.echo(f"# {recipe.version}\n{shelf.text_of(name, folder)}", nl=False)
    elif what == "default":
        if name is not None:
            shelf.named(name, folder)
        if name is not None or unset:
            over_database(settings, wiring.choosing, lambda chosen: chosen.put(name))
        _tell(settings, over_database(settings, wiring.choosing, lambda chosen: chosen.get()))
    else:
        raise Complaint("write: headrace recipes, headrace recipes show NAME, or headrace recipes default [NAME]")


def _tell(settings: Settings, chosen: str | None) -> None:
    name = chosen or settings.serving.recipe
    version = shelf.named(name, settings.serving.recipes).version
    if chosen is None:
        typer.echo(f"{version} answers: HEADRACE_SERVING_RECIPE says so, and none was chosen.")
    else:
        typer.echo(
            f"{version} answers: it was chosen, which goes before HEADRACE_SERVING_RECIPE={settings.serving.recipe}."
            " Back to that: headrace recipes default --unset"
        )
