"""A user's history: the last N events in event time, each with what pairing and explaining need."""

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from typing import TypeVar

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


Item = TypeVar("Item", bound=Hashable)
History = list[Entry]
"""Oldest first; entries of the same time stand in the order they were applied."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Entry])
_parts = msgspec.json.Decoder(list[msgspec.Raw])
_entry = msgspec.json.Decoder(Entry)


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


def recent_items(items: Sequence[Item], limit: int) -> tuple[Item, ...]:
    """Return the distinct ones of a history's items (oldest first), newest first, at most ``limit``."""
    return tuple(dict.fromkeys(reversed(items)))[:limit]


def returns(items: Sequence[Hashable]) -> float:
    """Return which share of the steps in a history led back to an earlier item; an item directly repeated is no step."""
    met: set[Hashable] = set()
    steps = back = 0
    last: Hashable = None
    for item in items:
        if item == last:
            continue
        last = item
        if met:
            steps += 1
            back += item in met
        met.add(item)
    return back / steps if steps else 0.0


def encode(history: Sequence[Entry]) -> bytes:
    """Return the history as JSON."""
    return _encoder.encode(history)


def decode(stored: bytes | str) -> History:
    """Return the history that this JSON holds."""
    return _decoder.decode(stored)


def newest(stored: bytes | str) -> Entry | None:
    """Return the newest entry of the history that this JSON holds, without reading the others; None where there is none."""
    parts = _parts.decode(stored)
    return _entry.decode(parts[-1]) if parts else None
