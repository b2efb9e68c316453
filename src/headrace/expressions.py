"""Expressions over items' attributes, such as ``price <= $max and "sale" in tags``: read once, asked of many items at a time.

The language is a part of Python's own, and Python's parser reads it: comparisons, ``in``, ``and``, ``or``, ``not``, brackets
and constants, with ``$name`` for a value of the request. Nothing of it is ever run as Python.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from math import isfinite
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headrace.events.items import Kind, Moment
from headrace.snapshot.attributes import MOST_COLUMNS, Attributes, Column, Mask, Numbers

LONGEST: Final = 1000
DEEPEST: Final = 40
REMEMBERED: Final = 256
"""Expressions kept as read; those asked for least lately are read again."""

Plain: TypeAlias = str | float | bool
Given: TypeAlias = Plain | list[str] | list[float]
"""A value of the request: what ``$name`` stands for."""

_DOLLAR: Final = "\u01c2"
"""Stands for ``$`` while Python's parser reads: a letter that keeps every place where it is."""

_TOO_LARGE: Final = "this number is larger than any that an item can have"
_BLANK: Final = re.compile(r"[\t\n\v\f\r]")
_PLAIN: Final = (str, int, float, bool, type(None))
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "none": None}
_ORDER: Final = {ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal}


class ExpressionError(ValueError):
    """What is wrong with an expression, and at which character, counted from 1."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(f"at character {at}: {message}")
        self.at = at


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read."""

    text: str
    tree: ast.expr

    def of(self, attributes: Attributes, items: Numbers, given: Mapping[str, Given], *, strict: bool = True) -> Mask:
        """Return for which of these items it is true; a comparison with what an item does not have is false.

        Where ``strict``, raises ``ExpressionError`` for kinds that do not fit, for a value that was not given and for an
        attribute that no item has; otherwise that comparison is false.
        """
        return _Asked(self.text, attributes, items, given, strict).truth(self.tree)

    def values(self, attributes: Attributes, item: int) -> dict[str, Plain | list[str] | None]:
        """Return what an item has of the attributes that the expression looks at; a time as Unix milliseconds."""
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        names = dict.fromkeys(node.id for node in nodes if not node.id.startswith(_DOLLAR) and node.id not in _WORDS)
        told = {name: attributes.value(name, item) for name in names if name != "available"}
        return {name: float(one.time) if isinstance(one, Moment) else one for name, one in told.items()}


@lru_cache(REMEMBERED)
def read(text: str) -> Expression:
    """Return the expression that a text says. Raises ``ExpressionError``."""
    if len(text) > LONGEST:
        raise ExpressionError(LONGEST + 1, f"an expression has at most {LONGEST} characters")
    if _DOLLAR in text:
        raise ExpressionError(text.index(_DOLLAR) + 1, "this character has no meaning here")
    flat = _BLANK.sub(" ", text)
    bare = flat.replace("$", _DOLLAR).strip()
    if not bare:
        raise ExpressionError(1, "it is empty")
    # Brackets around it let it begin with a blank; they move every place by one.
    try:
        tree = ast.parse(f"({flat.replace('$', _DOLLAR)})", mode="eval").body
    except SyntaxError as error:
        at = min(max((error.offset or 2) - 1, 1), len(text) + 1)
        raise ExpressionError(at, error.msg) from None
    except (MemoryError, RecursionError, ValueError):
        raise ExpressionError(1, "it cannot be read: too deep, or a NUL in it") from None
    _check_brackets(flat)
    expression = Expression(flat, tree)
    _check(tree, flat, DEEPEST)
    return expression


def _check_brackets(text: str) -> None:
    """Refuse a text that closes the brackets which were put around it."""
    try:
        ast.parse(text.replace("$", _DOLLAR).strip(), mode="eval")
    except SyntaxError as error:
        at = (error.offset or 1) + len(text) - len(text.lstrip())
        raise ExpressionError(min(at, len(text) + 1), error.msg) from None


def _place(node: ast.AST, text: str) -> int:
    """Return the character of a node, from 1: Python counts bytes."""
    line = f"({text.replace('$', _DOLLAR)}".encode()
    return max(1, len(line[: getattr(node, "col_offset", 1)].decode(errors="ignore")))


def _check(node: ast.expr, text: str, depth: int) -> None:
    """Refuse everything that is not of the language."""
    if depth == 0:
        raise ExpressionError(_place(node, text), "it is nested too deeply")
    if isinstance(node, ast.Constant) and not _measurable(node.value):
        raise ExpressionError(_place(node, text), _TOO_LARGE)
    if isinstance(node, ast.BoolOp):
        parts: list[ast.expr] = node.values
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        parts = [node.operand]
    elif isinstance(node, ast.Compare):
        parts = [node.left, *node.comparators]
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        parts = node.elts
    elif isinstance(node, ast.Name) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float, bool, type(None)))
    ):
        return
    else:
        raise ExpressionError(
            _place(node, text), "only attributes, $values, constants, lists, comparisons, in, and, or, not may stand here"
        )
    for part in parts:
        _check(part, text, depth - 1)


def _measurable(value: object) -> bool:
    """Return whether a value is no number, or one that an attribute could have."""
    try:
        return not isinstance(value, (int, float)) or isfinite(value)
    except OverflowError:
        return False


@dataclass(frozen=True, slots=True)
class _Asked:
    """One expression asked of some items."""

    text: str
    attributes: Attributes
    items: Numbers
    given: Mapping[str, Given]
    strict: bool

    def truth(self, node: ast.expr) -> Mask:
        """Return for which items a part is true."""
        try:
            return self._truth(node)
        except ExpressionError:
            if self.strict:
                raise
            return self._none()

    def _truth(self, node: ast.expr) -> Mask:
        if isinstance(node, ast.BoolOp):
            both = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            mask = self.truth(node.values[0])
            for part in node.values[1:]:
                mask = both(mask, self.truth(part))
            return mask
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.truth(node.operand)
        if isinstance(node, ast.Compare):
            left, mask = node.left, np.ones(len(self.items), np.bool_)
            for op, right in zip(node.ops, node.comparators, strict=True):
                mask = mask & self._compared(left, op, right)
                left = right
            return mask
        name = self._attribute(node)
        if name == "available":  # what is not is no candidate
            return np.ones(len(self.items), np.bool_)
        if name is not None:
            columns = self._columns(node, name)
            if columns and "boolean" not in columns:
                raise self._error(node, f"{name} is a {next(iter(columns))}, not true or false: compare it with something")
            return self.values(columns["boolean"]) == 1 if columns else self._none()
        value = self._value(node)
        if not isinstance(value, bool):
            raise self._error(node, "is neither true nor false: compare it with something")
        return np.full(len(self.items), value)

    def values(self, column: Column) -> NDArray[np.float64]:
        found: NDArray[np.float64] = column.values[self.items]
        return found

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Mask:
        if isinstance(op, (ast.In, ast.NotIn)):
            mask = self._member(left, right)
            return ~mask if isinstance(op, ast.NotIn) else mask
        name, other, turned = self._attribute(left), right, False
        if name is None:
            name, other, turned = self._attribute(right), left, True
        if name == "available":
            return self._shown(op, other)
        if name is None:
            raise self._error(left, "one side must be an attribute")
        node = right if turned else left
        columns = self._columns(node, name)
        if self._attribute(other) is not None:
            raise self._error(other, "one attribute cannot be compared with another")
        value = self._value(other)
        if isinstance(op, (ast.Is, ast.IsNot)) or value is None:
            return self._there(columns, op, value, other)
        if isinstance(value, list):
            raise self._error(other, "a list stands behind `in`")
        if isinstance(op, (ast.Eq, ast.NotEq)):
            mask = self._equal(node, name, columns, value)
            return ~mask if isinstance(op, ast.NotEq) else mask
        return self._ordered(node, name, columns, op, value, turned=turned)

    def _ordered(
        self, node: ast.expr, name: str, columns: Mapping[Kind, Column], op: ast.cmpop, value: Plain, *, turned: bool
    ) -> Mask:
        column = columns.get("number") or columns.get("time")
        if isinstance(value, (str, bool)) or (columns and column is None):
            raise self._error(node, f"{name}: only numbers and times have an order")
        if column is None:
            return self._none()
        sides = (value, self.values(column)) if turned else (self.values(column), value)
        mask_of: Mask = _ORDER[type(op)](*sides)
        return mask_of

    def _shown(self, op: ast.cmpop, other: ast.expr) -> Mask:
        """Return whether it is so that an item is available: what is not is no candidate."""
        said = self._value(other)
        if not isinstance(op, (ast.Eq, ast.NotEq)) or not isinstance(said, bool):
            raise self._error(other, "available is true or false")
        return np.full(len(self.items), said == isinstance(op, ast.Eq))

    def _there(self, columns: Mapping[Kind, Column], op: ast.cmpop, value: object, node: ast.expr) -> Mask:
        if value is not None or not isinstance(op, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
            raise self._error(node, "only null may stand here")
        there = self._none()
        for column in columns.values():
            found = self.values(column)
            there |= ~np.isnan(found) if found.dtype == np.float64 else found >= 0
        return there if isinstance(op, (ast.IsNot, ast.NotEq)) else ~there

    def _equal(self, node: ast.expr, name: str, columns: Mapping[Kind, Column], value: Plain) -> Mask:
        if not columns:
            return self._none()
        column = self._fitting(node, name, columns, value)
        wanted = column.code(value) if isinstance(value, str) else value
        mask: Mask = self.values(column) == wanted
        return mask

    def _fitting(self, node: ast.expr, name: str, columns: Mapping[Kind, Column], value: Plain) -> Column:
        """Return the column that may hold a value."""
        if isinstance(value, str):
            kinds: tuple[Kind, ...] = ("text",)
        else:
            kinds = ("boolean",) if isinstance(value, bool) else ("number", "time")
        column = next((columns[kind] for kind in kinds if kind in columns), None)
        if column is None:
            raise self._error(node, f"{name} is a {next(iter(columns))}, which cannot equal {value!r}")
        return column

    def _member(self, left: ast.expr, right: ast.expr) -> Mask:
        name = self._attribute(right)
        if name is not None:  # "sale" in tags
            value = self._value(left)
            columns = self._columns(right, name)
            if not isinstance(value, str):
                raise self._error(left, "only a text can be in a list")
            if columns and "list" not in columns:
                raise self._error(right, f"{name} is a {next(iter(columns))}, not a list")
            return columns["list"].having(self.items, value) if columns else self._none()
        name = self._attribute(left)  # brand in ["a", "b"]
        if name is None:
            raise self._error(left, "one side must be an attribute")
        listed = self._value(right)
        if not isinstance(listed, list):
            raise self._error(right, "must be a list")
        columns, mask = self._columns(left, name), self._none()
        texts = frozenset(one for one in listed if isinstance(one, str))
        numbers = [one for one in listed if isinstance(one, (int, float)) and not isinstance(one, bool)]
        if texts and "list" in columns:
            mask |= columns["list"].having_any(self.items, texts)
        elif texts:
            mask |= self._among(left, name, columns, next(iter(texts)), lambda column: [column.code(one) for one in texts])
        if numbers:
            mask |= self._among(left, name, columns, numbers[0], lambda _: numbers)
        for value in {one for one in listed if isinstance(one, bool)}:
            mask |= self._equal(left, name, columns, value)
        return mask

    def _among(
        self,
        node: ast.expr,
        name: str,
        columns: Mapping[Kind, Column],
        first: Plain,
        wanted: Callable[[Column], Sequence[float]],
    ) -> Mask:
        """Return of which items the value is one of those wanted, which are all of the first one's kind."""
        if not columns:
            return self._none()
        column = self._fitting(node, name, columns, first)
        mask: Mask = np.isin(self.values(column), np.array(wanted(column), column.values.dtype))
        return mask

    def _attribute(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name) and not node.id.startswith(_DOLLAR) and node.id not in _WORDS:
            return node.id
        return None

    def _columns(self, node: ast.expr, name: str) -> Mapping[Kind, Column]:
        columns = self.attributes.columns(name)
        if name in self.attributes.left_out:
            raise self._error(node, f"{name} found no room: at most {MOST_COLUMNS} attributes are kept ready for expressions")
        if not columns and self.strict and name not in ("categories", "group"):
            near = get_close_matches(name, list(self.attributes.names()), n=1)
            raise self._error(node, f"no item has an attribute {name!r}{f'; did you mean {near[0]!r}?' if near else ''}")
        return columns

    def _value(self, node: ast.expr) -> Given | list[Plain] | None:
        if isinstance(node, ast.Constant):
            return node.value.replace(_DOLLAR, "$") if isinstance(node.value, str) else node.value  # type: ignore[return-value]
        if isinstance(node, ast.Name) and node.id in _WORDS:
            return _WORDS[node.id]
        if isinstance(node, ast.Name) and node.id.startswith(_DOLLAR):
            return self._given(node, node.id[1:])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._value(node.operand)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return -value
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return [self._element(one) for one in node.elts]
        raise self._error(node, "a constant or a $value must stand here")

    def _given(self, node: ast.expr, name: str) -> Given:
        if name not in self.given:
            raise self._error(node, f"${name} is not among the request's params")
        if not _measurable(self.given[name]):
            raise self._error(node, _TOO_LARGE)
        return self.given[name]

    def _element(self, node: ast.expr) -> Plain:
        value = self._value(node)
        if not isinstance(value, (str, int, float)):
            raise self._error(node, "a list holds texts, numbers, true and false")
        return value

    def _none(self) -> Mask:
        return np.zeros(len(self.items), np.bool_)

    def _error(self, node: ast.expr, message: str) -> ExpressionError:
        return ExpressionError(_place(node, self.text), message.replace(_DOLLAR, "$"))
