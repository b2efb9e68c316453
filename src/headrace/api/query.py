"""Reads a query string strictly: declared parameters only, each at most once, judged like everything a client sends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar
from urllib.parse import unquote_to_bytes

from headrace.errors import Rejected, Violation
from headrace.events.rules import judge_id
from headrace.events.wire import ID_PATTERN, LONGEST_EVENT_ID, LONGEST_ID, LONGEST_TEXT, SHORTEST_EVENT_ID

SPACE_HEADER: Final = "X-Headrace-Space"

T = TypeVar("T")
_BROKEN: Final = "The query breaks the contract"
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


class _Wrong(Exception):
    """What is wrong with one parameter."""


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """One parameter: how it is read, what it is where it is absent, and its JSON Schema. ``read`` raises ``_Wrong``."""

    name: str
    read: Callable[[str], T]
    schema: Mapping[str, Any]
    description: str
    default: T | None = None
    required: bool = False
    place: Literal["query", "path"] = "query"


def an_id(name: str, description: str, *, required: bool, place: Literal["query", "path"] = "query") -> Parameter[str]:
    """Return a parameter that is an id."""
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": ID_PATTERN}
    return Parameter(name, _read_id, schema, description, required=required, place=place)


def an_event_id(
    name: str, description: str, *, required: bool = False, place: Literal["query", "path"] = "query"
) -> Parameter[str]:
    """Return a parameter that is an event's id."""

    def read(text: str) -> str:
        if not SHORTEST_EVENT_ID <= len(text) <= LONGEST_EVENT_ID:
            raise _Wrong(f"must have {SHORTEST_EVENT_ID} to {LONGEST_EVENT_ID} characters, has {len(text)}")
        return _read_id(text)

    schema = {"type": "string", "minLength": SHORTEST_EVENT_ID, "maxLength": LONGEST_EVENT_ID, "pattern": ID_PATTERN}
    return Parameter(name, read, schema, description, required=required, place=place)


def a_number(name: str, description: str, most: int, default: int) -> Parameter[int]:
    """Return a parameter that is a whole number from 1 to ``most``, in plain decimal digits."""

    def read(text: str) -> int:
        plain = text.isascii() and text.isdigit() and len(text) <= len(str(most)) and not text.startswith("0")
        if not plain or not 1 <= (number := int(text)) <= most:
            raise _Wrong(f"must be a whole number from 1 to {most}")
        return number

    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Parameter(name, read, schema, description, default)


def some_texts(name: str, description: str, most: int) -> Parameter[tuple[str, ...]]:
    """Return a parameter that is one text or several with commas between them, none of them empty."""

    def read(text: str) -> tuple[str, ...]:
        texts = tuple(text.split(","))
        if len(texts) > most or not all(1 <= len(one) <= LONGEST_TEXT for one in texts):
            raise _Wrong(f"must be 1 to {most} texts of 1 to {LONGEST_TEXT} characters, commas between them")
        return texts

    one = f"[^,]{{1,{LONGEST_TEXT}}}"
    schema = {"type": "string", "pattern": f"^{one}(,{one}){{0,{most - 1}}}$"}
    return Parameter(name, read, schema, description)


def a_switch(name: str, description: str, *, default: bool) -> Parameter[bool]:
    """Return a parameter that is ``true`` or ``1``, ``false`` or ``0``."""
    # An enum of strings, not a boolean: that is what a query holds, and what generators of requests must know.
    schema = {"type": "string", "enum": list(_BOOLEANS), "default": "true" if default else "false"}
    return Parameter(name, _read_switch, schema, description, default)


def read_by(judge: Callable[[str], T]) -> Callable[[str], T]:
    """Return a reading of parameters by something that raises ``Rejected``."""

    def read(text: str) -> T:
        try:
            return judge(text)
        except Rejected as error:
            raise _Wrong("; ".join(one.message for one in error.violations)) from None

    return read


def parse(query: bytes, parameters: Mapping[str, Parameter[Any]]) -> dict[str, Any]:
    """Return every declared parameter's value; raises ``Rejected`` (422) that names each wrong one."""
    values: dict[str, Any] = {}
    wrong: list[Violation] = []
    for pair in query.split(b"&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition(b"=")
        name = ascii(raw_name.decode("latin-1"))[1:-1][:64]
        try:
            name = _decoded(raw_name)
            values[name] = _read(name, _decoded(raw_value), parameters, values)
        except UnicodeDecodeError:
            wrong.append(Violation(name, "is not UTF-8"))
        except _Wrong as error:
            values.setdefault(name, None)
            wrong.append(Violation(name if name in parameters else ascii(name[:64])[1:-1], str(error)))
    for name, parameter in parameters.items():
        if name not in values:
            values[name] = parameter.default
            if parameter.required:
                wrong.append(Violation(name, "is required"))
    if wrong:
        raise Rejected(422, _BROKEN, tuple(wrong[:100]))
    return values


def from_path(text: str, parameter: Parameter[T]) -> T:
    """Return the value of a parameter that is part of the path; raises ``Rejected`` (422)."""
    try:
        return parameter.read(text)
    except _Wrong as error:
        raise Rejected(422, "The path breaks the contract", (Violation(parameter.name, str(error)),)) from None


def _read(name: str, value: str, parameters: Mapping[str, Parameter[Any]], values: Mapping[str, Any]) -> object:
    if name not in parameters:
        raise _Wrong("is not a known parameter")
    if name in values:
        raise _Wrong("is given twice")
    return parameters[name].read(value)


def _decoded(raw: bytes) -> str:
    return (unquote_to_bytes(raw.replace(b"+", b" ")) if b"%" in raw or b"+" in raw else raw).decode()


def _read_id(text: str) -> str:
    if not 1 <= len(text) <= LONGEST_ID:
        raise _Wrong(f"must have 1 to {LONGEST_ID} characters, has {len(text)}")
    if message := judge_id(text):
        raise _Wrong(message)
    return text


def _read_switch(text: str) -> bool:
    if text not in _BOOLEANS:
        raise _Wrong("must be true, false, 1 or 0")
    return _BOOLEANS[text]
