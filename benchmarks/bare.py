"""The limits: an application that answers GET and POST with nothing, on the very server and settings that ours runs on.

``python -m benchmarks.bare PORT`` serves it until SIGTERM. A POST is answered after its whole body has arrived.
"""

import asyncio
import signal
import sys

import uvloop
from starlette.types import Receive, Scope, Send

from headrace.api import server
from headrace.api.settings import ApiSettings
from headrace.cli.attachment import die_with_parent

_START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
_END = {"type": "http.response.body", "body": b""}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 and nothing."""
    if scope["method"] == "POST":
        while (await receive()).get("more_body", False):
            pass
    await send(_START)
    await send(_END)


async def _serve(port: int) -> None:
    listener = server.listen(ApiSettings(port=port))
    bare = server.over(application)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, bare.stop)
    await bare.serve(sockets=[listener])


if __name__ == "__main__":
    die_with_parent()
    uvloop.run(_serve(int(sys.argv[1])))
