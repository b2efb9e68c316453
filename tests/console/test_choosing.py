"""Which space a browser is shown, over the real server: two small worlds behind one console."""

import asyncio
import contextlib
import unittest
from dataclasses import replace

import uvloop

from headrace.api import server
from headrace.api.settings import ApiSettings
from headrace.api.spaces import Spaces
from headrace.console.choosing import chosen
from headrace.console.hosting import hosted
from headrace.console.settings import ConsoleSettings
from headrace.telemetry.spaces import counted_in
from tests.api.world import RunningServer, World
from tests.console.visiting import Visitor
from tests.console.world import RunningConsole, Shelf, services

NAMES = ("default", "shop", "video")


class RunningSpaces(RunningServer):
    """The API over the default space and a shop, each with its console; the videos are declared and away."""

    def __init__(self) -> None:
        self.worlds = {"default": World(), "shop": World()}
        self.spaces = Spaces(ApiSettings(port=0), NAMES, host=hosted, choosing=chosen)
        super().__init__(self.spaces)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for name, world in self.worlds.items():
                of_it = services(world, ConsoleSettings())
                shelf = Shelf(world)
                shelf.items = (f"thing of {name}",)
                with counted_in("" if name == "default" else name):
                    await stack.enter_async_context(self.spaces.opened(name, replace(of_it, items=shelf)))
            self.spaces.close("video", "its log is another one")
            self.server = server.build(self.spaces)
            await self.server.serve(sockets=[self._listener])


class AChoice(unittest.TestCase):
    """A cookie of the console says which space; a form sets it."""

    def setUp(self) -> None:
        """Start the server."""
        self.running = self.enterContext(RunningSpaces())
        self.visitor = Visitor(self.running.port)

    def shown(self, page: str) -> set[str]:
        """Return whose things a page shows."""
        return {name for name in NAMES if f"thing of {name}" in page}

    def test_a_form_of_the_page_chooses_and_every_page_says_which_space_it_shows(self) -> None:
        """In its title, its choice and its document; the way leads to the same page of the other space."""
        page = self.visitor.page("/console/items")
        self.assertEqual(self.shown(page), {"default"})
        self.assertIn("<title>Items · default · headrace</title>", page)
        answer = self.visitor.choose("shop", "/console/items")
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/console/items"))
        self.assertIn("Path=/console", answer.headers["set-cookie"])
        self.assertIn("HttpOnly", answer.headers["set-cookie"])
        page = self.visitor.page("/console/items")
        self.assertEqual(self.shown(page), {"shop"})
        self.assertIn("<title>Items · shop · headrace</title>", page)
        self.assertIn("<option selected>shop</option>", page)
        self.assertIn('data-space="shop"', page)
        self.assertEqual(self.visitor.choose("default", "/console/items/x?y").headers["location"], "/console/items")
        self.assertEqual(self.shown(self.visitor.page("/console/items")), {"default"})
        token = self.visitor.token("/console/items")
        for back in ("https://evil.example", "//evil.example/console/items", "/console/items\\evil", ""):
            answer = self.visitor.send("/console/space", token, space="shop", back=back)
            self.assertEqual((answer.status, answer.headers["location"]), (303, "/console"), back)

    def test_the_cookie_is_the_console_s_alone_and_a_header_goes_before_it(self) -> None:
        """Elsewhere only the header counts; what a page refreshes names its space by it, whatever was chosen since."""
        self.visitor.choose("shop")
        self.assertEqual(self.shown(self.visitor.page("/console/items", **{"X-Headrace-Space": "default"})), {"default"})
        part = self.visitor.ask("GET", "/console/items", **{"X-Headrace-Space": "default", "x-fragment": "main"})
        self.assertEqual(self.shown(part.body.decode()), {"default"})
        for path in ("/readyz", "/consoles"):
            with_cookie = self.visitor.ask("GET", path)
            self.assertEqual(with_cookie.body, self.running.ask("GET", path).body)
        event = {"event_id": "event-1", "user_id": "u", "item_id": "i", "event_type": "view", "ts": 1}
        self.running.ask("POST", "/event", event, Cookie="headrace_space=shop")
        self.assertEqual(self.running.worlds["shop"].events, {})

    def test_a_form_of_another_space_s_page_does_nothing(self) -> None:
        """Two pages of one browser: what one of them changes is its own space's, or nothing."""
        token = self.visitor.token("/console/stream")
        self.visitor.choose("shop")
        answer = self.visitor.send("/console/stream/start", token, beginning="archive")
        self.assertEqual(answer.status, 409)
        self.assertIn("This page shows the space default, and shop was chosen since. Nothing was done", answer.body.decode())
        self.assertEqual(self.visitor.send("/console/theme", token, theme="dark").status, 303, "it concerns no space")
        self.assertEqual(self.visitor.send("/console/space", token, space="default").status, 303)
        answer = self.visitor.send("/console/stream/start", token, beginning="archive")
        self.assertIn("nothing to count from the archive", answer.body.decode(), "the stream's own refusal")

    def test_a_choice_needs_the_token_and_a_space_that_is_there(self) -> None:
        """As every form does."""
        token = self.visitor.token("/console/live")
        self.assertEqual(self.visitor.send("/console/space", "x" * 64, space="shop").status, 403)
        answer = self.visitor.send("/console/space", token, space="nowhere")
        self.assertEqual(answer.status, 422)
        self.assertIn("There is no such space", answer.body.decode())
        self.assertNotIn("headrace_space", self.visitor.cookies)

    def test_a_space_that_is_not_declared_any_more_is_told_once_and_the_default_one_shown(self) -> None:
        """Whatever a browser still believes, escaped; a part that refreshes itself does not use the words up."""
        for name in ("gone", "%3Cb%3E", "a" * 400):
            self.visitor.cookies["headrace_space"] = name
            part = self.visitor.ask("GET", "/console/live", **{"x-fragment": "figures"})
            self.assertEqual(part.status, 200)
            page = self.visitor.page("/console/items")
            self.assertIn(f"There is no space called {name[:40]} here.", page)
            self.assertIn("This is the space default.", page)
            self.assertEqual(self.shown(page), {"default"})
            self.assertNotIn("There is no space called", self.visitor.page("/console/items"))

    def test_a_space_that_is_away_says_so_and_nothing_of_another(self) -> None:
        """With the way to the others; where the default one is away too."""
        self.assertEqual(self.visitor.choose("video", "/console/items").status, 303)
        for path in ("/console", "/console/items", "/console/dead-letters"):
            answer = self.visitor.ask("GET", path)
            page = answer.body.decode()
            self.assertEqual(answer.status, 503)
            self.assertIn("The space video is away", page)
            self.assertIn("Why: its log is another one", page)
            self.assertIn("<option selected>video</option>", page)
            self.assertEqual(self.shown(page), set())
        token = self.visitor.token("/console/items")
        self.assertEqual(self.visitor.send("/console/stream/start", token, beginning="archive").status, 503)
        style = self.visitor.ask("GET", "/console/static/console.css")
        self.assertEqual(style.status, 200)
        self.running.spaces.close("default", "it broke")
        self.visitor.cookies.pop("headrace_space")
        self.assertIn("The space default is away", self.visitor.page("/console/live"))
        self.assertEqual(self.visitor.choose("shop", "/console/items").status, 303)
        self.assertEqual(self.shown(self.visitor.page("/console/items")), {"shop"})
        self.running.spaces.close("shop", "it broke as well")
        self.assertEqual(self.visitor.ask("GET", "/console/items").status, 503)


class OneSpace(unittest.TestCase):
    """Where there is nothing to choose."""

    def test_there_is_no_choice_and_no_word_of_spaces(self) -> None:
        """A browser that remembers one is told that it is not there."""
        with RunningConsole(World()) as console:
            visitor = Visitor(console.port)
            page = visitor.page("/console/live")
            self.assertNotIn("/console/space", page)
            self.assertNotIn("data-space", page)
            self.assertIn("<title>Live · headrace</title>", page)
            visitor.cookies["headrace_space"] = "shop"
            self.assertIn("There is no space called shop here.", visitor.page("/console/live"))
            self.assertNotIn("headrace_space", visitor.cookies)


if __name__ == "__main__":
    unittest.main()
