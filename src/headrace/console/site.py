"""The console as one application: pages, their files, and what is answered where something is wrong."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from headrace.api.patience import within
from headrace.console.choosing import StandIn, choose
from headrace.console.desk import LONGEST_S, STATIC, Desk, Page, content, route
from headrace.console.guard import ROOT, THEME, THEMES, Guard, visitor
from headrace.console.pages import PAGES
from headrace.errors import Rejected, Unavailable

_A_YEAR_S: Final = 31_536_000
_LONGEST_PATH: Final = 500


def site(desk: Desk) -> ASGIApp:
    """Return the console over the services of this desk, its guard before it."""
    services = desk.services
    return Guard(StandIn(over(desk, PAGES), desk), services.console, services.space, services.spaces)


def over(desk: Desk, pages: Sequence[Page]) -> Starlette:
    """Return the console's pages without the guard."""
    routes: list[BaseRoute] = [
        Route(ROOT, _first(pages)),
        Route(f"{ROOT}/", _first(pages)),
        Route(f"{ROOT}/static/{{name}}", _static),
        Route(f"{ROOT}/theme", _theme, methods=["POST"]),
        route(desk, f"{ROOT}/space", choose),
    ]
    for page in pages:
        routes += [Route(page.path, _shown(desk, page)), *page.more(desk)]
    refusals = _refusals(desk)
    return Starlette(routes=routes, exception_handlers=refusals)


def _first(pages: Sequence[Page]) -> Callable[[Request], Awaitable[Response]]:
    async def first(_request: Request) -> Response:
        return RedirectResponse(pages[0].path, 307)

    return first


def _shown(desk: Desk, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def shown(request: Request) -> Response:
        return await within(page.show(desk, request), LONGEST_S)

    return shown


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404)
    keep = f"max-age={_A_YEAR_S}, immutable" if "v" in request.query_params else "no-cache"
    return Response(content(name), headers={"content-type": f"{STATIC[name]}; charset=utf-8", "cache-control": keep})


async def _theme(request: Request) -> Response:
    """Remember light, dark or the system's own; the page that asked is shown again."""
    form = visitor(request).form
    theme = form.get("theme", "")
    back = form.get("back", "")
    response = RedirectResponse(back if back.startswith(f"{ROOT}/") and "\\" not in back else ROOT, 303)
    if theme in THEMES:
        response.set_cookie(THEME, theme, max_age=_A_YEAR_S, path=ROOT, samesite="strict")
    return response


def _refusals(desk: Desk) -> dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]:
    async def away(request: Request, error: Exception) -> Response:
        assert isinstance(error, Unavailable)  # noqa: S101 -- the table below says so
        return desk.page(
            request,
            "trouble.html",
            503,
            title=f"{error.what} is away",
            said=str(error),
            violations=(),
            again_s=error.retry_after_s,
        )

    async def rejected(request: Request, error: Exception) -> Response:
        assert isinstance(error, Rejected)  # noqa: S101 -- as above
        return desk.page(request, "trouble.html", error.status, title=error.title, said="", violations=error.violations)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 -- as above
        if error.status_code == 404:
            unsaid = error.detail in {"", HTTPStatus.NOT_FOUND.phrase}  # what stands there where nobody wrote a word
            said = f"No page is called {request.url.path[:_LONGEST_PATH]}." if unsaid else str(error.detail)
            title = "There is nothing here"
        else:
            title, said = str(error.detail), ""
        return desk.page(request, "trouble.html", error.status_code, title=title, said=said, violations=())

    async def bug(request: Request, _error: Exception) -> Response:
        said = "The log of the API has its traceback."
        return desk.page(request, "trouble.html", 500, title="A bug of ours", said=said, violations=())

    return {Unavailable: away, Rejected: rejected, HTTPException: refused, Exception: bug}
