"""Which recipe answers."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """What answers are made with."""

    recipe: str = "default"
    """The recipe's name."""

    recipes: Path | None = None
    """A folder of recipes beside the package's; one of the same name goes before the package's, and changes are noticed."""
