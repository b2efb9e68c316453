"""What a client may send, declared once: the door decodes by these structs and the OpenAPI page shows them.

A ``rule`` beside a type names a check that no JSON Schema can express; ``violations`` and ``contract`` carry it out. No range
here is looser than the column the value ends in.
"""

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

LONGEST_ID: Final = 128
LONGEST_TEXT: Final = 512
SHORTEST_EVENT_ID: Final = 8
LONGEST_EVENT_ID: Final = 64
SLOWEST: Final = 0.25
FASTEST: Final = 4.0
MOST_ITEMS: Final = 500
LARGEST_INT32: Final = (1 << 31) - 1
LARGEST_VALUE: Final = 1e15
LONGEST_WATCH_SEC: Final = 1e9

_NO_CONTROL: Final = r"[^\u0000-\u001f\u007f-\u009f]*"
ID_PATTERN: Final = rf"^{_NO_CONTROL}[^\s\u0000-\u001f\u007f-\u009f]{_NO_CONTROL}$"
_ID_SCHEMA: Final[dict[str, object]] = {"pattern": ID_PATTERN}
_TEXT_SCHEMA: Final[dict[str, object]] = {"pattern": r"^[^\u0000]*$"}
_ID_RULE: Final[dict[str, object]] = {"rule": "id"}
_TIME_RULE: Final[dict[str, object]] = {"rule": "time"}

EventKey: TypeAlias = Annotated[
    str,
    Meta(
        min_length=SHORTEST_EVENT_ID,
        max_length=LONGEST_EVENT_ID,
        description="The idempotency key: the same event sent again counts once.",
        examples=["evt-2f1c9a40"],
        extra=_ID_RULE,
        extra_json_schema=_ID_SCHEMA,
    ),
]
Id: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_ID,
        description="1 to 128 characters, not all blank, no control character.",
        extra=_ID_RULE,
        extra_json_schema=_ID_SCHEMA,
    ),
]
Text: TypeAlias = Annotated[str, Meta(max_length=LONGEST_TEXT, extra={"rule": "text"}, extra_json_schema=_TEXT_SCHEMA)]
Time: TypeAlias = Annotated[
    int | float,
    Meta(description="Unix time, in seconds or in milliseconds (from 100,000,000,000 on).", extra=_TIME_RULE),
]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=LARGEST_INT32)]


class ContextIn(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Where the event came from; every field optional, at most 512 characters."""

    device: Text | None = None
    platform: Text | None = None
    app_version: Text | None = None
    locale: Text | None = None
    country: Text | None = None
    timezone: Text | None = None
    referrer: Text | None = None
    user_agent: Text | None = None


class InteractionIn(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """A user viewed, clicked or bought an item. ``request_id`` names the answer that led here."""

    event_id: EventKey
    user_id: Id
    item_id: Id
    event_type: Literal["view", "click", "purchase"]
    ts: Time
    session_id: Id | None = None
    request_id: Id | None = None
    value: Annotated[float, Meta(ge=-LARGEST_VALUE, le=LARGEST_VALUE, description="Money or quantity.")] | None = None
    context: ContextIn | None = None


class WatchIn(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag="watch", tag_field="event_type"):
    """A user watched an item for a while."""

    event_id: EventKey
    user_id: Id
    session_id: Id
    request_id: Id
    ts_ms: Time
    item_id: Id
    watch_time_sec: Annotated[float, Meta(ge=0, le=LONGEST_WATCH_SEC)]
    percent_watched: Annotated[float, Meta(ge=0, le=100)] | None = None
    ended: bool | None = None
    playback_speed: Annotated[float, Meta(ge=SLOWEST, le=FASTEST)] | None = None
    rebuffer_count: Count | None = None
    context: ContextIn | None = None


class ShownItemIn(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One shown item; ``position`` counts from 0."""

    item_id: Id
    position: Count
    feed_id: Text | None = None
    slot: Text | None = None


class ImpressionIn(
    Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, tag="impression", tag_field="event_type"
):
    """A list of items was shown to a user; no two of one position, no item twice."""

    event_id: EventKey
    user_id: Id
    session_id: Id
    request_id: Id
    ts_ms: Time
    items: Annotated[list[ShownItemIn], Meta(min_length=1, max_length=MOST_ITEMS)]
    context: ContextIn | None = None


class BatchIn(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Impressions and watches together, told apart by ``event_type``; no ``event_id`` twice."""

    events: Annotated[list[ImpressionIn | WatchIn], Meta(min_length=1)]
