"""Which of several spaces a browser is shown: a browser sends no header, so a cookie of the console says it, set by a form."""

from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.api.spaces import AWAY, Away
from headrace.config.spaces import DEFAULT
from headrace.console.desk import Desk
from headrace.console.guard import OF_ANY, ROOT, SPACE, cookies_of, visitor
from headrace.errors import Rejected, Violation

AGAIN_S: Final = 5


def chosen(scope: Scope) -> str | None:
    """Return the space that a request of the console is for, by its cookie; None of a request that is not the console's.

    The name is as the browser sent it: there may be no such space.
    """
    path = scope["path"]
    if path != ROOT and not path.startswith(f"{ROOT}/"):
        return None
    return cookies_of(Headers(scope=scope)).get(SPACE, DEFAULT)


async def choose(desk: Desk, request: Request) -> Response:
    """Show another space from now on, until the browser is closed; leads to the page of the same name there."""
    form = visitor(request).form
    space = form.get("space", "")
    if space not in desk.services.spaces:
        there = ", ".join(desk.services.spaces)
        raise Rejected(422, "There is no such space", (Violation("space", f"must be one of {there}"),))
    response = RedirectResponse(_page(desk, form.get("back", "")), 303)
    response.set_cookie(SPACE, space, path=ROOT, httponly=True, samesite="lax")
    return response


def _page(desk: Desk, back: str) -> str:
    """Return the page of the navigation that an address belongs to: what it shows may not be there in another space."""
    return next((one.path for one in desk.pages if back == one.path or back.startswith(f"{one.path}/")), ROOT)


class StandIn:
    """Stands before a space's pages: where the chosen space is away, this one's console says so, and nothing of its own."""

    def __init__(self, application: ASGIApp, desk: Desk) -> None:
        self._application = application
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        away: Away | None = scope.get(AWAY)
        answer = self._application
        if away is not None and scope["path"] not in OF_ANY and not scope["path"].startswith(f"{ROOT}/static/"):
            answer = self._desk.page(
                Request(scope),
                "trouble.html",
                503,
                title=f"The space {away.space} is away",
                said=f"Why: {away.reason}. It is begun again by itself; the other spaces answer meanwhile.",
                violations=(),
                again_s=AGAIN_S,
                space=away.space,
                alone=True,
            )
        await answer(scope, receive, send)
