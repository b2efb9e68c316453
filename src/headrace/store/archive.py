"""The archives: whole events as rows, in the order of their COPY columns, and back."""

from collections.abc import Sequence
from itertools import repeat
from typing import Final

import asyncpg
import msgspec

from headrace.events import codec
from headrace.events.items import ItemChange, ItemPatch
from headrace.events.types import Context, Event, Impression, Interaction, Served, ShownItem, Watch
from headrace.log.port import Topic
from headrace.stream.ledger import Applied

INTERACTION_COLUMNS: Final = (
    "event_id", "user_id", "item_id", "event_type", "ts_ms", "session_id", "request_id", "value", "context",
    "server_received_ts_ms", "partition", "offset", "applied",
)  # fmt: skip
WATCH_COLUMNS: Final = (
    "event_id", "user_id", "session_id", "request_id", "item_id", "ts_ms", "watch_time_sec", "percent_watched", "ended",
    "playback_speed", "rebuffer_count", "context", "server_received_ts_ms", "partition", "offset", "applied",
)  # fmt: skip
IMPRESSION_COLUMNS: Final = (
    "event_id", "user_id", "session_id", "request_id", "ts_ms", "item_ids", "positions", "feed_ids", "slots", "context",
    "model_version", "snapshot", "sources", "scores", "propensities", "server_received_ts_ms", "partition", "offset", "applied",
)  # fmt: skip

CHANGE_COLUMNS: Final = (
    "event_id", "item_id", "put", "patch", "server_received_ts_ms", "partition", "offset", "applied",
)  # fmt: skip

_encoder: Final = msgspec.json.Encoder()
_contexts: Final = msgspec.json.Decoder(Context)
_patches: Final = msgspec.json.Decoder(ItemPatch)
_snapshots: Final = msgspec.json.Decoder(dict[str, int])

Row = tuple[object, ...]


def rows_of(partition: int, events: Sequence[Applied]) -> dict[str, tuple[Sequence[str], list[Row]]]:
    """Return, for each archive table that these events touch, its columns and rows."""
    rows: dict[str, tuple[Sequence[str], list[Row]]] = {}
    for one in events:
        event = one.event
        place = (event.server_received_ts_ms, partition, one.offset, one.applied)
        if isinstance(event, Interaction):
            table = rows.setdefault("interactions", (INTERACTION_COLUMNS, []))
            table[1].append((
                event.event_id, event.user_id, event.item_id, event.event_type, event.ts_ms, event.session_id, event.request_id,
                event.value, _json(event.context), *place,
            ))  # fmt: skip
        elif isinstance(event, Watch):
            table = rows.setdefault("watches", (WATCH_COLUMNS, []))
            table[1].append((
                event.event_id, event.user_id, event.session_id, event.request_id, event.item_id, event.ts_ms,
                event.watch_time_sec, event.percent_watched, event.ended, event.playback_speed, event.rebuffer_count,
                _json(event.context), *place,
            ))  # fmt: skip
        elif isinstance(event, ItemChange):
            table = rows.setdefault("item_changes", (CHANGE_COLUMNS, []))
            put = None if event.put is None else codec.encode_item(event.put).decode()
            patch = None if event.patch is None else _encoder.encode(event.patch).decode()
            table[1].append((event.event_id, event.item_id, put, patch, *place))
        else:
            table = rows.setdefault("impression_lists", (IMPRESSION_COLUMNS, []))
            table[1].append((*_impression(event), *place))
    return rows


def _impression(event: Impression) -> Row:
    served = event.served
    return (
        event.event_id, event.user_id, event.session_id, event.request_id, event.ts_ms,
        [shown.item_id for shown in event.items], [shown.position for shown in event.items],
        [shown.feed_id for shown in event.items] if any(shown.feed_id is not None for shown in event.items) else None,
        [shown.slot for shown in event.items] if any(shown.slot is not None for shown in event.items) else None,
        _json(event.context),
        served.model_version if served else None, _encoder.encode(served.snapshot).decode() if served else None,
        served.sources if served else None, served.scores if served else None, served.propensities if served else None,
    )  # fmt: skip


def _json(context: Context | None) -> str | None:
    return None if context is None else _encoder.encode(context).decode()


def event_of(topic: Topic, row: asyncpg.Record) -> Event:
    """Return the event that a row of the topic's archive holds: equal to the one that was archived."""
    if topic is Topic.INTERACTION:
        return Interaction(
            event_id=row["event_id"], user_id=row["user_id"], item_id=row["item_id"], event_type=row["event_type"],
            ts_ms=row["ts_ms"], session_id=row["session_id"], request_id=row["request_id"], value=row["value"],
            context=_context(row), server_received_ts_ms=row["server_received_ts_ms"],
        )  # fmt: skip
    if topic is Topic.CATALOGUE:
        return ItemChange(
            event_id=row["event_id"], item_id=row["item_id"],
            put=None if row["put"] is None else codec.decode_item(row["put"]),
            patch=None if row["patch"] is None else _patches.decode(row["patch"]),
            server_received_ts_ms=row["server_received_ts_ms"],
        )  # fmt: skip
    if topic is Topic.WATCH:
        return Watch(
            event_id=row["event_id"], user_id=row["user_id"], session_id=row["session_id"], request_id=row["request_id"],
            ts_ms=row["ts_ms"], item_id=row["item_id"], watch_time_sec=row["watch_time_sec"],
            percent_watched=row["percent_watched"], ended=row["ended"], playback_speed=row["playback_speed"],
            rebuffer_count=row["rebuffer_count"], context=_context(row), server_received_ts_ms=row["server_received_ts_ms"],
        )  # fmt: skip
    nothing = repeat(None)
    items = zip(row["item_ids"], row["positions"], row["feed_ids"] or nothing, row["slots"] or nothing, strict=False)
    return Impression(
        event_id=row["event_id"], user_id=row["user_id"], session_id=row["session_id"], request_id=row["request_id"],
        ts_ms=row["ts_ms"], items=[ShownItem(*item) for item in items], context=_context(row), served=_served(row),
        server_received_ts_ms=row["server_received_ts_ms"],
    )  # fmt: skip


def _context(row: asyncpg.Record) -> Context | None:
    return None if row["context"] is None else _contexts.decode(row["context"])


def _served(row: asyncpg.Record) -> Served | None:
    if row["model_version"] is None:
        return None
    snapshot = _snapshots.decode(row["snapshot"])
    return Served(row["model_version"], snapshot, row["sources"], row["scores"], row["propensities"])
