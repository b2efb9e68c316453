"""``app.main:app``: the ASGI app for a server of your choice (``uvicorn app.main:app``), set by the environment."""

from contextlib import AsyncExitStack

from starlette.types import ASGIApp, Receive, Scope, Send

from headrace import config, telemetry, wiring
from headrace.cli.complaints import COMPLAINTS, told
from headrace.cli.database import database
from headrace.console import hosting


class _App:
    """Builds its services when the server starts it and lets them go when it stops it; in between it only forwards."""

    def __init__(self) -> None:
        self._serving: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._serving is None:
            raise RuntimeError("this server does not run the app's lifespan: for uvicorn, say --lifespan on")
        else:
            await self._serving(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            await receive()
            try:
                settings = config.read()
                telemetry.configure(settings.telemetry)
                settings = stack.enter_context(database(settings))
                self._serving = spaces = hosting.spaces(settings)
                await stack.enter_async_context(wiring.api_spaces(settings, spaces))
            except COMPLAINTS as error:
                await send({"type": "lifespan.startup.failed", "message": "\n".join(told(error))})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


app = _App()
