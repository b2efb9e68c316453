"""The routes of rule sets: put in versions, read, tried by ``/reco``, made live, taken away."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from headrace.api import problem
from headrace.api.answers import (
    RuleListed,
    RulesAnswer,
    RulesGone,
    RulesKept,
    RulesLive,
    RulesPut,
    RulesStamp,
)
from headrace.api.problem import FieldError
from headrace.api.query import Parameter, a_number, a_switch, from_path, parse, read_by
from headrace.api.reply import Reply, json_reply
from headrace.api.routing import route
from headrace.api.services import Services
from headrace.rules import declared
from headrace.rules.kept import NAME, Kept, named

MOST_VERSIONS: Final = 999_999_999
_NAME: Final = Parameter(
    "name",
    read_by(named),
    {"type": "string", "pattern": f"^{NAME}$", "minLength": 1, "maxLength": 64, "not": {"const": "none"}},
    "The rule set.",
    required=True,
    place="path",
)
_NUMBER: Final = a_number("version", "Which version; without it, the newest.", MOST_VERSIONS, 1)
_VERSION: Final = replace(_NUMBER, default=None, schema={"type": "integer", "minimum": 1, "maximum": MOST_VERSIONS})
_LIVE: Final = a_switch("live", "Whether it is laid over every answer from now on.", default=False)
RULE_PARAMETERS: Final[dict[str, Parameter[Any]]] = {"name": _NAME}
READ_PARAMETERS: Final[dict[str, Parameter[Any]]] = {"name": _NAME, "version": _VERSION}
PUT_PARAMETERS: Final[dict[str, Parameter[Any]]] = {"name": _NAME, "live": _LIVE}


def rule_routes(services: Services) -> Sequence[Route]:
    """Return the routes. Each path is one route, so that a refused method is told all that there are."""
    sets = _Sets(services)

    async def listed(request: Request) -> Reply:
        parse(request.scope["query_string"], {})
        return await sets.listed()

    async def live(request: Request) -> Reply:
        act = {"PUT": sets.make_live, "DELETE": sets.make_none_live}[request.method]
        return await act(request, from_path(request.path_params["name"], _NAME))

    async def one(request: Request) -> Reply:
        act = {"GET": sets.get, "PUT": sets.put, "DELETE": sets.take_away}[request.method]
        return await act(request, from_path(request.path_params["name"], _NAME))

    return [
        route("/rules", listed),
        route("/rules/{name}/live", live, "PUT", "DELETE"),
        route("/rules/{name}", one, "GET", "PUT", "DELETE"),
    ]


class _Sets:
    """What becomes of a request."""

    def __init__(self, services: Services) -> None:
        self._rules = services.rules

    async def listed(self) -> Reply:
        live = await self._rules.live()
        found = [
            RuleListed(
                name=one.newest.name,
                version=one.newest.version,
                made_at_ms=one.newest.made_at_ms,
                live=one.live,
                about=one.newest.about,
                rules=one.newest.count,
            )
            for one in await self._rules.listed()
        ]
        now = None if live is None else RulesLive(live.kept.name, live.kept.version, live.since_ms)
        return json_reply(RulesAnswer(found, now))

    async def get(self, request: Request, name: str) -> Reply:
        version = parse(request.scope["query_string"], {"version": _VERSION})["version"]
        kept = await self._rules.kept(name, version)
        if kept is None:
            return _missing(name, version)
        live = await self._rules.live()
        is_live = live is not None and (live.kept.name, live.kept.version) == (kept.name, kept.version)
        stamps = [RulesStamp(one.version, one.made_at_ms) for one in await self._rules.versions(name)]
        return json_reply(RulesKept(kept.name, kept.version, kept.made_at_ms, is_live, kept.rules, stamps))

    async def put(self, request: Request, name: str) -> Reply:
        live = parse(request.scope["query_string"], {"live": _LIVE})["live"]
        kept, doubts = await self._rules.put(name, declared.from_json(await request.body()))
        if live:
            await self._rules.make_live(name, kept.version)
        return json_reply(RulesPut(kept.name, kept.version, live, [FieldError(one.path, one.message) for one in doubts]))

    async def take_away(self, request: Request, name: str) -> Reply:
        parse(request.scope["query_string"], {})
        return json_reply(RulesGone(name)) if await self._rules.take_away(name) else _missing(name, None)

    async def make_live(self, request: Request, name: str) -> Reply:
        version = parse(request.scope["query_string"], {"version": _VERSION})["version"]
        kept: Kept | None = await self._rules.make_live(name, version)
        return _missing(name, version) if kept is None else json_reply(RulesPut(kept.name, kept.version, live=True))

    async def make_none_live(self, request: Request, name: str) -> Reply:
        parse(request.scope["query_string"], {})
        version = await self._rules.make_none_live(name)
        if version is not None:
            return json_reply(RulesPut(name, version, live=False))
        live = await self._rules.live()
        detail = f"{name!r} is not live" + ("" if live is None else f"; {live.kept.title} is")
        return problem.reply(problem.problem(404, "It is not live", detail=detail))


def _missing(name: str, version: int | None) -> Reply:
    which = name if version is None else f"{name}@{version}"
    return problem.reply(problem.problem(404, "There is no such rule set", detail=f"there is no rule set {which!r}"))
