"""Which column of a file says what of an item, as the options and the header tell, or as the values look."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any, Final

import msgspec

from headrace.events.items import LONGEST_NAME
from headrace.importer.catalogue import cells
from headrace.importer.catalogue.cells import KINDS, Kind
from headrace.importer.rows import Broken, Source, Unusable
from headrace.importer.suggestions import missing_columns
from headrace.importer.values import flag, identifier

_FIELDS: Final[dict[str, Callable[[object], object]]] = {
    "item_id": identifier,
    "title": cells.words,
    "categories": cells.texts,
    "available": flag,
    "available_from": cells.instant,
    "available_until": cells.instant,
    "group": identifier,
}
FIELDS: Final = (*_FIELDS, "attributes")
_TELL_EVERY: Final = 20_000


@dataclass(frozen=True, slots=True)
class ItemOptions:
    """What was asked for: field to column, attribute to column, attribute to kind, columns to be left out."""

    columns: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column that is an attribute; of no kind where each value brings its own."""

    column: str
    name: str
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class ItemFile:
    """A file that can be taken in: ``bound`` is field to column; the columns in ``unused`` have no name of an attribute."""

    source: Source
    bound: Mapping[str, str]
    attributes: tuple[Attribute, ...]
    unused: tuple[str, ...]

    def fields(self, values: Mapping[str, object]) -> dict[str, Any]:
        """Return what a client would say of a row's item; an empty cell says nothing. Raises ``ValueError``."""
        said: dict[str, Any] = {}
        for name, column in self.bound.items():
            cell = self._cell(values, column)
            if cell is not None:
                said[name] = _read(name, _FIELDS[name], cell) if name in _FIELDS else _object(cell)
        attributes = dict(said.pop("attributes", {}))
        for one in self.attributes:
            cell = self._cell(values, one.column)
            if cell is None:
                continue
            if one.kind is None:
                attributes[one.name] = cells.plain(cell)
            else:
                attributes[one.name] = _read(f"attributes.{one.name}", _reader(one.kind), cell)
        return {**said, "attributes": attributes} if attributes else said

    def _cell(self, values: Mapping[str, object], column: str) -> object | None:
        """Return a cell, None for one that says nothing: of no text, or of a number that is none (as pandas writes it)."""
        cell = values.get(column)
        if cell == "" or (isinstance(cell, float) and isnan(cell)):
            return None
        return cells.told(cell) if isinstance(cell, int) and column in self.source.moments else cell

    def plan(self) -> list[str]:
        """Return how the columns are taken, in lines for a person."""
        taken = ", ".join(name if name == column else f"{name} from {column}" for name, column in self.bound.items())
        lines = [f"{self.source.name}: {taken}"]
        if self.attributes:
            lines.append(f"  attributes: {', '.join(map(_told, self.attributes))}")
        if self.unused:
            lines.append(f"  not taken: {', '.join(self.unused)}")
        return lines


def look_through(source: Source, options: ItemOptions, tell: Callable[[Source], None]) -> ItemFile:
    """Return how a file is taken. Raises ``Unusable`` with what to write instead.

    A header ``price:number`` says name and kind; else ``--type`` does; else a file of objects or of typed columns brings its
    kinds, and a column of a CSV file is of the one that all its cells look like.
    """
    columns = source.columns()
    absent = [one for one in (*options.columns.values(), *options.attributes.values()) if one not in columns]
    bound = {name: name for name in FIELDS if name in columns and name not in options.left_out}
    if "item_id" not in bound and "id" in columns:
        bound["item_id"] = "id"
    bound |= options.columns
    if "item_id" not in bound or absent:
        missing = [] if "item_id" in bound else ["item_id"]
        raise Unusable(missing_columns(source.name, columns, missing, absent))
    left = [one for one in columns if one not in bound.values() and one not in options.left_out]
    named = {column: name for name, column in options.attributes.items()}
    found = [_attribute(column, named, options.kinds) for column in left]
    unused = tuple(column for column, one in zip(left, found, strict=True) if one is None)
    # Only values of different kinds may stand in columns of one name, each of which says its own.
    named_by: dict[str, list[Kind | None]] = {}
    for one in found:
        if one is not None:
            named_by.setdefault(one.name, []).append(one.kind)
    if doubled := sorted(name for name, kinds in named_by.items() if len(kinds) > len(set(kinds) - {None}) and len(kinds) > 1):
        raise Unusable(f"{source.name}: {', '.join(doubled)} is named by two columns: leave one out, or give it another name.")
    attributes = tuple(_of_moments(source, one) for one in found if one is not None)
    if source.kinds == "text":
        attributes = _guessed(source, attributes, tell)
    return ItemFile(source, bound, attributes, unused)


def _attribute(column: str, named: Mapping[str, str], kinds: Mapping[str, str]) -> Attribute | None:
    name, colon, kind = column.rpartition(":")
    if not colon or kind not in KINDS:
        name, kind = column, ""
    name = named.get(column, name)
    if not (name.isascii() and name.isidentifier() and len(name) <= LONGEST_NAME):
        return None
    return Attribute(column, name, kinds.get(name) or kind or None)


def _of_moments(source: Source, one: Attribute) -> Attribute:
    return Attribute(one.column, one.name, "time") if one.kind is None and one.column in source.moments else one


def _guessed(source: Source, attributes: tuple[Attribute, ...], tell: Callable[[Source], None]) -> tuple[Attribute, ...]:
    """Return the attributes with the kinds that all their cells look like, where none was told."""
    guesses: dict[str, dict[Kind, bool]] = {
        one.column: dict.fromkeys(("number", "boolean", "time"), True) for one in attributes if one.kind is None
    }
    met: set[str] = set()
    if guesses:
        try:
            for count, row in enumerate(source.rows(frozenset(guesses))):
                if count % _TELL_EVERY == 0:
                    tell(source)
                for column, kinds in guesses.items():
                    cell = row.values.get(column)
                    if isinstance(cell, str) and cell:
                        met.add(column)
                        cells.guessed(kinds, cell)
        except Broken:
            pass  # said when the import comes to that place
    fitting = {column: next((kind for kind, fits in kinds.items() if fits), "text") for column, kinds in guesses.items()}
    return tuple(
        Attribute(one.column, one.name, one.kind or (fitting[one.column] if one.column in met else "text"))
        for one in attributes
    )


def _reader(kind: Kind) -> Callable[[object], object]:
    return lambda cell: cells.value(kind, cell)


def _read(name: str, reader: Callable[[object], object], cell: object) -> object:
    try:
        return reader(cell)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _object(cell: object) -> dict[str, object]:
    given = cell
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except msgspec.DecodeError as error:
            raise ValueError(f"attributes: is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValueError("attributes: must be an object")  # noqa: TRY004 -- a fault of the data, not of the code
    return {name: one for name, one in given.items() if one is not None}


def _told(one: Attribute) -> str:
    name = one.name if one.name == one.column.rpartition(":")[0] or one.name == one.column else f"{one.name} from {one.column}"
    return name if one.kind is None else f"{name} ({one.kind})"
