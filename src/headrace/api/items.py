"""The routes of the catalogue: an item put, read, patched, deleted; many put at once; all listed."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.routing import Route

from headrace.api import problem
from headrace.api.answers import ChangeAnswer, ItemAnswer, ItemsAnswer, ManyItemsAnswer
from headrace.api.query import Parameter, a_number, an_event_id, an_id, from_path, parse
from headrace.api.reply import Reply, json_reply
from headrace.api.routing import route
from headrace.api.services import Services
from headrace.errors import Rejected, Violation
from headrace.events import offers
from headrace.events.items import Item, ItemChange
from headrace.log.port import Verdict
from headrace.serving.identity import new_id
from headrace.snapshot.attributes import MOST_COLUMNS

MOST_LISTED: Final = 1000
_ITEM: Final = an_id("item_id", "The item.", required=True, place="path")
_EVENT: Final = an_event_id("event_id", "The idempotency key: the same change sent again counts once.")
ITEM_PARAMETERS: Final[dict[str, Parameter[Any]]] = {"item_id": _ITEM}
CHANGE_PARAMETERS: Final[dict[str, Parameter[Any]]] = {"item_id": _ITEM, "event_id": _EVENT}
LIST_PARAMETERS: Final[dict[str, Parameter[Any]]] = {
    one.name: one
    for one in (
        an_id("cursor", "Where to go on: the `next` of the answer before.", required=False),
        a_number("limit", "How many items at most.", MOST_LISTED, 100),
    )
}
_QUERY: Final = {"event_id": _EVENT}


class _Text(Convertor[str]):
    """Whatever stands behind the last slash that is ours, slashes and line breaks too: judged by us, not by the routes."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """Return it as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return it as it is."""
        return value


register_url_convertor("text", _Text())


def item_routes(services: Services) -> Sequence[Route]:
    """Return the catalogue's routes. Each path is one route, so that a refused method is told all that there are."""
    items = _Items(services)

    async def many(request: Request) -> Reply:
        return await (items.put_many if request.method == "POST" else items.listed)(request)

    async def one(request: Request) -> Reply:
        act = {"GET": items.get, "PUT": items.put, "PATCH": items.patch, "DELETE": items.delete}[request.method]
        return await act(request, from_path(request.path_params["item_id"], _ITEM))

    return [route("/items", many, "GET", "POST"), route("/items/{item_id:text}", one, "GET", "PUT", "PATCH", "DELETE")]


class _Items:
    """What becomes of a request."""

    def __init__(self, services: Services) -> None:
        self._intake = services.intake
        self._catalogue = services.catalogue

    async def put(self, request: Request, item_id: str) -> Reply:
        return await self._take(offers.put(await request.body(), item_id, _event_id(request)))

    async def patch(self, request: Request, item_id: str) -> Reply:
        return await self._take(offers.patch(await request.body(), item_id, _event_id(request)))

    async def delete(self, request: Request, item_id: str) -> Reply:
        return await self._take(ItemChange(event_id=_event_id(request), item_id=item_id))

    async def get(self, _request: Request, item_id: str) -> Reply:
        item = await self._catalogue.item(item_id)
        if item is None:
            missing = problem.problem(404, "There is no such item", detail=f"the catalogue has no item {item_id!r}")
            return problem.reply(missing)
        return json_reply(answer(item_id, item))

    async def put_many(self, request: Request) -> Reply:
        changes = offers.many(await request.body(), new_id)
        self._judge(changes)
        await self._intake.accept(changes, atomic=True)
        return json_reply(ManyItemsAnswer(count=len(changes)))

    async def listed(self, request: Request) -> Reply:
        asked = parse(request.scope["query_string"], LIST_PARAMETERS)
        found = await self._catalogue.page(asked["cursor"] or "", asked["limit"])
        last = found[-1][0] if len(found) == asked["limit"] else None
        return json_reply(ItemsAnswer([answer(*one) for one in found], last))

    def _judge(self, changes: Sequence[ItemChange]) -> None:
        """Refuse attributes that there is no room for: a rule or filter that asks them would let everything through."""
        if crowded := self._catalogue.crowded_out(changes):
            full = f"cannot be remembered: items have {MOST_COLUMNS} attributes already, counted by name and kind"
            raise Rejected(422, "There are too many attributes", tuple(Violation(f"attributes.{one}", full) for one in crowded))

    async def _take(self, change: ItemChange) -> Reply:
        self._judge((change,))
        (verdict,) = await self._intake.accept((change,), atomic=True)
        if verdict is Verdict.CONFLICT:
            taken = Violation("event_id", "was sent before with another payload; the first one stands")
            raise Rejected(422, "The event_id is taken by another event", (taken,))
        status: Literal["ok", "duplicate"] = "ok" if verdict is Verdict.OK else "duplicate"
        return json_reply(ChangeAnswer(status, change.item_id, change.event_id))


def answer(item_id: str, item: Item) -> ItemAnswer:
    """Return an item as it is answered."""
    return ItemAnswer(
        item_id=item_id,
        title=item.title,
        categories=item.categories,
        attributes=item.attributes,
        available=item.available,
        available_from=item.available_from_ms,
        available_until=item.available_until_ms,
        group=item.group,
    )


def _event_id(request: Request) -> str:
    given: str | None = parse(request.scope["query_string"], _QUERY)["event_id"]
    return given or new_id()
