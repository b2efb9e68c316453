"""Recipes are data: each TOML file here names the parts of a pipeline and their weights; its version is a digest of both."""

import tomllib
from collections.abc import Iterable
from dataclasses import fields
from difflib import get_close_matches
from hashlib import blake2b
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from headrace.errors import Rejected
from headrace.features.settings import FeatureSettings
from headrace.pipeline import Explorer, Filter, Recipe, Scorer, Selector, Source
from headrace.ranking.blend import Blend
from headrace.ranking.exploring import Exploring
from headrace.ranking.likeness import Likeness
from headrace.ranking.returning import Returning
from headrace.ranking.top import Top
from headrace.ranking.varied import Varied
from headrace.retrieval.arrivals import Arrivals
from headrace.retrieval.categories import Categories
from headrace.retrieval.content import Content
from headrace.retrieval.covisitation import CoVisitation
from headrace.retrieval.filters import Excluded, Latest, Seen, Where
from headrace.retrieval.popularity import Popularity
from headrace.retrieval.revisits import Revisits
from headrace.retrieval.trending import Trending
from headrace.rules import declared
from headrace.rules.made import RECIPE, Rules

SOURCES: Final[dict[str, type[Source]]] = {
    "arrivals": Arrivals,
    "categories": Categories,
    "co_visitation": CoVisitation,
    "content": Content,
    "popularity": Popularity,
    "revisits": Revisits,
    "trending": Trending,
}
FILTERS: Final[dict[str, type[Filter]]] = {"seen": Seen, "latest": Latest, "excluded": Excluded, "where": Where}
SCORERS: Final[dict[str, type[Scorer]]] = {"blend": Blend, "likeness": Likeness, "returning": Returning}
SELECTORS: Final[dict[str, type[Selector]]] = {"top": Top, "varied": Varied}
EXPLORERS: Final[dict[str, type[Explorer]]] = {"exploring": Exploring}

P = TypeVar("P")

_KEYS: Final = {"sources", "filters", "scorers", "selector", "fillers", "explored", "explorer", "rules"}
_OF_FEATURES: Final = {field.name for field in fields(FeatureSettings)}


class RecipeError(ValueError):
    """A recipe that cannot be made; the message names the place and what could stand there."""


def available(folder: Path | None = None) -> list[str]:
    """Return the names of the recipes in this package and in the operator's folder, sorted."""
    shipped = {file.name.removesuffix(".toml") for file in files(__package__).iterdir() if file.name.endswith(".toml")}
    own = set() if folder is None else {file.stem for file in folder.glob("*.toml")}
    return sorted(shipped | own)


def named(name: str, folder: Path | None = None) -> Recipe:
    """Return a recipe by its name; raises ``RecipeError`` for one that is unknown or cannot be made."""
    return read(name, text_of(name, folder))


def text_of(name: str, folder: Path | None = None) -> str:
    """Return a recipe's file; one in the operator's folder goes before one of the package. Raises ``RecipeError``."""
    known = available(folder)
    if name not in known:
        raise RecipeError(f"there is no recipe {name!r}{_nearest(name, known)}; there are: {', '.join(known)}")
    own = None if folder is None else folder / f"{name}.toml"
    try:
        if own is not None and own.exists():
            return own.read_text(encoding="utf-8")
        return files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{name}: its file cannot be read: {error}") from None


def purpose(text: str) -> str:
    """Return the first sentence of the comment that a recipe's file begins with; empty where there is none."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    sentence, dot, _ = " ".join(lines).partition(". ")
    return sentence + dot.strip()


def read(name: str, text: str) -> Recipe:
    """Return the recipe that this TOML describes; raises ``RecipeError``.

    The version is ``name@digest`` over the parts in their order and all their weights, those left to their defaults included:
    comments, the order of keys and a default written out do not change it, a default changed in the code does.
    """
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name}: not TOML: {error}") from None
    if unknown := set(parsed) - _KEYS:
        raise RecipeError(f"{name}: unknown {', '.join(sorted(unknown))}; a recipe has {', '.join(sorted(_KEYS))}")
    if not parsed.get("sources") or "selector" not in parsed:
        raise RecipeError(f"{name}: a recipe needs at least one of [[sources]] and a [selector]")
    if bool(parsed.get("explored")) != ("explorer" in parsed):
        raise RecipeError(f"{name}: to explore takes both: an [explorer], and at least one of [[explored]] to show")
    sources = _parts(name, "sources", parsed, SOURCES)
    filters = _parts(name, "filters", parsed, FILTERS)
    scorers = _parts(name, "scorers", parsed, SCORERS)
    selector = _part(name, "selector", parsed["selector"], SELECTORS)
    fillers = _parts(name, "fillers", parsed, SOURCES)
    places: list[tuple[object, ...]] = [sources, filters, scorers, (selector,)]
    if fillers:
        places.append(fillers)
    explored = _parts(name, "explored", parsed, SOURCES)
    explorer = _part(name, "explorer", parsed["explorer"], EXPLORERS) if explored else None
    if explored:
        places += [explored, (explorer,)]
    rules = _rules(name, parsed["rules"]) if "rules" in parsed else None
    if rules is not None:
        places.append((rules.declared,))
    whole = [[(type(part).__name__, part) for part in place] for place in places]
    digest = blake2b(msgspec.json.encode(whole, order="sorted"), digest_size=4).hexdigest()
    return Recipe(name, f"{name}@{digest}", sources, filters, scorers, selector, fillers, explored, explorer, rules)


def _rules(recipe: str, spec: object) -> Rules:
    if not isinstance(spec, dict):
        raise RecipeError(f"{recipe}: rules: is a table of rules: write [[rules.cap]], [[rules.boost]] and so on")
    try:
        return Rules(declared.from_values(spec), RECIPE)
    except Rejected as error:
        wrong = "; ".join(f"rules.{one.path}: {one.message}" for one in error.violations)
        raise RecipeError(f"{recipe}: {wrong}") from None


def _parts(recipe: str, place: str, parsed: dict[str, Any], kinds: dict[str, type[P]]) -> tuple[P, ...]:
    specs = parsed.get(place, [])
    if not isinstance(specs, list):
        raise RecipeError(f"{recipe}: {place}: is a list of parts: write [[{place}]]")
    return tuple(_part(recipe, place, spec, kinds) for spec in specs)


def _part(recipe: str, place: str, spec: object, kinds: dict[str, type[P]]) -> P:
    if not isinstance(spec, dict):
        raise RecipeError(f"{recipe}: {place}: a part is a table with its name and weights, not {spec!r}")
    kind = spec.get("part")
    if not isinstance(kind, str) or kind not in kinds:
        raise RecipeError(
            f"{recipe}: {place}: unknown part {kind!r}{_nearest(kind, kinds)}; there are: {', '.join(sorted(kinds))}"
        )
    known = {field.name: field.type for field in fields(kinds[kind]) if field.name != "name"}  # type: ignore[arg-type]
    weights = {key: value for key, value in spec.items() if key != "part"}
    for key, value in weights.items():
        if key not in known:
            hint = "; it belongs to the features: another one takes a replay" if key in _OF_FEATURES else _nearest(key, known)
            raise RecipeError(f"{recipe}: {kind}: unknown weight {key!r}{hint}; it has: {', '.join(known) or 'none'}")
        weights[key] = _weight(f"{recipe}: {kind}: {key}", value, known[key])
    try:
        return kinds[kind](**weights)
    except ValueError as error:
        raise RecipeError(f"{recipe}: {kind}: {error}") from None


def _weight(where: str, value: object, wanted: object) -> float | str:
    if wanted is str:
        if not isinstance(value, str):
            raise RecipeError(f"{where} must be a text, not {value!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RecipeError(f"{where} must be a number, not {value!r}")
    if not (isfinite(value) and value >= 0):
        raise RecipeError(f"{where} must be finite and not negative, not {value!r}")
    if wanted is int:
        if not isinstance(value, int):
            raise RecipeError(f"{where} must be a whole number, not {value!r}")
        return value
    return float(value)


def _nearest(word: object, known: Iterable[str]) -> str:
    near = get_close_matches(str(word), list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
