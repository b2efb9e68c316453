"""The console over the small world of the API's tests, behind the real HTTP server."""

import asyncio
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvloop

from headrace.api import server
from headrace.api.spaces import Spaces
from headrace.config.spaces import DEFAULT
from headrace.console.hosting import hosted
from headrace.console.services import Services
from headrace.console.settings import ConsoleSettings
from headrace.console.shelf import Acts, Course, Item, Neighbour, Standing
from tests.api.world import Answered, RunningServer, World
from tests.console.operators import Nobody, NoLetters, QuietStream, watcher

TOKEN: Final = re.compile(r'name="token" value="([0-9a-f]{64})"')


class Shelf:
    """The items of a world, each liked once: what the console asks of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.items: tuple[str, ...] = ("tent", "stove", "novel <b>")

    def popular(self, most: int) -> list[Item]:
        """Return them in order."""
        return [Item(item_id, None, 1) for item_id in self.items[:most]]

    def standing(self, item_id: str) -> Standing | None:
        """Return the place in the order."""
        if item_id not in self.items:
            return None
        return Standing(events=1, weight=1.5, visits=1.0, rank=self.items.index(item_id) + 1, items=3, shown=item_id != "stove")

    def neighbours(self, item_id: str, most: int) -> list[Neighbour]:
        """Return all others; only the first knows the way back."""
        others = [one for one in self.items if one != item_id]
        return [Neighbour(one, 2, 1.0, None if place else 0.5) for place, one in enumerate(others[:most])]

    async def find(self, beginning: str, most: int) -> list[Item]:
        """Return those that begin like this."""
        self._world.fail()
        return [Item(one, one.title(), 1) for one in self.items if one.startswith(beginning)][:most]

    async def titles(self, items: Sequence[str]) -> dict[str, str]:
        """Return a title for each."""
        self._world.fail()
        return {one: one.title() for one in items}

    async def course(self, item_id: str, spans: int, hours: int) -> Course:
        """Return one act in the last span."""
        self._world.fail()
        last = int(item_id in self.items)
        acts = [Acts(place * hours * 3_600_000, last if place == spans - 1 else 0, 0, 0, 0) for place in range(spans)]
        return Course(hours, acts, 0.5)


def services(world: World, settings: ConsoleSettings, folder: Path | None = None) -> Services:
    """Return a world as the console's services, with a folder of recipes perhaps."""
    of_the_api = world.services()
    given = {field.name: getattr(of_the_api, field.name) for field in dataclasses.fields(of_the_api)}
    return Services(
        **given,
        items=Shelf(world),
        console=settings,
        stream=QuietStream(world),
        letters=NoLetters(world),
        people=Nobody(world),
        recipes=watcher(folder),
    )


class RunningConsole(RunningServer):
    """The API with the console in it, as the product joins them."""

    def __init__(self, world: World, settings: ConsoleSettings | None = None, folder: Path | None = None) -> None:
        super().__init__(world)
        self._services = services(world, settings or ConsoleSettings(), folder)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        spaces = Spaces(self._services.settings, host=hosted)
        async with spaces.opened(DEFAULT, self._services):
            self.server = server.build(spaces)
            await self.server.serve(sockets=[self._listener])

    def opened(self, path: str = "/console/live", **headers: str) -> tuple[str, str]:
        """Return the cookie and the token that a page gives a browser."""
        answer = self.ask("GET", path, **headers)
        found = TOKEN.search(answer.body.decode())
        if answer.status != 200 or found is None:
            raise AssertionError(f"{path}: {answer.status} {answer.body.decode()[:500]}")
        return answer.headers["set-cookie"].partition(";")[0], found[1]

    def sent(self, path: str, form: str, **headers: str) -> Answered:
        """Return the answer to a form."""
        return self.ask("POST", path, form, **{"Content-Type": "application/x-www-form-urlencoded", **headers})
