"""The archives: whole events as rows, in the order of their COPY columns."""

from collections.abc import Sequence
from typing import Final

import msgspec

from headrace.events.types import Context, Impression, Interaction, Watch
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

_encoder: Final = msgspec.json.Encoder()

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
