"""Tells why a body was refused, once the fast decoder has said no: every offending field, or that it is no JSON at all."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from headrace.errors import Rejected, Violation
from headrace.events.violations import MOST_REPORTED, Rule, find, loose, repetitions

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes that it refuses, whether they are no JSON or the wrong JSON."""

_NO_JSON: Final = object()
_PATH: Final = re.compile(r" - at `\$\.?(.*)`$")


def reread(body: bytes) -> object:
    """Return what a refused body says, read leniently, to be handed to ``refusal``."""
    try:
        return loose(body)
    except (ValueError, RecursionError):
        return _NO_JSON


def no_json(error: Exception, path: str = "") -> Rejected:
    """Return the rejection of bytes that are no JSON, or nested too deeply to be read."""
    return Rejected(400, "The body is not JSON", (Violation(path, str(error) or "is nested too deeply"),))


def refusal(
    value: object, wanted: type[msgspec.Struct], doubt: Exception | None, rules: Mapping[str, Rule], title: str, path: str = ""
) -> Rejected:
    """Return the rejection of a value: 422 with every violation that can be found, else 400 where it is not JSON.

    ``doubt`` is what the fast path raised; its own message stands in where the walk finds nothing to add.
    """
    violations: list[Violation] = []
    if value is not _NO_JSON:
        violations = find(value, wanted, rules, path) + repetitions(value, wanted, path)
    if violations:
        return Rejected(422, title, tuple(violations[:MOST_REPORTED]))
    if isinstance(doubt, UNREADABLE) and not isinstance(doubt, msgspec.ValidationError):
        return no_json(doubt, path)
    return Rejected(422, title, (_told_by(doubt, path),))


def _told_by(doubt: Exception | None, path: str) -> Violation:
    message = str(doubt or "breaks the contract")
    where = _PATH.search(message)
    if where is None:
        return Violation(path, message)
    inner = where.group(1)
    return Violation(f"{path}.{inner}" if path and inner else path or inner, message[: where.start()])
