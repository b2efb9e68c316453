"""The routes of the catalogue: what is known of items beside what users do with them."""

from typing import Any, Final

from headrace.api import answers
from headrace.api.items import CHANGE_PARAMETERS, ITEM_PARAMETERS, LIST_PARAMETERS
from headrace.api.operations.operation import Operation
from headrace.events.offers import ItemIn, ItemsIn

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

OPERATIONS: Final = (
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
)
