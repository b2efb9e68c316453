"""Numbers and times as people read them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup, escape

_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_THIN: Final = "\u202f"
NOTHING: Final = "–"


def number(value: float | None, digits: int | None = None) -> str:
    """Return a number with two to four figures that matter, thousands apart; a dash for None."""
    if value is None:
        return NOTHING
    size = abs(value)
    if digits is None:
        if 0 < size < 1:
            return f"{value:.2g}"
        digits = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    return f"{value:,.{digits}f}".replace(",", _THIN)


def figure(value: float | None) -> str:
    """Return a score or a part of one with four figures that matter; a dash for None."""
    return NOTHING if value is None else f"{value:.4g}"


def milliseconds(value: float | None) -> str:
    """Return a duration in the unit that suits it."""
    if value is None:
        return NOTHING
    if value < _SECOND:
        return f"{number(value)}{_THIN}ms"
    if value < 2 * _MINUTE:
        return f"{number(value / _SECOND)}{_THIN}s"
    if value < 2 * _HOUR:
        return f"{number(value / _MINUTE, 0)}{_THIN}min"
    if value < 2 * _DAY:
        return f"{number(value / _HOUR, 0)}{_THIN}h"
    return f"{number(value / _DAY, 0)}{_THIN}days"


def percent(value: float | None) -> str:
    """Return a percentage, told in hundredths already."""
    return NOTHING if value is None else f"{number(value)}{_THIN}%"


def moment(ms: int | None) -> str:
    """Return a Unix millisecond as date and time, UTC."""
    return NOTHING if ms is None else datetime.fromtimestamp(ms / _SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def instant(ms: int | None) -> str:
    """Return a Unix millisecond as date and time with its milliseconds, UTC."""
    return NOTHING if ms is None else f"{moment(ms).removesuffix(' UTC')}.{ms % _SECOND:03} UTC"


def iso(ms: int) -> str:
    """Return a Unix millisecond as a machine reads it."""
    return datetime.fromtimestamp(ms / _SECOND, UTC).isoformat(timespec="milliseconds")


def ticked(text: str) -> Markup:
    """Return a text whose words between backticks are code; everything is escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts))


def ago(ms: int, now_ms: int) -> str:
    """Return how long ago a Unix millisecond was."""
    return "just now" if now_ms - ms < _SECOND else f"{milliseconds((now_ms - ms) // _SECOND * _SECOND)} ago"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "number": number,
    "figure": figure,
    "ms": milliseconds,
    "percent": percent,
    "moment": moment,
    "iso": iso,
    "instant": instant,
    "ago": ago,
    "ticked": ticked,
}
