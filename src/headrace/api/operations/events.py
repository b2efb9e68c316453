"""The routes of events: sent, and asked after."""

from typing import Any, Final

from headrace.api import answers
from headrace.api.hot import BATCH_PARAMETERS
from headrace.api.operations.operation import Operation
from headrace.api.receipts import RECEIPT_PARAMETERS
from headrace.events.wire import BatchIn, ImpressionIn, InteractionIn, WatchIn
from headrace.stream.receipts import Receipt

_WATCH: Final[dict[str, Any]] = {
    "event_id": "evt-7d20c1b3",
    "user_id": "u1",
    "session_id": "s1",
    "request_id": "req-1",
    "ts_ms": 1767225600000,
    "item_id": "i2",
    "watch_time_sec": 42.5,
    "percent_watched": 85,
    "ended": False,
}
_IMPRESSION: Final[dict[str, Any]] = {
    "event_id": "evt-51ac09e2",
    "user_id": "u1",
    "session_id": "s1",
    "request_id": "req-1",
    "ts_ms": 1767225600000,
    "items": [{"item_id": "i2", "position": 0}, {"item_id": "i3", "position": 1, "slot": "home"}],
}
_PLACE: Final = {"topic": "interaction", "name": "reco_interaction", "partition": 1, "offset": 3}
_RECEIPT: Final[dict[str, Any]] = {
    "event_id": "evt-2f1c9a40",
    "status": "visible",
    "says": "Applied once, and every API process answers from it.",
    "event": {
        "type": "click",
        "user_id": "u1",
        "item_id": "i1",
        "items": None,
        "session_id": "s1",
        "request_id": None,
        "ts_ms": 1767225600000,
        "served": False,
    },
    "acknowledged": {"server_received_ts_ms": 1767225600105, "logged_at_ms": 1767225600105, "by": "postgres"},
    "position": _PLACE,
    "waits": None,
    "applied": {"generation": 1, "number": 17, "at_ms": 1767225600131, "records": 2},
    "visible": {
        "first_by_ms": 1767225600160,
        "all_by_ms": 1767225600160,
        "replicas": [
            {
                "replica_id": "5f0c9d1e",
                "generation": 1,
                "visible": True,
                "by_ms": 1767225600160,
                "as_of_ms": 1767225605000,
            }
        ],
    },
    "repeats": [],
    "dead_letters": [],
}

OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/event",
        tag="events",
        summary="Send a view, a click or a purchase",
        description="Durable when answered. The same event again is a `duplicate` and counts once; "
        "the same `event_id` with another payload is refused.",
        body=InteractionIn,
        answer=answers.EventAnswer,
        refusals=(400, 422, 503),
        example={
            "event_id": "evt-2f1c9a40",
            "user_id": "u1",
            "item_id": "i1",
            "event_type": "click",
            "ts": 1767225600,
            "session_id": "s1",
        },
        reply={"status": "ok", "event_id": "evt-2f1c9a40"},
    ),
    Operation(
        method="POST",
        path="/log/impression",
        tag="events",
        summary="Send what was shown to a user",
        description="Answers of `/reco` log themselves unless asked not to; this is for lists that came from elsewhere.",
        body=ImpressionIn,
        answer=answers.LogAnswer,
        refusals=(400, 422, 503),
        example=_IMPRESSION,
        reply={"status": "ok"},
    ),
    Operation(
        method="POST",
        path="/log/watch",
        tag="events",
        summary="Send how long a user watched an item",
        body=WatchIn,
        answer=answers.LogAnswer,
        refusals=(400, 422, 503),
        example=_WATCH,
        reply={"status": "ok"},
    ),
    Operation(
        method="POST",
        path="/log/batch",
        tag="events",
        summary="Send impressions and watches together",
        description="All or nothing; with `atomic=false` every event gets its own verdict, and the good ones go in.",
        parameters=BATCH_PARAMETERS,
        body=BatchIn,
        answer=answers.BatchAnswer,
        refusals=(400, 422, 503),
        example={"events": [{"event_type": "impression", **_IMPRESSION}, {"event_type": "watch", **_WATCH}]},
        reply={"status": "ok", "count": 2},
    ),
    Operation(
        method="GET",
        path="/events/{event_id}",
        tag="events",
        summary="Ask what became of an event",
        description="When it was acknowledged, where it stands in the log, when it was applied and with what, since when "
        "answers know of it; or why it waits, or could not be applied. Looked up for this request alone.",
        parameters=RECEIPT_PARAMETERS,
        answer=Receipt,
        refusals=(404, 422, 503),
        reply=_RECEIPT,
    ),
)
