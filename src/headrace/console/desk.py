"""What a page works with: the services, and the templates it answers with."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from headrace import __version__
from headrace.api.patience import within
from headrace.console import words
from headrace.console.guard import ROOT, THEMES, told, visitor
from headrace.console.services import Services
from headrace.console.timeline import Timeline
from headrace.errors import Unavailable

Value = TypeVar("Value")
Handler = Callable[["Desk", Request], Awaitable[Response]]
PIECES: Final = ("parts", "icons", "plots", "works", "reasons")
FRAGMENT: Final = "x-fragment"
LONGEST_S: Final = 8.0
"""How long a page may take: parts of it give up sooner, one after the other, and the page tells which."""

STATIC: Final = {
    "console.css": "text/css",
    "operators.css": "text/css",
    "console.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the navigation. ``name`` is its path behind ``/console/``, its icon's too; ``key`` follows ``g``."""

    name: str
    title: str
    key: str
    show: "Callable[[Desk, Request], Awaitable[Response]]"
    short: str = ""
    """What it is called where there is room for one short word: a phone's navigation."""

    more: "Callable[[Desk], Sequence[BaseRoute]]" = lambda _desk: ()
    """Further addresses of the page."""

    @property
    def path(self) -> str:
        """Return the page's address."""
        return f"{ROOT}/{self.name}"


class Desk:
    """Answers with templates over the services."""

    def __init__(self, services: Services, timeline: Timeline, pages: Sequence[Page]) -> None:
        self.services = services
        self.timeline = timeline
        self.pages = tuple(pages)
        self._templates = Environment(
            loader=PackageLoader("headrace.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= words.FILTERS
        self._templates.globals |= {
            "pages": self.pages,
            "space": services.space,
            "spaces": tuple(services.spaces),
            "root": ROOT,
            "themes": THEMES,
            "version": __version__,
            "asset": asset,
        }
        # Pieces, not pages: they are there in every template and every fragment, without an import.
        for name in PIECES:  # one by one: a piece may be made of those before it
            self._templates.globals[name] = self._templates.get_template(f"{name}.html").module

    def make_ready(self) -> None:
        """Compile every template, so that nobody who opens a page first waits for it. Blocks for some hundred milliseconds."""
        for name in self._templates.list_templates():
            self._templates.get_template(name)

    def page(self, request: Request, template: str, status: int = 200, **context: Any) -> Response:  # noqa: ANN401
        """Return a template as an answer; that block of it alone which a request for a fragment names."""
        found = self._templates.get_template(template)
        context |= {"visitor": visitor(request), "path": request.url.path, "now_ms": self.services.clock.now_ms()}
        context.setdefault("page", None)
        fragment = request.headers.get(FRAGMENT)
        if fragment is None:
            return HTMLResponse(found.render(context), status)
        block = found.blocks.get(fragment)
        if block is None:
            return HTMLResponse("", status if status != 200 else 404)  # a page that tells of trouble has no such part
        return HTMLResponse("".join(block(found.new_context(context))), status)

    def shows(self, request: Request, block: str) -> bool:
        """Return whether the answer will show this block: the whole page is asked for, or this fragment of it."""
        return request.headers.get(FRAGMENT, block) == block

    def went(self, path: str, notice: str) -> Response:
        """Return the answer to a POST: the page at ``path``, which says once what was done."""
        return told(RedirectResponse(path, 303), notice)


def route(desk: Desk, path: str, handler: Handler, method: str = "POST") -> Route:
    """Return a further address of a page, answered by ``handler``."""

    async def answered(request: Request) -> Response:
        if method == "GET":
            return await within(handler(desk, request), LONGEST_S)
        return await handler(desk, request)

    return Route(path, answered, methods=[method])


async def attempt(wanted: Awaitable[Value]) -> Value | Unavailable:
    """Return what was asked for, or why it cannot be had now, which is known within two seconds: a page shows the rest."""
    try:
        return await within(wanted)
    except Unavailable as error:
        return error


@cache
def content(name: str) -> bytes:
    """Return the bytes of one of the console's files."""
    return files("headrace.console").joinpath("static", name).read_bytes()


@cache
def asset(name: str) -> str:
    """Return the address of one of the console's files; it changes with the content, so a browser may keep what it has."""
    return f"{ROOT}/static/{name}?v={hashlib.sha256(content(name)).hexdigest()[:12]}"
