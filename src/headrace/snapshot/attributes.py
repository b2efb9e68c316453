"""Items' attributes in memory, by dense number: a column for each name and kind, grown and changed in place.

Texts and lists stand as numbers of what was ever said, so that a comparison looks at numbers alone. A number costs 8 bytes an
item, a time 8, a text 4, a list 4, a boolean 1.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headrace import telemetry
from headrace.events.items import Item, Kind, Moment, Value, kind_of

Numbers: TypeAlias = NDArray[np.int32]
Mask: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.int64]

MOST_COLUMNS: Final = 256
"""Columns beyond it are left out: such attributes are kept and answered, but refused in an expression."""

MOST_TOLD: Final = 4096
"""So many of the latest changes can be told one by one; who asks later looks at everything anew."""

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
        self.held = 0
        """How many items have a value."""

        self._codes: dict[str | frozenset[str], int] = {}
        self._tables: dict[str, Mask] = {}
        self._texts: dict[str, int] = {}
        self._parts: tuple[list[int], list[int]] = ([0], [])
        self.longest = 1
        """How many values an item has at most: one, or the texts of the longest list."""

        self._split: tuple[Places, Places] = (np.zeros(2, np.int64), np.empty(0, np.int64))

    def room_for(self, room: int) -> None:
        """Have room for so many items."""
        new = np.full(room, self._blank, self.values.dtype)
        new[: len(self.values)] = self.values
        self.values = new

    def put(self, number: int, value: Value | None) -> None:
        """Set an item's value, or that it has none."""
        self.held += (value is not None) - self._has(number)
        if value is None:
            self.values[number] = self._blank
        elif isinstance(value, str):
            self.values[number] = self._codes.setdefault(value, len(self._codes))
        elif isinstance(value, list):
            self.values[number] = self._codes.setdefault(frozenset(value), len(self._codes))
            self.longest = max(self.longest, len(value))
        else:
            self.values[number] = value.time if isinstance(value, Moment) else value

    def _has(self, number: int) -> bool:
        held = self.values[number]
        return bool(held == held if self.values.dtype == np.float64 else held >= 0)  # noqa: PLR0124 -- NaN

    def code(self, text: str) -> int:
        """Return the number that stands for a text; -2 for one that no item has."""
        return self._codes.get(text, -2)

    def value(self, number: int) -> Value | None:
        """Return an item's value as it can be told: a time as Unix milliseconds; None where it has none. It looks for texts."""
        held = self.values[number].item()
        if self.kind in ("number", "time"):
            return None if held != held else float(held)  # noqa: PLR0124 -- NaN
        if held < 0:
            return None
        if self.kind == "boolean":
            return bool(held)
        text = next(islice(self._codes, held, None))
        return sorted(text) if isinstance(text, frozenset) else text

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

    def having_any(self, items: Numbers, texts: frozenset[str]) -> Mask:
        """Return of which items the list holds any of some texts."""
        held = [isinstance(one, frozenset) and not one.isdisjoint(texts) for one in self._codes]
        held_by: Mask = np.array([*held, False], np.bool_)[self.values[items]]
        return held_by

    def parts(self) -> tuple[Places, Places]:
        """Return where the texts of each list begin, by the number that stands for the list, and the texts' own numbers.

        The list of number n has those from the n-th beginning to the next; the last beginning is that of -1, which has none.
        """
        begins, texts = self._parts
        if len(begins) <= len(self._codes):
            for one in islice(self._codes, len(begins) - 1, None):
                texts.extend(self._texts.setdefault(text, len(self._texts)) for text in one)
                begins.append(len(texts))
            self._split = np.array([*begins, len(texts)], np.int64), np.array(texts, np.int64)
        return self._split


class Attributes:
    """All columns; ``changes`` counts how often an item's were set."""

    def __init__(self) -> None:
        self.room = 0
        self.changes = 0
        self._changed: deque[int] = deque(maxlen=MOST_TOLD)
        self._columns: dict[str, dict[Kind, Column]] = {}
        self._count = 0
        self._shape = 0
        self._left_out: set[str] = set()

    def room_for(self, room: int) -> None:
        """Have room for so many items."""
        self.room = room
        for kinds in self._columns.values():
            for column in kinds.values():
                column.room_for(room)

    def changed(self, since: int) -> list[int] | None:
        """Return the items that were set since there had been so many changes; None where they are too many to tell."""
        many = self.changes - since
        if many > len(self._changed):
            return None
        return list(islice(self._changed, len(self._changed) - many, None))

    @property
    def kinds(self) -> int:
        """Return a number that grows whenever a column comes or goes."""
        return self._shape

    @property
    def left_out(self) -> AbstractSet[str]:
        """Return the names of which some values found no room: what is asked of them cannot be answered."""
        return self._left_out

    def crowded_out(self, offered: Iterable[Mapping[str, Value]]) -> list[str]:
        """Return the names among what is offered that there is no room for: nothing could ever ask what they say."""
        fresh = {(name, kind_of(value)) for one in offered for name, value in one.items()}
        fresh = {(name, kind) for name, kind in fresh if kind not in self.columns(name)}
        if not fresh:
            return []
        empty = sum(not column.held for kinds in self._columns.values() for column in kinds.values())
        room = MOST_COLUMNS - self._count + empty
        return sorted({name for place, (name, _) in enumerate(sorted(fresh)) if place >= room or name in self._left_out})

    def names(self) -> Iterable[str]:
        """Return the names that there are."""
        return self._columns

    def columns(self, name: str) -> dict[Kind, Column]:
        """Return the columns of a name by kind; none for one that no item has."""
        return self._columns.get(name, {})

    def value(self, name: str, number: int) -> Value | None:
        """Return what an item has under a name; None where it has nothing."""
        found = (column.value(number) for column in self.columns(name).values())
        return next((one for one in found if one is not None), None)

    def put(self, number: int, item: Item | None) -> None:
        """Set all of an item's attributes; None takes them all away."""
        self._note(number)
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
            if kind not in self.columns(name) and self._add(name, kind):
                self._columns[name][kind].put(number, value)

    def patch(self, number: int, values: dict[str, Value | None]) -> None:
        """Set some of an item's attributes, each or that it has none."""
        self._note(number)
        for name, value in values.items():
            kind = None if value is None else kind_of(value)
            if kind is not None and kind not in self.columns(name):
                self._add(name, kind)
            for each, column in self.columns(name).items():
                column.put(number, value if each == kind else None)

    def _add(self, name: str, kind: Kind) -> bool:
        """Add a column; return whether there is room for one. A name that was left out once stays so: what was said is gone."""
        if name in self._left_out:
            return False
        if self._count >= MOST_COLUMNS:
            self._free()
        if self._count >= MOST_COLUMNS:
            self._left_out.add(name)
            telemetry.log.error("attribute_left_out", attribute=name, kind=kind, most=MOST_COLUMNS)
            return False
        self._count += 1
        self._shape += 1
        self._columns.setdefault(name, {})[kind] = Column(kind, self.room)
        return True

    def _free(self) -> None:
        """Let go of columns in which no item has anything any more."""
        for name, kinds in list(self._columns.items()):
            for kind in [kind for kind, column in kinds.items() if not column.held]:
                del kinds[kind]
                self._count -= 1
                self._shape += 1
            if not kinds:
                del self._columns[name]

    def _note(self, number: int) -> None:
        self.changes += 1
        self._changed.append(number)
