"""Events to bytes and back: versioned JSON, readable anywhere at any time, because it never sees a clock.

Decoding judges structure only. What the door accepted last year is decoded today; what nobody could apply is ``Poison``.
"""

import re
from hashlib import blake2b
from math import isfinite
from typing import Final, TypeVar

import msgspec

from headrace.errors import Poison
from headrace.events.items import LARGEST_ITEM, Item, ItemChange, faults
from headrace.events.types import Context, Event, Impression, Interaction, Served, Watch

VERSION: Final = 1
LATEST_TS_MS: Final = 1 << 41
LONGEST_ID: Final = 128
LONGEST_TEXT: Final = 512
LARGEST_INT32: Final = (1 << 31) - 1
LARGEST_NUMBER: Final = 1e12
"""Far above what the door admits, far below where sums of such numbers stop being finite."""


_PREFIX: Final = b'{"v":1,'
_CLEAN: Final = re.compile(r"(?!\s+\Z)[^\x00-\x1f\x7f-\x9f]{1,128}")
_CLEAN_TEXT: Final = re.compile(r"[^\x00]{0,512}", re.DOTALL)

E = TypeVar("E", Interaction, Watch, Impression, ItemChange)


class _Version(msgspec.Struct):
    v: int = VERSION


class _Named(msgspec.Struct):
    event_id: str


_encoder: Final = msgspec.json.Encoder()
_version: Final = msgspec.json.Decoder(_Version)
_named: Final = msgspec.json.Decoder(_Named)
_interactions: Final = msgspec.json.Decoder(Interaction)
_watches: Final = msgspec.json.Decoder(Watch)
_impressions: Final = msgspec.json.Decoder(Impression)
_changes: Final = msgspec.json.Decoder(ItemChange)
_items: Final = msgspec.json.Decoder(Item)


def encode(event: Event) -> bytes:
    """Return the event as one line of JSON with its version; equal events give equal bytes."""
    return _PREFIX + _encoder.encode(event)[1:]


def sealed(event: Event, received_ms: int) -> tuple[bytes, bytes]:
    """Return the event stamped and encoded, and the hash of what the client sent.

    The same bytes as ``encode`` and ``payload_hash`` give, for one encoding: the stamp is every event's last field.
    """
    sent = _sent(event)
    value = b'{"v":%d,%b,"server_received_ts_ms":%d}' % (VERSION, sent[1:-1], received_ms)
    return value, blake2b(sent, digest_size=16).digest()


def payload_hash(event: Event) -> bytes:
    """Return 16 bytes over what the client sent: the same event sent again, at whatever time, hashes the same."""
    return blake2b(_sent(event), digest_size=16).digest()


def id_hash(event_id: str) -> bytes:
    """Return 16 bytes that stand for an event id wherever ids are remembered to count each event once."""
    return blake2b(event_id.encode(), digest_size=16).digest()


def event_id_of(value: bytes) -> str | None:
    """Return the id of the event that these bytes were meant to be, whatever else is wrong with them; None without one."""
    try:
        event_id = _named.decode(value).event_id
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return event_id if _CLEAN.fullmatch(event_id) else None


def decode_interaction(value: bytes) -> Interaction:
    """Return the interaction that these bytes hold; raises ``Poison``."""
    event = _decode(_interactions, value)
    _check_ids(event.event_id, event.user_id, event.item_id, event.session_id, event.request_id)
    _check_time(event.ts_ms)
    _check_context(event.context)
    if event.value is not None and not isfinite(event.value):
        raise Poison("wrong_schema", "value is not a finite number")
    return event


def decode_watch(value: bytes) -> Watch:
    """Return the watch that these bytes hold; raises ``Poison``."""
    event = _decode(_watches, value)
    _check_ids(event.event_id, event.user_id, event.item_id, event.session_id, event.request_id)
    _check_time(event.ts_ms)
    _check_context(event.context)
    for number in (event.watch_time_sec, event.percent_watched, event.playback_speed):
        if number is not None and not 0 <= number <= LARGEST_NUMBER:
            raise Poison("wrong_schema", f"a number of the watch is not between 0 and {LARGEST_NUMBER:g}")
    if event.rebuffer_count is not None and not 0 <= event.rebuffer_count <= LARGEST_INT32:
        raise Poison("wrong_schema", "rebuffer_count is out of range")
    return event


def decode_impression(value: bytes) -> Impression:
    """Return the impression that these bytes hold; raises ``Poison``."""
    event = _decode(_impressions, value)
    _check_ids(event.event_id, event.user_id, event.session_id, event.request_id)
    _check_time(event.ts_ms)
    _check_context(event.context)
    if not event.items:
        raise Poison("wrong_schema", "an impression shows at least one item")
    if len({shown.position for shown in event.items}) != len(event.items):
        raise Poison("wrong_schema", "two items share a position")
    for shown in event.items:
        _check_ids(shown.item_id)
        _check_text(shown.feed_id, shown.slot)
        if not 0 <= shown.position <= LARGEST_INT32:
            raise Poison("wrong_schema", "a position is out of range")
    if event.served is not None:
        _check_served(event.served, len(event.items))
    return event


def decode_change(value: bytes) -> ItemChange:
    """Return the change of the catalogue that these bytes hold; raises ``Poison``."""
    if len(value) > 2 * LARGEST_ITEM:
        raise Poison("wrong_schema", f"a change of an item has at most {2 * LARGEST_ITEM} bytes")
    change = _decode(_changes, value)
    _check_ids(change.event_id, change.item_id)
    if change.put is not None and change.patch is not None:
        raise Poison("wrong_schema", "an item is either put or patched")
    for given in (change.put, change.patch):
        if given is not None and (wrong := faults(given)):
            raise Poison("wrong_schema", f"{wrong[0].path}: {wrong[0].message}")
    return change


def encode_item(item: Item) -> bytes:
    """Return an item as JSON, as tables keep it."""
    return _encoder.encode(item)


def decode_item(text: str | bytes) -> Item:
    """Return the item that a table has kept."""
    return _items.decode(text)


def _sent(event: Event) -> bytes:
    """Return what the client sent, in our words: the event without our stamp."""
    return _encoder.encode(msgspec.structs.replace(event, server_received_ts_ms=0) if event.server_received_ts_ms else event)


def _decode(decoder: msgspec.json.Decoder[E], value: bytes) -> E:
    try:
        if not value.startswith(_PREFIX):
            version = _version.decode(value).v
            if version != VERSION:
                raise Poison("unknown_version", f"version {version} is not one this code reads (it reads {VERSION})")
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise Poison("wrong_schema", str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise _unreadable(value, str(error) or "nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Poison("bad_utf8", str(error)) from None


def _unreadable(value: bytes, reason: str) -> Poison:
    """Tell why bytes are no JSON: the decoder stops at the first odd byte, whatever made it odd."""
    if not value:
        return Poison("empty", "the record has no value")
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return Poison("bad_utf8", f"{error.reason} at byte {error.start}")
    return Poison("bad_json", reason)


def _check_ids(*ids: str | None) -> None:
    for text in ids:
        if text is not None and not _CLEAN.fullmatch(text):
            raise Poison("wrong_schema", f"an id has 1 to {LONGEST_ID} characters, not all blank, and no control character")


def _check_time(ts_ms: int) -> None:
    if not 0 < ts_ms < LATEST_TS_MS:
        raise Poison("wrong_schema", f"ts_ms {ts_ms} is not between 1 and {LATEST_TS_MS - 1}")


def _check_text(*texts: str | None) -> None:
    for text in texts:
        if text is not None and not _CLEAN_TEXT.fullmatch(text):
            raise Poison("wrong_schema", f"a text is longer than {LONGEST_TEXT} characters or has a NUL")


def _check_context(context: Context | None) -> None:
    if context is not None:
        _check_text(*msgspec.structs.astuple(context))


def _check_served(served: Served, shown: int) -> None:
    _check_text(served.model_version, *served.sources, *served.snapshot)
    if not len(served.sources) == len(served.scores) == len(served.propensities) == shown:
        raise Poison("wrong_schema", "served lists are not as long as the list of items")
    if not all(isfinite(number) for number in (*served.scores, *served.propensities)):
        raise Poison("wrong_schema", "a score or propensity is not finite")
