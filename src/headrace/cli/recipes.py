"""``headrace recipes``: which recipes there are, and what is in one."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headrace import config
from headrace.cli.complaints import Complaint
from headrace.serving import recipes as shelf


def recipes(
    what: Annotated[str, typer.Argument(help="list, or show")] = "list",
    name: Annotated[str | None, typer.Argument(help="The recipe to show.")] = None,
) -> None:
    """List the recipes that answers can be made with, or show one as its file.

    A recipe's file can be changed and put into the folder of HEADRACE_SERVING_RECIPES, under a name of its own.

        headrace recipes
        headrace recipes show default > mine.toml
    """
    folder = config.read().serving.recipes
    if what == "list" and name is None:
        table = Table("recipe", "version", "what it is")
        for one in shelf.available(folder):
            table.add_row(one, shelf.named(one, folder).version, shelf.purpose(shelf.text_of(one, folder)))
        Console().print(table)
    elif what == "show" and name is not None:
        recipe = shelf.named(name, folder)
        typer.echo(f"# {recipe.version}\n{shelf.text_of(name, folder)}", nl=False)
    else:
        raise Complaint("write: headrace recipes, headrace recipes list, or headrace recipes show NAME")
