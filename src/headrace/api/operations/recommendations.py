"""The routes of recommendations: what to show users, and why."""

from typing import Any, Final

from headrace.api import answers
from headrace.api.operations.operation import Operation
from headrace.api.question import (
    EXPLAIN_PARAMETERS,
    RECO_PARAMETERS,
    RECOMMEND_PARAMETERS,
    SIMILAR_PARAMETERS,
    TRENDING_PARAMETERS,
    Question,
    WhyQuestion,
)
from headrace.serving.explaining import Why

_RECO_REPLY: Final = {
    "request_id": "req-1",
    "items": ["i2", "i3"],
    "model_version": "default@fe4846f2",
    "strategy": "co_visitation",
}
_WHY: Final[dict[str, Any]] = {
    "user_id": "u1",
    "session_id": None,
    "item_id": "stove",
    "k": 20,
    "model_version": "default@fe4846f2",
    "verdict": "filtered",
    "by": "seen",
    "place": None,
    "score": None,
    "cut": None,
    "words": [
        "Left out because it is among what you had to do with lately, and the recipe does not show that again.",
        "You clicked 'stove' 3 minutes ago.",
    ],
    "because": [],
    "met": [{"item_id": "tent", "rank": 2, "meetings": 14, "strength_now": 9.5, "in_memory": True, "speaks": False}],
    "takes": [],
    "did": [{"stage": "filter", "name": "seen", "words": "Left out ...", "within": None, "before": None, "after": None}],
    "also": [],
    "popularity": {"events": 40, "weight": 61, "weight_now": 31.5, "visits_now": 17.25},
    "items": ["i2", "i3"],
    "picture": {"generation": 1, "version": {"0": 12}, "as_of_ms": 1767225600100, "newest_ts_ms": 1767225600000},
    "stages": [{"stage": "source", "name": "co_visitation", "before": 0, "after": 211, "within": None}],
    "history": [
        {"event_id": "evt-2f1c9a40", "item_id": "stove", "event_type": "click", "ts_ms": 1767225420000, "session_id": "s1"},
        {"event_id": "evt-1d77e0b2", "item_id": "tent", "event_type": "view", "ts_ms": 1767225300000, "session_id": "s1"},
    ],
    "whose": "user",
    "missing": [],
}
_AS_OF: Final = {"x-as-of-ms": "The Unix millisecond up to which the picture behind the answer is known to be true."}

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/reco",
        tag="recommendations",
        summary="Ask what to show a user",
        description="Answered from memory. What was shown is logged as an impression unless `x_autolog_impressions` is false. "
        "With `explain` the very same answer has its reasons beside it. `categories` or `looking_at` tell where the user is.",
        parameters=RECO_PARAMETERS,
        answer=answers.ExplainedAnswer,
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
        answer=answers.ExplainedAnswer,
        refusals=(400, 422, 503),
        example={"user_id": "u1", "session_id": "s1", "k": 20, "x_autolog_impressions": True},
        reply=_RECO_REPLY,
        headers=_AS_OF,
    ),
    Operation(
        method="GET",
        path="/explain",
        tag="recommendations",
        summary="Ask why an item is shown to a user, or why not",
        description="Never proposed and what it would take, filtered and by whom, outranked and by how much, or shown and why. "
        "Event ids and counts beyond memory are read from the tables; `missing` says where they are away.",
        parameters=EXPLAIN_PARAMETERS,
        answer=Why,
        refusals=(422, 503),
        reply=_WHY,
    ),
    Operation(
        method="POST",
        path="/explain",
        tag="recommendations",
        summary="Ask why an item is shown or not, in a body",
        description="The same question as by `GET`, as JSON, with all that `POST /reco` may wish for.",
        body=WhyQuestion,
        answer=Why,
        refusals=(400, 422, 503),
        example={"user_id": "u1", "item_id": "i7", "k": 20, "exclude": ["i9"]},
        reply=_WHY,
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
        reply={
            "user_id": "u1",
            "items": ["i2"],
            "reason": {"type": "co_visitation", "sources": ["co_visitation"]},
            "model_version": "default@fe4846f2",
        },
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
        reply={**_RECO_REPLY, "model_version": "similar@662f8eae", "strategy": "co_visitation"},
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
        reply={**_RECO_REPLY, "model_version": "trending@928c86f0", "strategy": "trending"},
        headers=_AS_OF,
    ),
)
