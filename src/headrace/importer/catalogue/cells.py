"""A cell of a file and an attribute's value, each way: what is written by one function is read back by the other."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import msgspec

from headrace.events.items import Moment, Value
from headrace.importer.values import flag, number, text

Kind: TypeAlias = str
KINDS: Final = ("text", "number", "boolean", "list", "time")

BETWEEN: Final = "|"
"""Stands between the elements of a list in a cell that is no JSON."""

_QUOTES: Final = re.compile('"*')
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_WHOLE: Final = re.compile(r"-?\d{1,18}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS: Final = -62_135_596_800_000
_LAST_MS: Final = 253_402_300_799_999
_list: Final = msgspec.json.Decoder(list[str])


def value(kind: Kind, cell: object) -> object:
    """Return what a client would say of an attribute of this kind. Raises ``ValueError``."""
    if kind == "text":
        return words(cell)
    if kind == "boolean":
        return flag(cell)
    if kind == "list":
        return texts(cell)
    if kind == "time":
        return {"time": instant(cell)}
    found = number(cell)
    whole = isinstance(cell, int) or (isinstance(cell, str) and _WHOLE.fullmatch(cell.strip()) is not None)
    return int(found) if whole else found


def words(cell: object) -> str:
    """Return a cell as a text. One of quotation marks alone is short of two of them: so an empty text has a cell."""
    found = text(cell)
    return found[2:] if len(found) > 1 and _QUOTES.fullmatch(found) else found


def texts(cell: object) -> list[str]:
    """Return a cell as a list of texts: a list, a JSON array, or texts with bars between them. Raises ``ValueError``."""
    if isinstance(cell, list):
        return [text(one) for one in cell]
    found = text(cell)
    if found.startswith("["):
        try:
            return _list.decode(found)
        except msgspec.DecodeError as error:
            raise ValueError(f"begins like a JSON array of texts and is none: {error}") from None
    return [one.strip() for one in found.split(BETWEEN) if one.strip()]


def instant(cell: object) -> float | str:
    """Return a cell as a time that a client would say: a Unix time, or a text with its offset. Raises ``ValueError``."""
    if isinstance(cell, dict) and set(cell) == {"time"}:
        return instant(cell["time"])
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell.strip()):
        found = number(cell)
        return int(found) if found.is_integer() else found
    try:
        moment = datetime.fromisoformat(cell.strip())
    except ValueError:
        raise ValueError(f"{cell[:40]!r} is neither Unix time nor ISO 8601") from None
    # As in an import of events, a time without a zone is UTC.
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).isoformat()


def told(ms: int) -> int | str:
    """Return a moment (Unix ms) as ``instant`` reads it back exactly: as text, or where no calendar has it as a number."""
    if not _FIRST_MS <= ms <= _LAST_MS:
        return ms
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")


def cell(of: Value) -> str:
    """Return the cell of a text file that ``value`` reads back."""
    if isinstance(of, str):
        return f'{of}""' if _QUOTES.fullmatch(of) else of
    if isinstance(of, bool):
        return "true" if of else "false"
    return str(told(of.time)) if isinstance(of, Moment) else msgspec.json.encode(of).decode()


def guessed(kinds: dict[Kind, bool], found: str) -> None:
    """Cross out the kinds that this text is not; texts are never guessed to be lists."""
    found = found.strip()
    kinds["number"] = kinds["number"] and _NUMBER.fullmatch(found) is not None
    kinds["boolean"] = kinds["boolean"] and found.lower() in ("true", "false")
    kinds["time"] = kinds["time"] and _has_offset(found)


def plain(given: object) -> Any:  # noqa: ANN401 -- whatever a file of objects holds
    """Return a value that brings its own kind, as a client would say it: in a file of objects or of typed columns."""
    if isinstance(given, float) and given.is_integer() and abs(given) < 1 << 53:
        return int(given)
    return given


def _has_offset(found: str) -> bool:
    if len(found) < len("2026-01-31T12:00Z"):
        return False
    try:
        return datetime.fromisoformat(found).tzinfo is not None
    except ValueError:
        return False
