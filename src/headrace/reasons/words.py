"""What the sentences of this room are made of: names, numbers, spans and moments, and what the user did.

The sentences stand beside it, by who says them: all are for whoever runs a shop, not for whoever built this. A sentence speaks
to the user it is about. Numbers stand beside the words elsewhere; in them are only those that help to believe.
"""

from datetime import UTC, datetime
from typing import Final

from headrace.reasons import Figure

_SECOND: Final = 1_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_SPANS: Final = ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (_SECOND, "second"))
_DONE: Final = {"view": "viewed", "click": "clicked", "purchase": "bought", "watch": "watched"}
_LONGEST_LIST: Final = 3


def quoted(item_id: str) -> str:
    """Return an item's name as it stands in a sentence."""
    return f"'{item_id}'"


def ago(ms: int) -> str:
    """Return how long ago something was, in the largest unit that fits; the future and the last second are just now."""
    for span, unit in _SPANS:
        if ms >= span:
            return f"{counted(ms // span, unit)} ago"
    return "just now"


def counted(number: int, what: str) -> str:
    """Return a number of things: 1 minute, 3 minutes, 12,000 events."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def times(number: int) -> str:
    """Return how often: once, twice, 14 times."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def days(number: float) -> str:
    """Return a span of days: less than an hour, 5 hours, 2 days."""
    hours = number * 24
    if hours < 1:
        return "less than an hour"
    return counted(round(hours), "hour") if hours < 48 else counted(round(number), "day")


def moment(ts_ms: int) -> str:
    """Return a moment: 2026-01-31 12:00 UTC; one that no calendar has as it was told."""
    try:
        return datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{ts_ms} ms"


def listed(item_ids: list[str]) -> str:
    """Return names in a row: 'a', 'b' and 2 others."""
    shown = [quoted(one) for one in item_ids[:_LONGEST_LIST]]
    if (more := len(item_ids) - len(shown)) > 0:
        return f"{', '.join(shown)} and {counted(more, 'other')}"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def value(of: Figure) -> str:
    """Return an attribute's value: 35, "red", nothing."""
    if of is None:
        return "not known"
    if isinstance(of, bool):
        return "true" if of else "false"
    if isinstance(of, str):
        return f'"{of}"'
    if isinstance(of, list):
        return ", ".join(f'"{one}"' for one in of) or "empty"
    return f"{of:.10g}"


def did(action: str, item_id: str, ago_ms: int) -> str:
    """Return what the user did: you clicked 'stove' 3 minutes ago."""
    return f"you {_DONE.get(action, action)} {quoted(item_id)} {ago(ago_ms)}"


def shown_because(done: str, seen: str, others: list[str]) -> str:
    """Say which of the user's own events stands behind an item, and what else speaks for it."""
    also = f" {listed(others)} of yours {'speaks' if len(others) == 1 else 'speak'} for it as well." if others else ""
    return f"Shown because {done}; {seen}.{also}"


def you(done: str) -> str:
    """Say what the user did as a sentence of its own."""
    return f"{done[:1].upper()}{done[1:]}."


def counted_place(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, 11th, 22nd."""
    ending = "th" if number % 100 in range(11, 14) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
