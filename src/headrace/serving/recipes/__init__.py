"""Recipes are data: each TOML file here names the parts of a pipeline and their weights; its version is a digest of both."""

import tomllib
from dataclasses import fields
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Final, TypeVar

import msgspec

from headrace.pipeline import Filter, Recipe, Scorer, Selector, Source
from headrace.ranking.blend import Blend
from headrace.ranking.top import Top
from headrace.retrieval.covisitation import CoVisitation
from headrace.retrieval.filters import Excluded, Seen
from headrace.retrieval.popularity import Popularity

SOURCES: Final[dict[str, type[Source]]] = {"co_visitation": CoVisitation, "popularity": Popularity}
FILTERS: Final[dict[str, type[Filter]]] = {"seen": Seen, "excluded": Excluded}
SCORERS: Final[dict[str, type[Scorer]]] = {"blend": Blend}
SELECTORS: Final[dict[str, type[Selector]]] = {"top": Top}

P = TypeVar("P")

_KEYS: Final = {"sources", "filters", "scorers", "selector"}


class RecipeError(ValueError):
    """A recipe that cannot be made; the message names the place and what could stand there."""


def available() -> list[str]:
    """Return the names of the recipes in this package, sorted."""
    return sorted(file.name.removesuffix(".toml") for file in files(__package__).iterdir() if file.name.endswith(".toml"))


def named(name: str) -> Recipe:
    """Return a recipe of this package; raises ``RecipeError`` for an unknown name."""
    if name not in available():
        raise RecipeError(f"there is no recipe {name!r}; there are: {', '.join(available())}")
    return read(name, files(__package__).joinpath(f"{name}.toml").read_text())


def read(name: str, text: str) -> Recipe:
    """Return the recipe that this TOML describes; raises ``RecipeError``.

    The version is ``name@digest`` over the parsed parts and weights: comments and order of keys do not change it.
    """
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name}: not TOML: {error}") from None
    if unknown := set(parsed) - _KEYS:
        raise RecipeError(f"{name}: unknown {', '.join(sorted(unknown))}; a recipe has {', '.join(sorted(_KEYS))}")
    if not parsed.get("sources") or "selector" not in parsed:
        raise RecipeError(f"{name}: a recipe needs at least one of [[sources]] and a [selector]")
    digest = blake2b(msgspec.json.encode(parsed, order="sorted"), digest_size=4).hexdigest()
    return Recipe(
        name=name,
        version=f"{name}@{digest}",
        sources=tuple(_part(name, "sources", spec, SOURCES) for spec in parsed["sources"]),
        filters=tuple(_part(name, "filters", spec, FILTERS) for spec in parsed.get("filters", [])),
        scorers=tuple(_part(name, "scorers", spec, SCORERS) for spec in parsed.get("scorers", [])),
        selector=_part(name, "selector", parsed["selector"], SELECTORS),
    )


def _part(recipe: str, place: str, spec: dict[str, Any], kinds: dict[str, type[P]]) -> P:
    kind = spec.get("part")
    if kind not in kinds:
        raise RecipeError(f"{recipe}: {place}: unknown part {kind!r}; there are: {', '.join(sorted(kinds))}")
    weights = {key: value for key, value in spec.items() if key != "part"}
    known = {field.name: field for field in fields(kinds[kind]) if field.name != "name"}  # type: ignore[arg-type]
    for key, value in weights.items():
        if key not in known:
            raise RecipeError(f"{recipe}: {kind}: unknown weight {key!r}; it has: {', '.join(known) or 'none'}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RecipeError(f"{recipe}: {kind}: {key} must be a number, not {value!r}")
    return kinds[kind](**weights)
