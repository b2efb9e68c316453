"""The route of receipts: what became of one event."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from headrace.api import problem
from headrace.api.query import Parameter, an_event_id, from_path, parse
from headrace.api.reply import Reply, json_reply
from headrace.api.routing import route
from headrace.api.services import Services

_EVENT: Final = an_event_id("event_id", "The event.", required=True, place="path")
RECEIPT_PARAMETERS: Final[dict[str, Parameter[Any]]] = {"event_id": _EVENT}
UNKNOWN: Final = (
    "no event with this id is known: either none was ever acknowledged, or it is older than what is kept; ids are remembered"
    " for six weeks of the event's own time, those of imported history for good"
)


def receipt_routes(services: Services) -> Sequence[Route]:
    """Return the route."""

    async def one(request: Request) -> Reply:
        parse(request.scope["query_string"], {})
        receipt = await services.receipt(from_path(request.path_params["event_id"], _EVENT))
        if receipt is None:
            return problem.reply(problem.problem(404, "There is no such event", detail=UNKNOWN))
        return json_reply(receipt)

    return [route("/events/{event_id:text}", one)]
