"""What an address of the console may ask for: the one judge of ids and numbers that a browser sends, for all pages.

What it refuses would be a bug further in: tables take no NUL, and an event could never have had such an id.
"""

from typing import Final

from starlette.exceptions import HTTPException

from headrace.events.rules import judge_id
from headrace.events.wire import LONGEST_ID

_MOST_DIGITS: Final = 9


def an_id(text: str) -> str:
    """Return an id that may be asked for; any other is told as an address that is none."""
    wrong = judge_id(text) or ("" if len(text) <= LONGEST_ID else f"must have 1 to {LONGEST_ID} characters")
    if wrong:
        raise HTTPException(404, f"An id {wrong}.")
    return text


def an_id_or_none(text: str | None) -> str:
    """Return an id from a field that may be left empty, without blanks around it; nothing where it was."""
    text = (text or "").strip()
    return an_id(text) if text else ""


def a_number(text: str) -> int:
    """Return a whole number from 0; any other text is told as an address that is none."""
    found = a_number_or_none(text)
    if found is None:
        raise HTTPException(404, f"A number here has 1 to {_MOST_DIGITS} digits.")
    return found


def a_number_or_none(text: str) -> int | None:
    """Return a whole number from 0; None where the text is none that anything here is called by."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None
