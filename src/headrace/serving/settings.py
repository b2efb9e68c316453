"""Which recipe answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """What answers are made with."""

    recipe: str = "rules-v1"
    """The recipe's name."""
