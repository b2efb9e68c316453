"""Bytes as a person may safely look at them: as text where they are text, and as hex with what can be read beside it."""

from typing import Final

import msgspec

from headrace.stream import outlet

SHOWN_BYTES: Final = 4096
HEX_BYTES: Final = 256
A_LINE: Final = 8


def text_of(payload: bytes) -> str | None:
    """Return the first bytes as text, what cannot be printed written out as an escape; None for what is no UTF-8."""
    text = outlet.text_of(payload[:SHOWN_BYTES], cut=len(payload) > SHOWN_BYTES)
    if text is None:
        return None
    return "".join(one if one.isprintable() or one in "\n\t" else _escaped(one) for one in text.replace("\r\n", "\n"))


def editable(payload: bytes) -> str:
    """Return what stands in an editor at first: JSON with a line a field, other text as it is, nothing for what is no text."""
    try:
        return msgspec.json.format(payload).decode() if _is_json(payload) else payload.decode()
    except UnicodeDecodeError:
        return ""


def hex_of(payload: bytes) -> list[tuple[str, str, str]]:
    """Return the first bytes as lines of offset, bytes in hex, and what of them can be read."""
    lines = []
    for start in range(0, min(len(payload), HEX_BYTES), A_LINE):
        row = payload[start : start + A_LINE]
        readable = "".join(chr(one) if 32 <= one < 127 else "·" for one in row)
        lines.append((f"{start:04x}", row.hex(" "), readable))
    return lines


def _is_json(payload: bytes) -> bool:
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _escaped(one: str) -> str:
    return f"\\x{ord(one):02x}" if ord(one) < 256 else f"\\u{ord(one):04x}"
