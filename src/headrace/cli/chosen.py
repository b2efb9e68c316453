"""Which space a command is for."""

from typing import Annotated

import typer

Space = Annotated[
    str | None, typer.Option("--space", metavar="NAME", help="Which space; without it, the default one.", show_default=False)
]
