"""A cell of a file as the type its field has: text files know only text, Parquet files know many numbers."""

from typing import Final

import msgspec

_TRUE: Final = frozenset({"true", "1", "yes", "t"})
_FALSE: Final = frozenset({"false", "0", "no", "f"})
_LARGEST_EXACT: Final = 1 << 53


def text(value: object) -> str:
    """Return any cell as text, the same for equal cells whichever format they come from; nothing is the empty text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_EXACT:
        return str(int(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return msgspec.json.encode(value, order="sorted", enc_hook=str).decode()


def identifier(value: object) -> str:
    """Return a cell as an id: numbers become their digits. Raises ``ValueError``."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{_short(value)} is not an id")  # noqa: TRY004 -- a fault of the data, not of the code
    return text(value)


def number(value: object) -> float:
    """Return a cell as a number. Raises ``ValueError``."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{_short(value)} is not a number")  # noqa: TRY004 -- a fault of the data, not of the code
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{_short(value)} is not a number") from None


def whole_number(value: object) -> int:
    """Return a cell as a whole number. Raises ``ValueError``."""
    found = number(value)
    if not found.is_integer():
        raise ValueError(f"{_short(value)} is not a whole number")
    return int(found)


def flag(value: object) -> bool:
    """Return a cell as true or false. Raises ``ValueError``."""
    word = text(value).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{_short(value)} is neither true nor false")


def untouched(value: object) -> object:
    """Return the cell as it is: the contract judges its inside."""
    return value


def _short(value: object) -> str:
    return repr(str(value)[:40])
