"""A recipe taken apart: its parts in their places with every weight, and two recipes beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import zip_longest
from pathlib import Path
from typing import Final

from headrace.pipeline import Recipe
from headrace.serving import recipes
from headrace.serving.recipes import RecipeError

PLACES: Final = ("source", "filter", "scorer", "selector", "filler", "explored", "explorer")


@dataclass(frozen=True, slots=True)
class Part:
    """A part in its place, with all its weights, those left to their defaults included."""

    place: str
    name: str
    weights: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of two recipes beside each other: a part, or one weight of it; None where a recipe has it not."""

    place: str
    part: str
    weight: str
    one: str | None
    other: str | None

    @property
    def differs(self) -> bool:
        """Return whether the two say different things here."""
        return self.one != self.other


def makeable(folder: Path | None) -> list[str]:
    """Return the names of the recipes that answers can be made with. Blocks for a moment."""
    found = []
    for name in recipes.available(folder):
        try:
            recipes.named(name, folder)
        except RecipeError:
            continue
        found.append(name)
    return found


def parts_of(recipe: Recipe) -> list[Part]:
    """Return the recipe's parts in the order in which they work."""
    places = (
        recipe.sources,
        recipe.filters,
        recipe.scorers,
        (recipe.selector,),
        recipe.fillers,
        recipe.explored,
        () if recipe.explorer is None else (recipe.explorer,),
    )
    return [_part(place, one) for place, parts in zip(PLACES, places, strict=True) for one in parts]


def beside(one: Recipe, other: Recipe) -> list[Row]:
    """Return what the two consist of, line by line: the same part in the same place stands in the same lines."""
    mine, theirs = parts_of(one), parts_of(other)
    rows = []
    for place in PLACES:
        left, right = [part for part in mine if part.place == place], [part for part in theirs if part.place == place]
        names = list(dict.fromkeys(part.name for part in [*left, *right]))
        for name in names:
            pairs = zip_longest(_named(left, name), _named(right, name))
            rows += [row for first, second in pairs for row in _rows(place, name, first, second)]
    return rows


def _rows(place: str, name: str, one: Part | None, other: Part | None) -> list[Row]:
    first, second = dict(one.weights) if one else {}, dict(other.weights) if other else {}
    itself = Row(place, name, "", "there" if one else None, "there" if other else None)
    weights = dict.fromkeys([*first, *second])
    return [itself, *(Row(place, name, weight, first.get(weight), second.get(weight)) for weight in weights)]


def _named(parts: Sequence[Part], name: str) -> list[Part]:
    return [part for part in parts if part.name == name]


def _part(place: str, part: object) -> Part:
    weights = tuple(
        (field.name, _told(getattr(part, field.name)))
        for field in fields(part)  # type: ignore[arg-type]  # every part of a recipe is a dataclass: see serving.recipes
        if field.init and field.name != "name"
    )
    return Part(place, str(getattr(part, "name", type(part).__name__)), weights)


def _told(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
