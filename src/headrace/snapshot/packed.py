"""A user's history in few bytes: 30 an entry and 4 a distinct item, so that a hundred thousand of them fit.

What ranking wants of it, the distinct items' numbers and how often the user came back, lies ready in front. Ids of events and
sessions are kept as 64-bit hashes, which is what telling them apart takes; their text stays in the tables.
"""

from array import array
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.features.history import Entry, recent_items, returns

NumberOf = Callable[[str], int]

ACTIONS: Final = ("view", "click", "purchase", "watch")
_NUMBER: Final = {action: number for number, action in enumerate(ACTIONS)}
UNREAD: Final = b""
"""In the place of a history that was not read yet."""

_HEAD: Final = Struct("<qdHH")
"""The applied number, the share of steps that led back, how many distinct items and how many entries."""

_LARGEST_BYTE: Final = 255


class Step(NamedTuple):
    """One event of a history: which item, when (Unix ms), how strong a sign, of which kind, and the keys of event and session.

    ``session`` is 0 where the event named none.
    """

    ts_ms: int
    event: int
    session: int
    item: int
    action: str
    weight: int


class Remembered(msgspec.Struct, frozen=True):
    """A user's history as ranking wants it: ``recent`` are the distinct items' numbers, newest first.

    A number below 0 stands for an item that the picture does not know yet. ``returns`` is the share of steps that led back.
    """

    recent: NDArray[np.int32]
    returns: float
    packed: bytes = UNREAD

    def steps(self) -> list[Step]:
        """Return the events, oldest first."""
        return steps(self.packed)


def key(name: str | None) -> int:
    """Return what tells this id from others, in this process; 0 for none."""
    return 0 if name is None else hash(name)


def step_of(entry: Entry, number_of: NumberOf) -> Step:
    """Return an entry as a step."""
    number = number_of(entry.item_id)
    return Step(entry.ts_ms, key(entry.event_id), key(entry.session_id), number, entry.event_type, entry.weight)


def packed(found: Sequence[Step], applied: int = -1) -> bytes:
    """Return the steps, oldest first, in few bytes."""
    if not found:
        return _HEAD.pack(applied, 0.0, 0, 0)
    times, events, sessions, items, actions, weights = zip(*found, strict=True)
    return _joined(applied, items, (*times, *events, *sessions), actions, weights)


def packed_entries(entries: Sequence[Entry], number_of: NumberOf, applied: int) -> bytes:
    """Return the entries, oldest first, as ``packed`` returns their steps; the quick way from a stored history."""
    items = [number_of(entry.item_id) for entry in entries]
    large = [entry.ts_ms for entry in entries]
    large += [hash(entry.event_id) for entry in entries]
    large += [key(entry.session_id) for entry in entries]
    actions = [entry.event_type for entry in entries]
    return _joined(applied, items, large, actions, [entry.weight for entry in entries])


def _joined(applied: int, items: Sequence[int], large: Sequence[int], actions: Sequence[str], weights: Sequence[int]) -> bytes:
    distinct = recent_items(items, len(items))
    return b"".join(
        (
            _HEAD.pack(applied, returns(items), len(distinct), len(items)),
            array("i", distinct).tobytes(),
            array("q", large).tobytes(),
            array("i", items).tobytes(),
            bytes(map(_NUMBER.__getitem__, actions)),
            bytes(weights if max(weights, default=0) <= _LARGEST_BYTE else [min(one, _LARGEST_BYTE) for one in weights]),
        )
    )


def applied(data: bytes) -> int:
    """Return the applied number that a packed history stands at; -1 for one not read yet."""
    return int(_HEAD.unpack_from(data)[0]) if data else -1


def remembered(data: bytes) -> Remembered:
    """Return what ranking wants of a packed history."""
    _, back, distinct, _ = _HEAD.unpack_from(data)
    # Copied: the compiled loops know one kind of array, those that may be written to.
    return Remembered(np.frombuffer(data, np.int32, distinct, _HEAD.size).copy(), back, data)


def steps(data: bytes) -> list[Step]:
    """Return the steps of a packed history, oldest first."""
    if not data:
        return []
    _, _, distinct, size = _HEAD.unpack_from(data)
    large, at = array("q"), _HEAD.size + 4 * distinct
    large.frombytes(data[at : at + 24 * size])
    items, at = array("i"), at + 24 * size
    items.frombytes(data[at : at + 4 * size])
    actions, weights = data[at + 4 * size : at + 5 * size], data[at + 5 * size :]
    rows = zip(large[:size], large[size : 2 * size], large[2 * size :], items, actions, weights, strict=True)
    return [Step(ts_ms, event, session, item, ACTIONS[action], weight) for ts_ms, event, session, item, action, weight in rows]


def holds(data: bytes, event: int) -> bool:
    """Tell whether a packed history has the event of this key, without unpacking it."""
    if not data:
        return False
    _, _, distinct, size = _HEAD.unpack_from(data)
    at = _HEAD.size + 4 * distinct + 8 * size
    return event in array("q", data[at : at + 8 * size])


def last(found: Sequence[Step], size: int) -> Remembered:
    """Return the newest ``size`` of steps that stand oldest first."""
    return remembered(packed(found[-size:]))
