"""The console over two spaces of the running product, which use equal ids: nothing that is done in one touches the other."""

import atexit
import functools
import re
import tempfile
import unittest
from pathlib import Path
from urllib.parse import unquote

from playwright.sync_api import expect

from headrace.serving import recipes
from tests.acceptance.town import Town
from tests.console.browsing import NARROW, BrowserCase
from tests.console.burying import bury
from tests.console.visiting import Visitor
from tests.spaces.traffic import Space
from tests.stream.world import raw

REVISITS = recipes.named("revisits").version
DEFAULT = recipes.named("default").version


@functools.cache
def town() -> Town:
    """Return the product with a shop beside the default space; in each the same person took the same item, to another end."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    file = Path(folder.name, "spaces.toml")
    file.write_text("[shop]\n")
    started = Town(HEADRACE_SPACES=str(file), LOG_LEVEL="WARNING")
    atexit.register(started.close)
    for name, companion, other in (("default", "lantern", "matches"), ("shop", "teapot", "saucer")):
        space = Space(started, name, 0)
        for user in ("uma", "ugo", "ute"):
            for item in ("umbrella", companion, *([] if user == "uma" else [other])):
                sent = space.call("POST", "/event", started.event(user, item, session_id=f"s-{user}"))
                assert sent[0] == 200, sent
        started.until(lambda space=space: counted(space) == 8, "its events are applied")  # type: ignore[misc]
    return started


def counted(space: Space) -> int:
    """Return how many events of a space are applied."""
    return sum(one["applied"] for one in space.call("GET", "/stream/worker")[1]["partitions"])


class WhatIsDone(unittest.TestCase):
    """By the forms of the console, over HTTP."""

    def setUp(self) -> None:
        """Open a console on each space."""
        self.town = town()
        self.spaces = {name: Space(self.town, name, 0) for name in ("default", "shop")}
        self.consoles = {name: Visitor(self.town.port) for name in self.spaces}
        self.consoles["shop"].choose("shop")

    def sent(self, name: str, path: str, **form: str) -> None:
        """Send a form of a space's console, which must be taken."""
        visitor = self.consoles[name]
        answer = visitor.send(path, visitor.token("/console/stream"), **form)
        self.assertEqual(answer.status, 303, answer.body.decode()[:2000])

    def answers(self, name: str) -> str:
        """Return which recipe answers in a space."""
        return str(
            self.spaces[name].call("GET", "/reco?user_id=uma&session_id=s&x_autolog_impressions=false")[1]["model_version"]
        )

    def test_dead_letters_of_one_are_not_the_other_s(self) -> None:
        """Found, dropped and told of in their own space alone, though both lie at the same place of their logs."""
        bury(self.town, raw(b"no json", user="uma"), space="shop")
        shop, default = self.consoles["shop"], self.consoles["default"]
        self.town.until(lambda: "bad_json" in shop.page("/console/dead-letters"), "the poison is a dead letter")
        self.assertNotIn("bad_json", default.page("/console/dead-letters"))
        bury(self.town, raw(b"no json", user="uma"))
        self.town.until(lambda: "bad_json" in default.page("/console/dead-letters"), "here as well")
        cause = re.search(r"/console/dead-letters/cause/([^\"?]+)", shop.page("/console/dead-letters"))
        assert cause is not None
        self.sent("shop", "/console/dead-letters/drop-all", cause=unquote(cause[1]), sure="yes")
        self.town.until(lambda: "1 dropped" in shop.page("/console/dead-letters"), "it is dropped")
        self.assertNotIn("/cause/", shop.page("/console/dead-letters"))
        self.assertIn("/cause/", default.page("/console/dead-letters"), "the default space's is open as it was")
        self.assertNotIn("1 dropped", default.page("/console/dead-letters"), "nor is the work told of there")

    def test_a_recipe_is_the_default_of_its_own_space_alone(self) -> None:
        """And left to the setting again."""
        self.sent("shop", "/console/recipes/default", recipe="revisits")
        self.assertEqual((self.answers("shop"), self.answers("default")), (REVISITS, DEFAULT))
        self.assertNotIn("Chosen here", self.consoles["default"].page("/console/recipes"))
        self.sent("shop", "/console/recipes/default", recipe="")
        self.assertEqual(self.answers("shop"), DEFAULT)

    def built(self, name: str, **features: str) -> str:
        """Have a space's generation built until it is level with the log, and return its number."""
        self.sent(name, "/console/stream/start", beginning="archive", **features)
        numbers: list[str] = re.findall(r'id="generation-([0-9]+)"', self.consoles[name].page("/console/stream"))
        number = max(numbers, key=int)

        def level() -> bool:
            page = self.consoles[name].page("/console/stream")
            generation = page.partition(f'id="generation-{number}"')[2].partition("</li>")[0]
            return "followed" in generation and "level with the log" in generation

        self.town.until(level, f"generation {number} has caught up", 60)
        return number

    def dropped(self, name: str, number: str) -> None:
        """Drop a space's generation."""
        self.sent(name, "/console/stream/drop", generation=number, sure="yes")
        gone = f"generation {number} is gone"
        self.town.until(lambda: gone in self.consoles[name].page("/console/stream"), "it is gone", 60)

    def test_a_comparison_is_of_its_own_space_though_the_other_has_a_generation_of_the_same_number(self) -> None:
        """Its people are asked, and what they have forgotten of their past is what they would be shown: items of their own."""
        numbers = {name: self.built(name, history_size="1") for name in self.spaces}
        self.assertEqual(len(set(numbers.values())), 1)
        for name, own, other in (("default", "lantern", "teapot"), ("shop", "teapot", "lantern")):
            visitor = self.consoles[name]
            form = {"generation": numbers[name], "users": "50"}
            answer = visitor.send("/console/stream/compare", visitor.token("/console/stream"), **form)
            path = answer.headers["location"]
            self.town.until(lambda: "Rank-biased overlap" in visitor.page(path), "it is compared", 60)  # noqa: B023
            with self.subTest(name):
                self.assertIn(own, visitor.page(path))
                self.assertNotIn(other, visitor.page(path))
        for name, number in numbers.items():
            self.dropped(name, number)

    def test_a_replay_counts_its_own_space_alone(self) -> None:
        """It is built, listed, flipped to and dropped there; the other space has one generation all the time."""
        number = self.built("shop")
        shop, default = self.consoles["shop"], self.consoles["default"]
        self.assertNotIn(f'id="generation-{number}"', default.page("/console/stream"))
        self.sent("shop", "/console/stream/flip", generation=number, sure="yes")
        self.town.until(lambda: f"answers come from generation {number}" in shop.page("/console/stream"), "they have moved", 60)
        read = [
            self.spaces[name].call("GET", "/reco?user_id=uma&session_id=s&explain=true&x_autolog_impressions=false")[1]
            for name in ("shop", "default")
        ]
        self.assertEqual([one["picture"]["generation"] for one in read], [int(number), 1])
        self.assertNotIn(f"answers come from generation {number}", default.page("/console/stream"))
        self.sent("shop", "/console/stream/back")
        self.town.until(lambda: "answers come from generation 1" in shop.page("/console/stream"), "and back", 60)
        self.dropped("shop", number)

    def test_people_items_and_receipts_are_those_of_the_chosen_space(self) -> None:
        """The same user beside the same item: another history, other neighbours, another receipt."""
        event_id = str(self.spaces["shop"].call("GET", "/explain?user_id=uma&item_id=umbrella")[1]["history"][0]["event_id"])
        for name, own, other in (("default", "lantern", "teapot"), ("shop", "teapot", "lantern")):
            for path in ("/console/people?user=uma", "/console/items?id=umbrella", "/console/items?q=", "/console/people"):
                page = self.consoles[name].page(path)
                with self.subTest(name, path=path):
                    self.assertIn(own, page)
                    self.assertNotIn(other, page)
        self.assertEqual(self.consoles["shop"].ask("GET", f"/console/people/event?id={event_id}").status, 200)
        self.assertEqual(self.consoles["default"].ask("GET", f"/console/people/event?id={event_id}").status, 404)


class TheChoice(BrowserCase):
    """In the browser."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start the product with two spaces."""
        super().setUpClass()
        cls.town = town()

    def test_a_space_is_chosen_by_keyboard_and_a_page_that_stays_open_goes_on_with_its_own(self) -> None:
        """The choice holds on every page; the page of before refreshes itself, and its buttons do nothing elsewhere."""
        with self.opened("/console/people?user=uma") as page:
            expect(page.locator(".history")).to_contain_text("lantern")
            before = page.context.new_page()
            before.goto("/console/recipes")
            page.get_by_label("Space").focus()
            page.keyboard.type("shop")
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            expect(page).to_have_url(re.compile("/console/people$"))
            expect(page).to_have_title("People · shop · headrace")
            page.goto("/console/people?user=uma")
            expect(page.locator(".history")).to_contain_text("teapot")
            self.assertEqual(self.findings(page), [])
            self.picture(page, "spaces")
            before.get_by_role("button", name="Make revisits the default").click()
            expect(before.locator("body")).to_contain_text("This page shows the space default, and shop was chosen since")
            page.get_by_label("Space").select_option("default")
            page.get_by_role("button", name="Show this space").click()
            expect(page).to_have_title("People · default · headrace")
        self.complaints = [one for one in self.complaints if "409" not in one]

    def test_what_refreshes_itself_stays_with_its_space(self) -> None:
        """Though another page of the same browser has chosen another one."""
        with self.opened("/console/people?user=uli") as page:
            other = page.context.new_page()
            other.goto("/console/live")
            other.get_by_label("Space").select_option("shop")
            other.get_by_role("button", name="Show this space").click()
            expect(other).to_have_title("Live · shop · headrace")
            for name, item in (("shop", "of the shop"), ("default", "of the default space")):
                sent = Space(self.town, name, 0).call("POST", "/event", self.town.event("uli", item))
                self.assertEqual(sent[0], 200)
            expect(page.locator(".history")).to_contain_text("of the default space")
            expect(page.locator(".history")).not_to_contain_text("of the shop")

    def test_a_phone_has_room_for_the_choice(self) -> None:
        """Nothing is scrolled sideways, and nothing serious is wrong."""
        with self.opened("/console/live", width=NARROW) as page:
            self.assertLessEqual(self.sideways(page), 0)
            self.assertEqual(self.findings(page), [])
            self.picture(page, "spaces-narrow")
