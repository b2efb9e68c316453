"""The route of receipts: what became of one event."""

from typing import Any, Final

from fastapi import FastAPI, Request, Response

from headrace.api import problem
from headrace.api.query import Parameter, an_event_id, from_path, parse
from headrace.api.reply import json_reply, response
from headrace.api.services import Services

_EVENT: Final = an_event_id("event_id", "The event.", required=True, place="path")
RECEIPT_PARAMETERS: Final[dict[str, Parameter[Any]]] = {"event_id": _EVENT}
UNKNOWN: Final = (
    "no event with this id is known: either none was ever acknowledged, or it is older than what is kept; ids are remembered"
    " for six weeks of the event's own time, those of imported history for good"
)


def add_receipts(app: FastAPI, services: Services) -> None:
    """Add the route."""

    @app.get("/events/{event_id:text}")
    async def one(request: Request, event_id: str) -> Response:
        parse(request.scope["query_string"], {})
        receipt = await services.receipt(from_path(event_id, _EVENT))
        if receipt is None:
            return response(problem.reply(problem.problem(404, "There is no such event", detail=UNKNOWN)))
        return response(json_reply(receipt))
