"""A file's times: seconds, milliseconds or ISO 8601, as Unix milliseconds."""

from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Final

from headrace.events.rules import FIRST_MILLISECOND

_MOST_DIGITS: Final = 20


class TimeFormat(StrEnum):
    """How times are written; ``auto`` tells them apart row by row."""

    AUTO = "auto"
    SECONDS = "s"
    MILLISECONDS = "ms"
    ISO = "iso"


def milliseconds(value: object, time_format: TimeFormat) -> int:
    """Return a time of the file as Unix milliseconds; ISO 8601 without a zone is UTC. Raises ``ValueError``."""
    if isinstance(value, str):
        number = None if time_format is TimeFormat.ISO else _number(value)
        if number is None:
            if time_format in {TimeFormat.SECONDS, TimeFormat.MILLISECONDS}:
                raise ValueError(f"ts: {value[:40]!r} is not a number")
            return _from_iso(value)
        value = number
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"ts: {str(value)[:40]!r} is not a time")  # noqa: TRY004 -- a fault of the data, not of the code
    if not isfinite(value):
        raise ValueError("ts: is not a finite number")
    if time_format is TimeFormat.ISO:
        raise ValueError(f"ts: {value!r} is a number, and --ts-format iso was asked for")
    if time_format is TimeFormat.SECONDS or (time_format is TimeFormat.AUTO and value < FIRST_MILLISECOND):
        return round(value * 1000)
    return round(value)


def _number(written: str) -> int | float | None:
    if written.isascii() and written.isdigit() and len(written) < _MOST_DIGITS:
        return int(written)
    try:
        return float(written)
    except ValueError:
        return None


def _from_iso(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"ts: {text[:40]!r} is neither Unix time nor ISO 8601") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
