"""Every route in one table: what it is for, what it takes, what it answers. The OpenAPI page is made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from headrace.api import answers, services
from headrace.api.hot import BATCH_PARAMETERS
from headrace.api.items import CHANGE_PARAMETERS, ITEM_PARAMETERS, LIST_PARAMETERS
from headrace.api.query import Parameter
from headrace.api.question import (
    RECO_PARAMETERS,
    RECOMMEND_PARAMETERS,
    SIMILAR_PARAMETERS,
    TRENDING_PARAMETERS,
    Question,
)
from headrace.api.targets import BASELINE_PARAMETERS
from headrace.api.window import RecoMetrics
from headrace.events.offers import ItemIn, ItemsIn
from headrace.events.wire import BatchIn, ImpressionIn, InteractionIn, WatchIn

_ANYWHERE: Final = (408, 413, 500)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. ``refusals`` are the statuses beside those that any route may answer."""

    method: str
    path: str
    tag: str
    summary: str
    description: str = ""
    answer: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    parameters: Mapping[str, Parameter[Any]] = field(default_factory=dict)
    refusals: tuple[int, ...] = ()
    example: Any = None
    reply: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def statuses(self) -> list[int]:
        """Return every status this operation can answer."""
        return sorted({200, *self.refusals, *_ANYWHERE})


_ITEM: Final[dict[str, Any]] = {
    "title": "Quince jam",
    "categories": ["food", "sweet"],
    "attributes": {"price": 4.5, "organic": True, "tags": ["sale"], "made": {"time": "2026-01-31T12:00:00Z"}},
    "available": True,
    "group": "jams",
}
_KEPT: Final[dict[str, Any]] = {
    "item_id": "i1",
    **_ITEM,
    "attributes": {"price": 4.5, "organic": True, "tags": ["sale"], "made": {"time": 1769860800000}},
    "available_from": None,
    "available_until": None,
}
_CHANGED: Final = {"status": "ok", "item_id": "i1", "event_id": "2c1f9a4051ac09e27d20c1b3a9f0e6d4"}
_RECO_REPLY: Final = {
    "request_id": "req-1",
    "items": ["i2", "i3"],
    "model_version": "default@4c1f0a2b",
    "strategy": "co_visitation",
}
_AS_OF: Final = {"x-as-of-ms": "The Unix millisecond up to which the picture behind the answer is known to be true."}
_TARGETS: Final = {"ctr_at_20_pct": 8.0, "avg_watch_time_sec": 35, "catalog_coverage_at_20_pct": 60.0}

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
        path="/reco",
        tag="recommendations",
        summary="Ask what to show a user",
        description="Answered from memory. What was shown is logged as an impression unless `x_autolog_impressions` is false.",
        parameters=RECO_PARAMETERS,
        answer=answers.RecoAnswer,
        refusals=(422, 503),
        reply=_RECO_REPLY,
        headers=_AS_OF,
    ),
    Operation(
        method="POST",
        path="/reco",
        tag="recommendations",
        summary="Ask what to show a user, in a body",
        description="The same question as by `GET`, as JSON.",
        body=Question,
        answer=answers.RecoAnswer,
        refusals=(400, 422, 503),
        example={"user_id": "u1", "session_id": "s1", "k": 20, "x_autolog_impressions": True},
        reply=_RECO_REPLY,
        headers=_AS_OF,
    ),
    Operation(
        method="GET",
        path="/recommend",
        tag="recommendations",
        summary="Ask for items with the reason",
        description="Another view of the same recommender; nothing is logged as shown.",
        parameters=RECOMMEND_PARAMETERS,
        answer=answers.RecommendAnswer,
        refusals=(422, 503),
        reply={"user_id": "u1", "items": ["i2"], "reason": {"type": "personal", "sources": ["co_visitation"]}},
    ),
    Operation(
        method="GET",
        path="/similar",
        tag="recommendations",
        summary="Ask which items go with an item",
        description="From the same picture as `/reco`; empty for an item nobody knows. Nothing is logged as shown.",
        parameters=SIMILAR_PARAMETERS,
        answer=answers.RecoAnswer,
        refusals=(422, 503),
        reply={**_RECO_REPLY, "model_version": "similar@4c1f0a2b", "strategy": "co_visitation"},
        headers=_AS_OF,
    ),
    Operation(
        method="GET",
        path="/trending",
        tag="recommendations",
        summary="Ask what is liked now",
        description="From the same picture as `/reco`, the same for everybody. Nothing is logged as shown.",
        parameters=TRENDING_PARAMETERS,
        answer=answers.RecoAnswer,
        refusals=(422, 503),
        reply={**_RECO_REPLY, "model_version": "trending@4c1f0a2b", "strategy": "trending"},
        headers=_AS_OF,
    ),
    Operation(
        method="PUT",
        path="/items/{item_id}",
        tag="catalogue",
        summary="Put an item into the catalogue, whole",
        description="Durable when answered; answers of this process keep to it at once, those of others within "
        "the time from an event to its being visible.",
        parameters=CHANGE_PARAMETERS,
        body=ItemIn,
        answer=answers.ChangeAnswer,
        refusals=(400, 422, 503),
        example=_ITEM,
        reply=_CHANGED,
    ),
    Operation(
        method="PATCH",
        path="/items/{item_id}",
        tag="catalogue",
        summary="Change some of what an item is",
        description="What is left out stays, null takes back, attributes are merged one by one (RFC 7396). "
        "An item that is not there begins as an empty one.",
        parameters=CHANGE_PARAMETERS,
        body=ItemIn,
        answer=answers.ChangeAnswer,
        refusals=(400, 422, 503),
        example={"available": False, "attributes": {"price": 3.9}},
        reply=_CHANGED,
    ),
    Operation(
        method="DELETE",
        path="/items/{item_id}",
        tag="catalogue",
        summary="Delete an item",
        description="It is shown no more, whatever events name it, until it is put again.",
        parameters=CHANGE_PARAMETERS,
        answer=answers.ChangeAnswer,
        refusals=(422, 503),
        reply=_CHANGED,
    ),
    Operation(
        method="POST",
        path="/items",
        tag="catalogue",
        summary="Put many items, each whole",
        description="All or nothing, at most 1,000.",
        body=ItemsIn,
        answer=answers.ManyItemsAnswer,
        refusals=(400, 422, 503),
        example={"items": [{"item_id": "i1", **_ITEM}]},
        reply={"status": "ok", "count": 1},
    ),
    Operation(
        method="GET",
        path="/items",
        tag="catalogue",
        summary="List the catalogue",
        description="In the order of ids, page by page, as far as changes were applied.",
        parameters=LIST_PARAMETERS,
        answer=answers.ItemsAnswer,
        refusals=(422, 503),
        reply={"items": [_KEPT], "next": None},
    ),
    Operation(
        method="GET",
        path="/items/{item_id}",
        tag="catalogue",
        summary="Read an item",
        description="What this process has acknowledged is in it already.",
        parameters=ITEM_PARAMETERS,
        answer=answers.ItemAnswer,
        refusals=(404, 422, 503),
        reply=_KEPT,
    ),
    Operation(
        method="GET",
        path="/contract",
        tag="operation",
        summary="Read the targets and every limit in force",
        answer=answers.ContractAnswer,
    ),
    Operation(
        method="GET",
        path="/metrics/reco",
        tag="operation",
        summary="Read how fast and how reliably answers were given lately",
        description="Over the answers of `/reco` and `/recommend` of this process, in a bounded window. "
        "An empty window reads 0 everywhere and meets its targets.",
        answer=RecoMetrics,
    ),
    Operation(
        method="GET",
        path="/metrics/prometheus",
        tag="operation",
        summary="Scrape the metrics of the API and the workers",
    ),
    Operation(
        method="GET",
        path="/analytics/baseline",
        tag="operation",
        summary="Read the KPI figures beside their targets",
        parameters=BASELINE_PARAMETERS,
        answer=answers.BaselineAnswer,
        refusals=(422, 503),
        reply={
            "kpi_targets": _TARGETS,
            "metrics": {
                "window_days": 7,
                "requests": 120,
                "impressions": 2400,
                "watches": 300,
                "watched_impressions": 240,
                "ctr_at_20_pct": 10.0,
                "avg_watch_time_sec": 41.2,
                "catalog_coverage_at_20_pct": 63.5,
            },
        },
    ),
    Operation(
        method="GET",
        path="/stream/worker",
        tag="operation",
        summary="Read how the workers are",
        description="True figures, wherever the workers run.",
        answer=services.WorkerFigures,
        refusals=(503,),
    ),
    Operation(
        method="GET",
        path="/healthz",
        tag="operation",
        summary="Ask whether the process lives",
        answer=answers.Health,
        reply={"status": "ok"},
    ),
    Operation(
        method="GET",
        path="/readyz",
        tag="operation",
        summary="Ask whether answers can be given",
        description="`degraded` answers from memory and names what is away; 503 means there is no picture to answer from.",
        answer=services.Readiness,
        refusals=(503,),
        reply={"status": "degraded", "missing": ["postgres"], "snapshot_age_ms": 60210},
    ),
)
