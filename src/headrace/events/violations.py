"""Finds everything that is wrong with a refused body: the slow walk that is taken only after the fast decoder said no.

The walk reads the same declarations as the decoder (``wire``), so neither can know a limit that the other does not.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from msgspec import Struct, inspect

from headrace.errors import Violation
from headrace.events.wire import BatchIn, ImpressionIn

MOST_REPORTED: Final = 100
_LONGEST_INTEGER: Final = 400

Rule = Callable[[object], str | None]
"""Says what is wrong with a value, or None."""


def loose(body: bytes) -> object:
    """Return what the body says, read more leniently than the decoder does, so that a walk can name what is wrong.

    NaN, Infinity, lone surrogates and raw control characters are let through here and never further. Raises ``ValueError``
    where it is no JSON at all, and ``RecursionError`` where it is nested too deeply.
    """
    return _lenient.decode(body.decode())


def find(value: object, wanted: type[Struct], rules: Mapping[str, Rule], path: str = "") -> list[Violation]:
    """Return every violation of the declaration, in document order, at most ``MOST_REPORTED``."""
    found: list[Violation] = []
    _walk(_Place(path, found, rules), value, _declared(wanted))
    return found[:MOST_REPORTED]


def repetitions(value: object, wanted: type[Struct], path: str) -> list[Violation]:
    """Return what appears twice where it may appear once: items and positions of an impression, ids of a batch."""
    if not isinstance(value, dict):
        return []
    dot = f"{path}." if path else ""
    found: list[Violation] = []
    if wanted is ImpressionIn and isinstance(value.get("items"), list):
        for name in ("item_id", "position"):
            found += _repeated(value["items"], name, f"{dot}items", "appears twice in the impression")
    if wanted is BatchIn and isinstance(value.get("events"), list):
        found += _repeated(value["events"], "event_id", f"{dot}events", "appears twice in the batch")
        for number, event in enumerate(value["events"]):
            if isinstance(event, dict) and event.get("event_type") == "impression":
                found += repetitions(event, ImpressionIn, f"{dot}events[{number}]")
    return found


class _Place(NamedTuple):
    path: str
    found: list[Violation]
    rules: Mapping[str, Rule]

    def say(self, message: str) -> None:
        self.found.append(Violation(self.path, message))

    def field(self, name: str) -> "_Place":
        return self._replace(path=f"{self.path}.{name}" if self.path else name)

    def element(self, number: int) -> "_Place":
        return self._replace(path=f"{self.path}[{number}]")


def _repeated(elements: Sequence[object], name: str, path: str, message: str) -> list[Violation]:
    seen: set[object] = set()
    found: list[Violation] = []
    for number, element in enumerate(elements):
        value = element.get(name) if isinstance(element, dict) else None
        if isinstance(value, (str, int)):
            if value in seen:
                found.append(Violation(f"{path}[{number}].{name}", message))
            seen.add(value)
    return found


@cache
def _declared(wanted: type[Struct]) -> inspect.Type:
    return inspect.type_info(wanted)


def _walk(place: _Place, value: object, wanted: inspect.Type) -> None:
    if len(place.found) >= MOST_REPORTED:
        return
    if isinstance(wanted, inspect.Metadata):
        before = len(place.found)
        _walk(place, value, wanted.type)
        rule = place.rules.get(str((wanted.extra or {}).get("rule")))
        if rule is not None and len(place.found) == before and (message := rule(value)):
            place.say(message)
    elif isinstance(wanted, inspect.UnionType):
        _walk_union(place, value, wanted)
    elif isinstance(wanted, inspect.StructType):
        _walk_struct(place, value, wanted)
    elif isinstance(wanted, inspect.ListType):
        _walk_list(place, value, wanted)
    elif isinstance(wanted, inspect.DictType):
        _walk_dict(place, value, wanted)
    elif message := _scalar(value, wanted):
        place.say(message)


def _walk_struct(place: _Place, value: object, wanted: inspect.StructType) -> None:
    if not isinstance(value, dict):
        place.say(f"must be an object, is {_kind(value)}")
        return
    known = {field.encode_name for field in wanted.fields}
    if wanted.tag_field is not None:
        known.add(wanted.tag_field)
        if value.get(wanted.tag_field, wanted.tag) != wanted.tag:
            place.field(wanted.tag_field).say(f"must be {wanted.tag!r}")
    for field in wanted.fields:
        if field.encode_name in value:
            _walk(place.field(field.encode_name), value[field.encode_name], field.type)
        elif field.required:
            place.field(field.encode_name).say("is required")
    for name in value:
        if name not in known:
            place.field(_printable(str(name))).say("is not a known field")


def _walk_list(place: _Place, value: object, wanted: inspect.ListType) -> None:
    if not isinstance(value, list):
        place.say(f"must be an array, is {_kind(value)}")
        return
    least, most = wanted.min_length or 0, wanted.max_length
    if len(value) < least or (most is not None and len(value) > most):
        place.say(f"must have {_span(least, most)} elements, has {len(value)}")
        return
    for number, element in enumerate(value):
        _walk(place.element(number), element, wanted.item_type)


def _walk_dict(place: _Place, value: object, wanted: inspect.DictType) -> None:
    if not isinstance(value, dict):
        place.say(f"must be an object, is {_kind(value)}")
        return
    for name, element in value.items():
        _walk(place.field(_printable(str(name))), element, wanted.value_type)


def _walk_union(place: _Place, value: object, wanted: inspect.UnionType) -> None:
    structs = [part for part in wanted.types if isinstance(part, inspect.StructType)]
    others = [part for part in wanted.types if not isinstance(part, (inspect.StructType, inspect.NoneType))]
    if value is None and wanted.includes_none:
        return
    if len(structs) > 1:
        _walk_tagged(place, value, structs)
    elif structs and (isinstance(value, dict) or not others):
        _walk_struct(place, value, structs[0])
    elif len(others) == 1:
        _walk(place, value, others[0])
    elif isinstance(value, list) and (lists := [part for part in others if isinstance(part, inspect.ListType)]):
        _walk_list(place, value, lists[0])
    else:
        messages = [_scalar(value, part) for part in others if not isinstance(part, inspect.ListType)]
        if all(messages):
            place.say(messages[-1] or "")


def _walk_tagged(place: _Place, value: object, structs: list[inspect.StructType]) -> None:
    if not isinstance(value, dict):
        place.say(f"must be an object, is {_kind(value)}")
        return
    name = structs[0].tag_field or ""
    for struct in structs:
        if value.get(name) == struct.tag:
            _walk_struct(place, value, struct)
            return
    place.field(name).say(f"must be {' or '.join(repr(struct.tag) for struct in structs)}")


def _scalar(value: object, wanted: inspect.Type) -> str | None:
    match wanted:
        case inspect.StrType(min_length=least, max_length=most):
            message = _text(value, least or 0, most)
        case inspect.IntType(ge=least, le=most):
            message = _number(value, int, "an integer", least, most)
        case inspect.FloatType(ge=least, le=most):
            message = _number(value, (int, float), "a number", least, most)
        case inspect.BoolType():
            message = None if isinstance(value, bool) else f"must be true or false, is {_kind(value)}"
        case inspect.LiteralType(values=values):
            message = None if value in values else f"must be {' or '.join(repr(one) for one in values)}"
        case _:
            raise TypeError(f"no rule for {wanted!r}")  # a declaration this walk was never taught
    return message


def _text(value: object, least: int, most: int | None) -> str | None:
    if not isinstance(value, str):
        return f"must be a string, is {_kind(value)}"
    if len(value) < least or (most is not None and len(value) > most):
        return f"must have {_span(least, most)} characters, has {len(value)}"
    return None


def _number(value: object, kind: type | tuple[type, ...], name: str, least: float | None, most: float | None) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"must be {name}, is {_kind(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    return _outside(value, least, most) if isinstance(value, kind) else f"must be {name}, is {_kind(value)}"


def _outside(value: float, least: float | None, most: float | None) -> str | None:
    if least is not None and value < least:
        return f"must be at least {least:g}" if most is None else f"must be {least:.15g} to {most:.15g}"
    if most is not None and value > most:
        return f"must be {least:.15g} to {most:.15g}" if least is not None else f"must be at most {most:.15g}"
    return None


def _span(least: int, most: int | None) -> str:
    return f"at least {least}" if most is None else f"{least} to {most}"


def _kind(value: object) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a number"),
        (str, "a string"),
        (list, "an array"),
        (dict, "an object"),
    )
    if value is None:
        return "null"
    return next((name for kind, name in kinds if isinstance(value, kind)), type(value).__name__)


def _printable(name: str) -> str:
    return name if name.isprintable() and len(name) <= 64 else ascii(name[:64])[1:-1]


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.inf


_lenient: Final = json.JSONDecoder(strict=False, parse_int=_integer)
