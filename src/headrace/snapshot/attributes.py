"""Items' attributes in memory, by dense number: a column for each name and kind, grown and changed in place.

Texts and lists stand as numbers of what was ever said, so that a comparison looks at numbers alone. A number costs 8 bytes an
item, a time 8, a text 4, a list 4, a boolean 1.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headrace.events.items import Item, Moment, Value

Kind: TypeAlias = Literal["number", "time", "boolean", "text", "list"]
Numbers: TypeAlias = NDArray[np.int32]
Mask: TypeAlias = NDArray[np.bool_]

MOST_COLUMNS: Final = 256
"""Columns beyond it are left out: such attributes are kept and answered, but cannot be asked for in an expression."""

_DTYPES: Final[dict[Kind, tuple[type, float]]] = {
    "number": (np.float64, np.nan),
    "time": (np.float64, np.nan),
    "boolean": (np.int8, -1),
    "text": (np.int32, -1),
    "list": (np.int32, -1),
}


class Column:
    """One attribute of one kind; -1 or NaN where an item has none."""

    def __init__(self, kind: Kind, room: int) -> None:
        self.kind = kind
        dtype, self._blank = _DTYPES[kind]
        self.values: NDArray[Any] = np.full(room, self._blank, dtype)
        self._codes: dict[str | frozenset[str], int] = {}
        self._tables: dict[str, Mask] = {}

    def room_for(self, room: int) -> None:
        """Have room for so many items."""
        new = np.full(room, self._blank, self.values.dtype)
        new[: len(self.values)] = self.values
        self.values = new

    def put(self, number: int, value: Value | None) -> None:
        """Set an item's value, or that it has none."""
        if value is None:
            self.values[number] = self._blank
        elif isinstance(value, str):
            self.values[number] = self._codes.setdefault(value, len(self._codes))
        elif isinstance(value, list):
            self.values[number] = self._codes.setdefault(frozenset(value), len(self._codes))
        else:
            self.values[number] = value.time if isinstance(value, Moment) else value

    def code(self, text: str) -> int:
        """Return the number that stands for a text; -2 for one that no item has."""
        return self._codes.get(text, -2)

    def having(self, items: Numbers, text: str) -> Mask:
        """Return of which items the list holds a text."""
        table = self._tables.get(text)
        if table is None or len(table) != len(self._codes) + 1:
            if len(self._tables) >= MOST_COLUMNS:
                self._tables.clear()
            # The last place is that of -1: no list holds nothing.
            held = [isinstance(one, frozenset) and text in one for one in self._codes]
            table = self._tables[text] = np.array([*held, False], np.bool_)
        held_by: Mask = table[self.values[items]]
        return held_by


class Attributes:
    """All columns."""

    def __init__(self) -> None:
        self._room = 0
        self._columns: dict[str, dict[Kind, Column]] = {}
        self._count = 0

    def room_for(self, room: int) -> None:
        """Have room for so many items."""
        self._room = room
        for kinds in self._columns.values():
            for column in kinds.values():
                column.room_for(room)

    def names(self) -> Iterable[str]:
        """Return the names that there are."""
        return self._columns

    def columns(self, name: str) -> dict[Kind, Column]:
        """Return the columns of a name by kind; none for one that no item has."""
        return self._columns.get(name, {})

    def put(self, number: int, item: Item | None) -> None:
        """Set all of an item's attributes; None takes them all away."""
        told: dict[str, Value] = {}
        if item is not None:
            told = {**item.attributes}
            if item.categories:
                told["categories"] = item.categories
            if item.group is not None:
                told["group"] = item.group
        for name, kinds in self._columns.items():
            value = told.get(name)
            kind = None if value is None else kind_of(value)
            for each, column in kinds.items():
                column.put(number, value if each == kind else None)
        for name, value in told.items():
            kind = kind_of(value)
            if kind not in self.columns(name) and self._count < MOST_COLUMNS:
                self._count += 1
                self._columns.setdefault(name, {})[kind] = Column(kind, self._room)
                self._columns[name][kind].put(number, value)

    def patch(self, number: int, values: dict[str, Value | None]) -> None:
        """Set some of an item's attributes, each or that it has none."""
        for name, value in values.items():
            kind = None if value is None else kind_of(value)
            if kind is not None and kind not in self.columns(name) and self._count < MOST_COLUMNS:
                self._count += 1
                self._columns.setdefault(name, {})[kind] = Column(kind, self._room)
            for each, column in self.columns(name).items():
                column.put(number, value if each == kind else None)


def kind_of(value: Value) -> Kind:
    """Return what kind of value this is."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "list"
    return "time" if isinstance(value, Moment) else "number"
