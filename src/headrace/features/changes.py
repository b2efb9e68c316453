"""What a batch left behind: absolute values, so that whoever follows may merge them in any order by taking the larger.

All sums only grow. A history is whole and carries its user's applied number: the larger is the later.
"""

from typing import Final

import msgspec

from headrace.events.items import Item


class ItemState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An item's popularity as it stands."""

    item_id: str
    events: int
    weight: int
    decayed: float
    visits: float


class PairState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A pair's co-visitation as it stands."""

    low: str
    high: str
    meetings: int
    low_to_high: float
    high_to_low: float


class HistoryState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A user's history as it stands: JSON as stored, and the applied number it stands at."""

    user_id: str
    applied: int
    entries: str


class CatalogueState(msgspec.Struct, frozen=True, array_like=True):
    """An item of the catalogue as it stands, None for a deleted one, and the applied number it stands at.

    ``events`` are the ids of the changes that have just led there.
    """

    item_id: str
    applied: int
    item: Item | None
    events: list[str] = []


class Changes(msgspec.Struct, frozen=True, array_like=True):
    """One batch. ``received_ms`` are the times at which its events reached the door; ``newest_ts_ms`` their latest own time."""

    received_ms: list[int]
    newest_ts_ms: int
    items: list[ItemState]
    pairs: list[PairState]
    histories: list[HistoryState]
    catalogue: list[CatalogueState] = []


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Changes)


def encode(changes: Changes) -> bytes:
    """Return the batch as MessagePack."""
    return _encoder.encode(changes)


def decode(payload: bytes) -> Changes:
    """Return the batch that these bytes hold."""
    return _decoder.decode(payload)
