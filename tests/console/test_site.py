"""The console's pages as they come over HTTP: what every one of them has, and what is answered where something is wrong."""

import dataclasses
import re
import unittest
import zipfile
from pathlib import Path
from subprocess import run
from sys import executable
from tempfile import TemporaryDirectory
from unittest import mock

from headrace.console.desk import STATIC
from headrace.console.pages import PAGES
from headrace.errors import Unavailable
from headrace.serving import recipes
from headrace.serving.settings import ServingSettings
from headrace.serving.watching import Watcher
from headrace.stream.letters import Position
from headrace.stream.redriving import Outcome, Told
from headrace.wiring.works import Stage, Work
from tests.api.world import World
from tests.architecture.sources import ROOT
from tests.console.operators import Kept
from tests.console.world import RunningConsole

CONSOLE = ROOT / "src/headrace/console"


class EveryPage(unittest.TestCase):
    """What all pages have."""

    world: World
    console: RunningConsole

    @classmethod
    def setUpClass(cls) -> None:
        """Start the server."""
        cls.world = World()
        cls.console = RunningConsole(cls.world)
        cls.enterClassContext(cls.console)

    def tearDown(self) -> None:
        """Bring everything back."""
        self.world.away = None
        self.world.broken = False

    def page(self, path: str) -> str:
        """Return a page that answers well."""
        answer = self.console.ask("GET", path)
        self.assertEqual(answer.status, 200, path)
        self.assertEqual(answer.headers["content-type"], "text/html; charset=utf-8")
        return answer.body.decode()

    def test_each_has_its_heading_and_is_marked_in_the_navigation(self) -> None:
        """One heading of the first rank, one current page, a title of its own."""
        for one in PAGES:
            page = self.page(one.path)
            self.assertEqual(len(re.findall(r"<h1", page)), 1, one.name)
            self.assertRegex(page, rf'href="{one.path}" data-key="{one.key}" aria-current="page"')
            self.assertEqual(page.count('aria-current="page"'), 1)
            self.assertIn(f"<title>{one.title} ·", page)

    def test_keys_and_names_are_each_given_once(self) -> None:
        """A shortcut leads to one page."""
        self.assertEqual(len({one.key for one in PAGES}), len(PAGES))
        self.assertEqual(len({one.name for one in PAGES}), len(PAGES))
        self.assertFalse({one.key for one in PAGES} & {"g"})

    def test_none_has_script_or_style_of_its_own(self) -> None:
        """The policy forbids both, so a page that had them would be broken."""
        for one in PAGES:
            page = self.page(one.path)
            self.assertNotRegex(page, r"\sstyle=|<style|\son[a-z]+=")
            self.assertEqual(re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)[0][1], "")

    def test_everything_they_need_is_served_from_here_and_kept(self) -> None:
        """Addresses carry the digest of the content, so a browser keeps it and a new version is fetched."""
        page = self.page(PAGES[0].path)
        for name, kind in STATIC.items():
            (address,) = set(re.findall(rf'"(/console/static/{re.escape(name)}\?v=[0-9a-f]+)"', page))
            answer = self.console.ask("GET", address)
            self.assertEqual((answer.status, answer.headers["content-type"]), (200, f"{kind}; charset=utf-8"))
            self.assertIn("immutable", answer.headers["cache-control"])
            self.assertEqual(answer.body, (CONSOLE / "static" / name).read_bytes())
        self.assertNotRegex(page, r'(src|href)="(https?:)?//')

    def test_the_first_page_is_the_way_in(self) -> None:
        """``/console`` leads there."""
        answer = self.console.ask("GET", "/console")
        self.assertEqual((answer.status, answer.headers["location"]), (307, PAGES[0].path))

    def test_a_fragment_is_a_block_of_its_page_alone(self) -> None:
        """What refreshes itself asks the same address, and gets its part without the rest."""
        for one in PAGES:
            page = self.page(one.path)
            for name in re.findall(r'<\w+ id="([\w-]+)" data-refresh="[\d.]+"', page):
                answer = self.console.ask("GET", one.path, **{"x-fragment": name})
                self.assertEqual(answer.status, 200)
                self.assertNotIn(b"<html", answer.body)
                self.assertTrue(answer.body.strip())
            self.assertEqual(self.console.ask("GET", one.path, **{"x-fragment": "nobody"}).status, 404)

    def test_an_address_that_is_none_is_told_as_a_page(self) -> None:
        """It says what was asked for, escaped, and leads back."""
        answer = self.console.ask("GET", "/console/%3Cscript%3E")
        self.assertEqual(answer.status, 404)
        self.assertIn("No page is called /console/&lt;script&gt;", answer.body.decode())
        self.assertIn('href="/console"', answer.body.decode())

    def test_what_no_id_could_be_is_no_address(self) -> None:
        """Whatever page it is asked of; it reaches no table."""
        for path in (
            *("people?user=a%00b", "people?session=a%00b", "people?q=a%00b", "people?user=u1&item=a%00b"),
            *(
                "people/event?id=a%00b",
                "people?user=%C2%85",
                f"people?user={'w' * 129}",
                "items?id=a%00b",
                f"items?id={'w' * 129}",
            ),
            *("recipes/compare?user=a%00b", "dead-letters/letter/a%00b:0:1"),
        ):
            answer = self.console.ask("GET", f"/console/{path}")
            self.assertEqual(answer.status, 404, path)
            self.assertIn("There is nothing here", answer.body.decode())

    def test_a_number_of_any_length_is_no_bug(self) -> None:
        """One that names nothing is passed over, or told as an address that is none."""
        self.page(f"/console/stream?generation={'9' * 5000}")
        self.assertEqual(self.console.ask("GET", f"/console/stream/comparisons/{'9' * 5000}").status, 404)

    def test_recipes_are_compared_or_told_of_while_the_file_of_the_answering_one_is_broken(self) -> None:
        """The page names the file's mistake; two others are compared all the same."""
        with TemporaryDirectory() as folder:
            Path(folder, "default.toml").write_text("this is no recipe")
            settings = ServingSettings(recipes=Path(folder))
            broken = Watcher(settings, Kept(), lambda _: None, recipes.named("default"))
            console = RunningConsole(World())
            console._services = dataclasses.replace(console._services, recipes=broken)
            with console:
                answer = console.ask("GET", "/console/recipes/compare")
                self.assertEqual(answer.status, 409)
                self.assertIn("default", answer.body.decode())
                path = "/console/recipes/compare?one=revisits&other=trending"
                self.assertEqual(console.ask("GET", path).status, 200)

    def test_a_letter_that_was_not_redriven_says_how_to_mend_it_on_the_page(self) -> None:
        """Where a command would name its option."""
        letters = self.console._services.letters
        work = Work(1, "letters", "redriving", 1, Stage.DONE, "1 refused", 2)
        work.found = [Told(Position("t", 0, 1), Outcome.REFUSED, "it cannot be applied; mend it", to_mend=True)]
        letters.works._works.append(work)
        page = self.page("/console/dead-letters")
        self.assertIn("mend it in the editor", page)

    def test_a_page_whose_parts_are_away_shows_the_rest(self) -> None:
        """Postgres away is a sentence in its place, never a blank page."""
        self.world.away = "postgres"
        page = self.page("/console/live")
        self.assertIn("postgres is unavailable", page)

    def test_items_are_there_from_memory_when_the_tables_are_away(self) -> None:
        """What is popular, how an item stands and what it goes with need no table."""
        self.world.away = "postgres"
        self.assertIn(">tent</a>", self.page("/console/items"))
        item = self.page("/console/items?id=tent")
        self.assertIn("#1", item)
        self.assertEqual(item.count("postgres is unavailable"), 2)  # acts over time, and the catalogue
        self.assertIn("postgres is unavailable", self.page("/console/items?q=te"))

    def test_names_that_cannot_be_looked_up_are_not_told_as_none(self) -> None:
        """The person is asked of memory, those whose names begin so of the tables."""

        async def away(_beginning: str, _limit: int) -> list[str]:
            raise Unavailable("postgres", "it is being restarted")

        with mock.patch.object(self.console._services.people, "like", away):
            page = self.page("/console/people?q=zoe")
        self.assertIn("Whether any name begins so is not to be had now: postgres is unavailable", page)
        self.assertIn("No name begins so either", self.page("/console/people?q=zoe"))

    def test_ids_are_written_as_text_and_linked_as_one_value(self) -> None:
        """An id may hold anything but control characters."""
        page = self.page("/console/items")
        self.assertIn('href="/console/items?id=novel%20%3Cb%3E">novel &lt;b&gt;</a>', page)
        self.assertNotIn("<b>", self.page("/console/items?id=novel%20%3Cb%3E").replace("<b>1</b>", ""))
        answer = self.console.ask("GET", "/console/items?id=%3Ci%3Enobody")
        self.assertEqual(answer.status, 404)
        self.assertIn("Nobody knows this item", answer.body.decode())
        self.assertNotIn("<i>", answer.body.decode())

    def test_an_item_that_is_not_shown_says_so(self) -> None:
        """Its numbers stand there all the same."""
        self.assertIn("Not shown.", self.page("/console/items?id=stove"))
        self.assertNotIn("Not shown.", self.page("/console/items?id=tent"))

    def test_a_search_finds_by_the_beginning_and_says_what_to_do_when_it_finds_nothing(self) -> None:
        """The fragment that typing asks for is the same list."""
        self.assertIn(">stove</a>", self.page("/console/items?q=st"))
        self.assertNotIn(">tent</a>", self.page("/console/items?q=st"))
        self.assertIn("No item begins like this", self.page("/console/items?q=xyz%00"))
        fragment = self.console.ask("GET", "/console/items?q=te", **{"x-fragment": "found"}).body.decode()
        self.assertIn(">tent</a>", fragment)
        self.assertNotIn("<form", fragment)

    def test_values_are_there_as_a_table_for_whoever_asks(self) -> None:
        """A plot cannot be read by everybody."""
        self.assertNotIn("<caption>", self.page("/console/live"))
        self.assertIn("<caption>Latency of answers</caption>", self.page("/console/live?values=latency"))
        self.assertIn("<caption>Acts on the item</caption>", self.page("/console/items?id=tent&values"))

    def test_a_bug_of_ours_is_told_as_one(self) -> None:
        """It is no secret that there is one; what it was stands in the log alone."""
        self.world.broken = True
        answer = self.console.ask("GET", "/console/live")
        self.assertEqual(answer.status, 500)
        self.assertIn("A bug of ours", answer.body.decode())
        self.assertNotIn("on purpose", answer.body.decode())

    def test_what_the_console_asks_is_no_traffic(self) -> None:
        """Somebody looking does not change the figures that are looked at."""
        before = self.requests()
        for _ in range(5):
            self.page("/console/live")
        self.assertEqual(self.requests(), before + 1)  # the question before

    def requests(self) -> int:
        """Return how many requests the API has answered well."""
        page = self.console.ask("GET", "/metrics/prometheus").body.decode()
        return int(float(re.findall(r'^reco_api_requests_total\{status_family="2xx"\} (\S+)', page, re.MULTILINE)[0]))


class TheWheel(unittest.TestCase):
    """What a user gets who installs the package."""

    def test_it_holds_the_console_s_templates_and_files(self) -> None:
        """Every file that lies beside the code lies in the wheel."""
        with TemporaryDirectory() as folder:
            command = [
                executable,
                "-m",
                "pip",
                "wheel",
                "--quiet",
                "--no-deps",
                "--no-build-isolation",
                "-w",
                folder,
                str(ROOT),
            ]
            run(command, check=True, capture_output=True)
            (wheel,) = Path(folder).glob("headrace-*.whl")
            with zipfile.ZipFile(wheel) as archive:
                held = set(archive.namelist())
        lying = {path for kind in ("templates", "static") for path in (CONSOLE / kind).rglob("*") if path.is_file()}
        self.assertTrue(lying)
        self.assertLessEqual({str(path.relative_to(ROOT / "src")) for path in lying}, held)
