"""The last word to requests that a process which stops cannot finish: come back, elsewhere."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.api import problem
from headrace.api.reply import Reply, send_reply
from headrace.errors import Unavailable


def given_up() -> Reply:
    """Return what a request is answered with that was not finished in time: 503, and soon to be tried again."""
    return problem.unavailable(Unavailable("the API", "this process stops, and what the answer waits for did not come in time"))


class Stopping:
    """An application whose requests are told so when the server gives them up, unless their answer has begun."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. The server cancels only what is left when its grace after a stop is over."""
        begun = False

        async def send_noted(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._application(scope, receive, send_noted)
        except asyncio.CancelledError:
            if begun or scope["type"] != "http":
                raise
            reply = given_up()
            await send_reply(send, reply._replace(headers=(*reply.headers, (b"connection", b"close"))))
