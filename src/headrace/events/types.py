"""The events: frozen, already judged, times in Unix milliseconds.

An event knows nothing of how it was sent. Field names are those of the public contract, so its JSON is the contract's JSON.
"""

from typing import Literal, NewType, TypeAlias

import msgspec

from headrace.events.items import ItemChange

EventId = NewType("EventId", str)
UserId = NewType("UserId", str)
ItemId = NewType("ItemId", str)
SessionId = NewType("SessionId", str)
RequestId = NewType("RequestId", str)

Action: TypeAlias = Literal["view", "click", "purchase"]


class Context(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Where the event came from; every field optional, at most 512 characters."""

    device: str | None = None
    platform: str | None = None
    app_version: str | None = None
    locale: str | None = None
    country: str | None = None
    timezone: str | None = None
    referrer: str | None = None
    user_agent: str | None = None


class Interaction(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A user acted on an item: viewed, clicked or bought it."""

    event_id: EventId
    user_id: UserId
    item_id: ItemId
    event_type: Action
    ts_ms: int
    session_id: SessionId | None = None
    request_id: RequestId | None = None
    value: float | None = None
    context: Context | None = None
    server_received_ts_ms: int = 0


class Watch(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A user watched an item for a while. ``percent_watched`` is 0..100, ``watch_time_sec`` seconds."""

    event_id: EventId
    user_id: UserId
    session_id: SessionId
    request_id: RequestId
    ts_ms: int
    item_id: ItemId
    watch_time_sec: float
    percent_watched: float | None = None
    ended: bool | None = None
    playback_speed: float | None = None
    rebuffer_count: int | None = None
    context: Context | None = None
    event_type: Literal["watch"] = "watch"
    server_received_ts_ms: int = 0


class ShownItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One item of an impression; ``position`` counts from 0."""

    item_id: ItemId
    position: int
    feed_id: str | None = None
    slot: str | None = None


class Served(msgspec.Struct, frozen=True, gc=False):
    """What the server knew when it logged its own answer; the lists run parallel to the impression's items.

    ``snapshot`` is the picture's position (partition to changelog number), ``propensities`` the probability with which
    each item was shown at its place given the query: 1.0 where nothing was left to chance.
    """

    model_version: str
    snapshot: dict[str, int]
    sources: list[str]
    scores: list[float]
    propensities: list[float]


class Impression(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A list of items was shown to a user. ``served`` is set by the server alone, for answers it logged itself."""

    event_id: EventId
    user_id: UserId
    session_id: SessionId
    request_id: RequestId
    ts_ms: int
    items: list[ShownItem]
    context: Context | None = None
    served: Served | None = None
    event_type: Literal["impression"] = "impression"
    server_received_ts_ms: int = 0


UserEvent: TypeAlias = Interaction | Watch | Impression
Event: TypeAlias = UserEvent | ItemChange


def key_of(event: Event) -> str:
    """Return whom an event belongs to, and so its partition: its user, or the item that a catalogue changes."""
    return event.item_id if isinstance(event, ItemChange) else event.user_id
