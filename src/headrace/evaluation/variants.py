"""Variants of a recipe: one weight moved, for a sweep; one thing taken out, for an ablation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from json import dumps
from typing import Any, Final

from headrace.features.settings import FeatureSettings
from headrace.pipeline import Recipe
from headrace.rules.declared import to_toml

_PLACES: Final = ("sources", "filters", "scorers", "fillers")

WITHOUT: Final[Mapping[str, tuple[float, str]]] = {
    "history": (1, "only the newest item speaks"),
    "recency": (0.0, "all items of the history speak equally"),
    "smoothing": (0.0, "no smoothing of rare items"),
    "damping": (0.0, "nothing held against popular candidates"),
    "power": (1.0, "voices summed as they are"),
    "doubt": (0.0, "one meeting counts like many"),
}
"""What takes a weight of co-visitation out, and what that means."""

FEATURES_WITHOUT: Final[Mapping[str, Mapping[str, float]]] = {
    "window 1: only neighbours in a row": {"window": 1},
    "forward only: no pair backwards": {"backward": 0.0},
    "no step decay: the whole window counts alike": {"step_decay": 0.0},
    "no decay: old events count like new ones": {"half_life_days": 100_000.0},
}
"""The same for what the features remember; each needs a pass of its own."""

FEATURES_SWEPT: Final[Mapping[str, tuple[float, float]]] = {
    "window": (1, 100),
    "backward": (0.0, 1.0),
    "half_life_days": (0.01, 36_500.0),
    "step_decay": (0.0, 4.0),
}
"""The feature settings that a sweep moves, and the bounds that production holds them in."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A changed recipe and what was changed."""

    change: str
    recipe: Recipe


def moved(recipe: Recipe) -> Iterator[Variant]:
    """Yield the recipe with each weight halved and doubled, one at a time; a weight of 0 becomes 0.1 and 0.5."""
    for place in _PLACES:
        parts = getattr(recipe, place)
        for index, part in enumerate(parts):
            for name, value in _weights(part):
                for other in _steps(value):
                    label = f"{part.name}.{name}={other:g}"
                    yield Variant(label, _with(recipe, place, index, replace(part, **{name: other}), label))


def features_moved(settings: FeatureSettings) -> Iterator[tuple[str, FeatureSettings]]:
    """Yield what was changed and the feature settings with it: each number that shapes the sums, moved both ways."""
    for name, (least, most) in FEATURES_SWEPT.items():
        value = getattr(settings, name)
        for other in _steps(value):
            within = type(value)(min(max(other, least), most))
            if within != value:
                yield f"{name}={within:g}", features_with(settings, {name: within})


def taken_out(recipe: Recipe) -> Iterator[Variant]:
    """Yield the recipe without each of its parts but the first source, and with each weight of co-visitation neutral."""
    for place in _PLACES:
        for index, part in enumerate(getattr(recipe, place)):
            if not (place == "sources" and len(recipe.sources) == 1):
                label = f"without {place.removesuffix('s')} {part.name}"
                yield Variant(label, _with(recipe, place, index, None, label))
    first = recipe.sources[0]
    for name, value in _weights(first):
        if name in WITHOUT and value != WITHOUT[name][0]:
            neutral, label = WITHOUT[name]
            yield Variant(label, _with(recipe, "sources", 0, replace(first, **{name: type(value)(neutral)}), label))  # type: ignore[type-var]


def toml_of(recipe: Recipe) -> str:
    """Return the recipe as a recipe file."""
    lines = []
    for place in ("sources", "filters", "scorers"):
        lines += [line for part in getattr(recipe, place) for line in _table(f"[[{place}]]", part)]
    lines += _table("[selector]", recipe.selector)
    lines += [line for part in recipe.fillers for line in _table("[[fillers]]", part)]
    lines += [line for part in recipe.explored for line in _table("[[explored]]", part)]
    if recipe.explorer is not None:
        lines += _table("[explorer]", recipe.explorer)
    if recipe.rules is not None:
        lines += ["[rules]", to_toml(recipe.rules.declared).replace("\n[[", "\n[[rules.")]
    return "\n".join(lines)


def features_with(settings: FeatureSettings, changes: Mapping[str, float]) -> FeatureSettings:
    """Return these feature settings with some of them changed."""
    return replace(settings, **changes)  # type: ignore[arg-type]


def _table(head: str, part: Any) -> list[str]:  # noqa: ANN401 -- any part of a pipeline
    written = [f"{name} = {dumps(value, ensure_ascii=False)}" for name, value in _values(part)]
    return [head, f'part = "{part.name}"', *written, ""]


def _weights(part: Any) -> list[tuple[str, int | float]]:  # noqa: ANN401 -- any part of a pipeline
    return [(name, value) for name, value in _values(part) if isinstance(value, int | float)]


def _values(part: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 -- any part of a pipeline
    return [(field.name, getattr(part, field.name)) for field in fields(part) if field.init and field.name != "name"]


def _steps(value: float) -> list[float]:
    if not value:
        return [0.1, 0.5]
    if isinstance(value, int):
        return sorted({max(1, value // 2), value * 2} - {value})
    return [round(value * factor, 4) for factor in (0.5, 0.75, 1.5, 2.0)]


def _with(recipe: Recipe, place: str, index: int, part: object | None, label: str) -> Recipe:
    parts = list(getattr(recipe, place))
    parts[index : index + 1] = [] if part is None else [part]
    return replace(recipe, **{place: tuple(parts), "version": f"{recipe.name} {label}"})  # type: ignore[arg-type]
