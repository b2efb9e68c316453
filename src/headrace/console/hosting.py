"""The API with the console in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headrace.api.application import Application
from headrace.api.spaces import Spaces
from headrace.config import Settings
from headrace.console.choosing import chosen
from headrace.console.desk import Desk
from headrace.console.guard import ROOT
from headrace.console.pages import PAGES
from headrace.console.services import Services
from headrace.console.site import site
from headrace.console.timeline import Timeline


def spaces(settings: Settings) -> Spaces:
    """Return the application over all spaces that are declared, the console in each; none is open yet."""
    return Spaces(settings.api, [one.space for one in settings.each()], host=hosted, choosing=chosen)


@asynccontextmanager
async def hosted(services: Services) -> AsyncIterator[Application]:
    """Yield the API's application with the console under its path, and remember its last hour meanwhile."""
    application = Application(services)
    timeline = Timeline(services, application.window)
    desk = Desk(services, timeline, PAGES)
    application.host(ROOT, site(desk))
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(timeline.watch())
        group.create_task(asyncio.to_thread(desk.make_ready))
        try:
            yield application
        finally:
            watching.cancel()
