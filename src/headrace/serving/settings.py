"""Which recipe answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """What answers are made with."""

    recipe: str = "default"
    """The recipe's name."""

    seed: int = 0
    """The root of all randomness, from which each user's and request's is derived."""
