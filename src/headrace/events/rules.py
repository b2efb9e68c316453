"""The rules that no type can say: which characters an id may have, and which times are taken."""

import re
from collections.abc import Callable
from math import isfinite
from typing import Final, cast

FIRST_MILLISECOND: Final = 100_000_000_000
"""From here on a time is read as milliseconds, below as seconds: 1973 in the one, the year 5138 in the other."""

_ID: Final = re.compile("[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*")
_TEXT: Final = re.compile("[^\x00\ud800-\udfff]*")


def clean(*ids: str) -> bool:
    """Return whether every id keeps the rule of ids; lengths are the decoder's."""
    together = "".join(ids)
    if together.isprintable() and " " not in together:
        return True  # the common case in one look: printable excludes controls, surrogates and every other blank
    return all(judge_id(one) is None for one in ids)


def milliseconds(time: float) -> int:
    """Return whole Unix milliseconds; 0, which is never taken, for what is no time. A fraction is rounded."""
    if isinstance(time, float):
        if not (isfinite(time) and time >= 0):
            return 0
        return round(time) if time >= FIRST_MILLISECOND else round(time * 1000)
    return time if time >= FIRST_MILLISECOND else time * 1000


def judge_id(value: object) -> str | None:
    """Say what is wrong with the characters of an id, or None."""
    text = cast("str", value)
    if text.isprintable() and " " not in text and text:
        return None  # the common case, for the reason given above
    if text.isspace() or not text:
        return "must not be blank"
    return None if _ID.fullmatch(text) else "must have no control character and no lone surrogate"


def judge_text(value: object) -> str | None:
    """Say what is wrong with the characters of a text, or None."""
    return None if _TEXT.fullmatch(cast("str", value)) else "must have no NUL and no lone surrogate"


def time_rule(span: tuple[int, int]) -> Callable[[object], str | None]:
    """Return the rule that a time lies in the span, from its first to its last Unix millisecond."""

    def judge(value: object) -> str | None:
        ts_ms = milliseconds(cast("float", value))
        if ts_ms < span[0]:
            return f"is too old: the oldest time taken is {span[0]} (Unix milliseconds)"
        return f"is too far ahead: the latest time taken is {span[1]} (Unix milliseconds)" if ts_ms > span[1] else None

    return judge
