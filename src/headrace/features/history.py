"""A user's history: the last N events in event time, each with what pairing and explaining need."""

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from headrace.events import signals
from headrace.events.types import Interaction, Watch


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event of a user as the history keeps it; stored as a JSON array in this order."""

    item_id: str
    ts_ms: int
    weight: int
    event_type: str
    event_id: str
    session_id: str | None = None


History = list[Entry]
"""Oldest first; entries of the same time stand in the order they were applied."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Entry])


def entry_of(event: Interaction | Watch) -> Entry:
    """Return the entry that this event leaves in its user's history."""
    return Entry(event.item_id, event.ts_ms, signals.weight(event), event.event_type, event.event_id, event.session_id)


def place(history: Sequence[Entry], ts_ms: int) -> int:
    """Return the index at which an event of this time belongs: behind its equals."""
    return bisect_right(history, ts_ms, key=lambda entry: entry.ts_ms)


def insert(history: Sequence[Entry], entry: Entry, size: int) -> History:
    """Return the history with the entry in its place, cut to the newest ``size`` entries."""
    at = place(history, entry.ts_ms)
    return [*history[:at], entry, *history[at:]][-size:]


def recent_items(history: Sequence[Entry], limit: int) -> tuple[Entry, ...]:
    """Return the newest entry of each distinct item, newest first, at most ``limit``."""
    newest: dict[str, Entry] = {}
    for entry in reversed(history):
        newest.setdefault(entry.item_id, entry)
        if len(newest) == limit:
            break
    return tuple(newest.values())


def encode(history: Sequence[Entry]) -> bytes:
    """Return the history as JSON."""
    return _encoder.encode(history)


def decode(stored: bytes | str) -> History:
    """Return the history that this JSON holds."""
    return _decoder.decode(stored)
