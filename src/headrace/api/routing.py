"""A route of the framework: whatever it waits for, it answers in time."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.api.patience import within
from headrace.api.reply import Reply, response

LONGEST_S: Final = 8.0
"""How long an answer may take at most: as long as a stop waits for those that are begun."""

Handler = Callable[[Request], Awaitable[Reply | Response]]


def route(path: str, handler: Handler, *methods: str) -> Route:
    """Return the one route of a path, GET where no method is named.

    It gives up in time what it waits for, as a database that hangs answers nobody; sending takes what the client takes.
    """

    async def answer(request: Request) -> Response:
        answered = await within(handler(request), LONGEST_S)
        return response(answered) if isinstance(answered, Reply) else answered

    return Route(path, answer, methods=methods or ("GET",))
