"""*Rules*: what a set says in words, over HTTP in a small world, and tried, put live and taken back in a real browser."""

import unittest
from typing import Any

from playwright.sync_api import expect

from headrace.console import ruling
from headrace.errors import Unavailable
from headrace.rules.declared import from_toml
from tests.acceptance.town import Town
from tests.api.world import World
from tests.console.acting import act
from tests.console.browsing import NARROW, BrowserCase
from tests.console.visiting import Visitor
from tests.console.world import RunningConsole

NOW_MS = 1_767_225_600_000
EVERYTHING = """
about = "The <summer> sale"
mode = "strict"
[[exclude]]
name = "recall"
items = ["i17", "i18"]
[[exclude]]
items = ["i1"]
where = "adult"
[[only]]
where = "price > 0"
[[boost]]
name = "sale"
where = '"sale" in tags'
times = 1.5
from = 2026-06-01T00:00:00Z
until = 2026-09-01T00:00:00Z
[[bury]]
where = 'brand == "acme"'
times = 0.5
until = 2025-06-01T00:00:00Z
[[bury]]
items = ["a", "b", "c", "d", "e", "f", "g", "h"]
[[pin]]
position = 1
items = ["i7", "i8"]
[[pin]]
position = 2
items = ["i9"]
[[pin]]
position = 4
where = "sponsored"
[[cap]]
by = "categories"
most = 2
within = 6
[[cap]]
by = "brand"
most = 1
mode = "relaxed"
"""


class InWords(unittest.TestCase):
    """Each kind of rule is a sentence that somebody understands who never saw its file."""

    def test_every_rule_says_what_it_does(self) -> None:
        """By ids, by what is true, at a place, in windows, strictly or not."""
        self.assertEqual(
            [one.does for one in ruling.read(from_toml(EVERYTHING), NOW_MS)],
            [
                "Leaves out `i17` and `i18`.",
                "Leaves out `i1`, and everything of which `adult` is true.",
                "Leaves out everything of which `price > 0` is not true.",
                'Multiplies the score of everything of which `"sale" in tags` is true by 1.5.',
                'Multiplies the score of everything of which `brand == "acme"` is true by 0.5.',
                "Puts `a`, `b`, `c`, `d`, `e`, `f` and 2 more behind everything else.",
                "Puts the first of `i7` and `i8` that may be shown at place 1.",
                "Puts `i9` at place 2, if it may be shown.",
                "Puts the best of which `sponsored` is true at place 4.",
                "At most 2 of one value of `categories` in any 6 places in a row; rather a short list than more.",
                "At most 1 of one value of `brand` in the whole list; it gives way where nothing else is left.",
            ],
        )

    def test_a_rule_with_a_time_says_when_and_whether_it_holds_now(self) -> None:
        """Before it, within it, and when it is over; it is called as explanations call it."""
        read = ruling.read(from_toml(EVERYTHING), NOW_MS)
        self.assertEqual([one.label for one in read[:4]], ["recall", "exclude 2", "only 1", "sale"])
        self.assertEqual((read[0].state, read[0].when), ("holds", ""))
        self.assertEqual(read[3].state, "begins later")
        self.assertEqual(read[3].when, "from 2026-06-01 00:00:00 UTC until 2026-09-01 00:00:00 UTC")
        self.assertEqual((read[4].state, read[4].when), ("is over", "until 2025-06-01 00:00:00 UTC"))
        self.assertTrue(ruling.read(from_toml(EVERYTHING), NOW_MS + 190 * 86_400_000)[3].holds)


class OverHttp(unittest.TestCase):
    """The page and its forms."""

    def setUp(self) -> None:
        """Start the server over a world without rules."""
        self.world = World()
        self.running = self.enterContext(RunningConsole(self.world))
        self.visitor = Visitor(self.running.port)

    def put(self, text: str = EVERYTHING, name: str = "summer") -> None:
        """Keep a version."""
        self.world.keeper.kept.setdefault(name, []).append(from_toml(text))

    def sent(self, path: str, **form: str) -> str:
        """Return what is said after a form that was taken."""
        answer = self.visitor.send(path, self.visitor.token("/console/rules"), **form)
        self.assertEqual(answer.status, 303, answer.body.decode()[:800])
        return self.visitor.page(answer.headers["location"])

    def test_without_rules_the_page_says_how_to_make_some(self) -> None:
        """And that none are live."""
        page = self.visitor.page("/console/rules")
        self.assertIn("No rules are live", page)
        self.assertIn("headrace rules put summer summer.toml", page)

    def test_what_is_live_being_away_is_told_like_the_sets_being_away(self) -> None:
        """The database may go between two questions of one page."""

        async def away() -> None:
            raise Unavailable("postgres", "it is being restarted")

        self.put()
        self.world.keeper.live = away  # type: ignore[method-assign]
        answer = self.visitor.ask("GET", "/console/rules")
        self.assertEqual(answer.status, 200)
        self.assertIn("postgres is unavailable", answer.body.decode())

    def test_sets_are_listed_and_a_version_is_shown_with_every_rule(self) -> None:
        """Older versions by their number; text of people is text; doubts are told."""
        self.put('about = "The first"')
        self.put()
        page = self.visitor.page("/console/rules")
        self.assertIn("The &lt;summer&gt; sale", page)
        self.assertIn("11 rules", page)
        page = self.visitor.page("/console/rules/of/summer")
        self.assertIn("Puts the best of which <code>sponsored</code> is true at place 4.", page)
        self.assertIn("is over", page)
        self.assertIn('href="/console/rules/of/summer@1"', page)
        self.assertIn("[[exclude]]", page)
        page = self.visitor.page("/console/rules/of/summer@1")
        self.assertIn("No rules stand in it", page)
        for path in (
            "of/summer@3",
            "of/winter",
            "of/none",
            "of/Summer",
            "of/summer@x",
            "try",
            "try?rules=winter",
            "try?rules=summer&user=a%00b",
            "try?rules=summer&user=u&item=a%00b",
        ):
            self.assertEqual(self.visitor.ask("GET", f"/console/rules/{path}").status, 404, path)

    def test_a_version_is_put_live_and_taken_back_by_forms_alone(self) -> None:
        """An older one as well; what is not there is refused; no link changes anything."""
        self.put()
        self.put()
        self.assertIn("summer@1 is laid over every answer from now on", self.sent("/console/rules/live", rules="summer@1"))
        self.assertEqual(self.world.keeper.chosen, ("summer", 1))
        page = self.visitor.page("/console/rules")
        self.assertIn("a newer one waits", page)
        self.assertIn("putting this one live takes its place", self.visitor.page("/console/rules/of/summer@2"))
        self.assertIn("No rules are laid over answers any more", self.sent("/console/rules/none"))
        self.assertIsNone(self.world.keeper.chosen)
        self.assertIn("There were none live", self.sent("/console/rules/none"))
        token = self.visitor.token("/console/rules")
        self.assertIn(
            "There are no rules winter any more", self.visitor.send("/console/rules/live", token, rules="winter").body.decode()
        )
        for rules, status in (("summer@9", 404), ("winter", 404), ("Summer", 422), ("", 422)):
            self.assertEqual(self.visitor.send("/console/rules/live", token, rules=rules).status, status, rules)
        self.assertEqual(self.visitor.send("/console/rules/live", "x" * 64, rules="summer@1").status, 403)
        self.assertEqual(self.visitor.ask("GET", "/console/rules/live").status, 405)
        self.assertIsNone(self.world.keeper.chosen)


def goods() -> dict[str, dict[str, Any]]:
    """Return what the shop sells."""
    return {
        "rules-hat": {"title": "Hat", "attributes": {"kind": "wear"}},
        "rules-boots": {"title": "Boots", "attributes": {"kind": "wear"}},
        "rules-lamp": {"title": "Lamp", "attributes": {"kind": "light"}},
        "rules-torch": {"title": "Torch", "attributes": {"kind": "light", "offer": True}},
    }


class InTheBrowser(BrowserCase):
    """A product of its own with a small shop: rules hold for everybody."""

    @classmethod
    def setUpClass(cls) -> None:
        """Open the shop: three people took all of it, and ria has looked at the hat."""
        super().setUpClass()
        cls.town = Town(LOG_LEVEL="WARNING")
        cls.addClassCleanup(cls.town.close)
        for item, what in goods().items():
            assert cls.town.call("PUT", f"/items/{item}", what)[0] == 200
        for user in ("rob", "ron", "roy"):
            for item in goods():
                act(cls.town, user, item, session_id=f"s-{user}")
        act(cls.town, "ria", "rules-hat", session_id="s-ria")

    def put(self, **rules: object) -> str:
        """Put a version and return its title."""
        status, answer = self.town.call("PUT", "/rules/evening", rules)
        self.assertEqual(status, 200, answer)
        return f"evening@{answer['version']}"

    def test_a_set_is_read_tried_put_live_and_taken_back(self) -> None:
        """By keyboard alone. The lists say what moved, and by which rule; ``/reco`` follows what the buttons say."""
        before = self.town.shown("ria")
        self.assertEqual(before, ["rules-boots", "rules-lamp", "rules-torch"])
        title = self.put(
            about="Evenings",
            exclude=[{"name": "no boots", "items": ["rules-boots"]}],
            pin=[{"name": "on offer", "position": 1, "where": "offer"}],
        )
        with self.opened("/console/rules") as page:
            page.get_by_role("link", name="evening", exact=True).focus()
            page.keyboard.press("Enter")
            expect(page.locator(".rules li").first).to_contain_text("Leaves out rules-boots.")
            self.assertEqual(self.findings(page), [])
            self.picture(page, "rules-one")
            page.get_by_role("link", name="Try on somebody").focus()
            page.keyboard.press("Enter")
            expect(page.locator(".empty-title")).to_have_text("No user is named")
            page.keyboard.press("/")
            page.keyboard.type("ria")
            page.keyboard.press("Tab")
            page.keyboard.type("rules-boots")
            page.keyboard.press("Enter")
            expect(page.locator("#why .badge")).to_have_text("filtered")
            expect(page.locator("#why")).to_contain_text(f"Left out by the rule 'no boots' of {title}")
            now, then = page.locator(".answer-card").nth(0), page.locator(".answer-card").nth(1)
            expect(now.locator("li", has_text="rules-boots").first).to_contain_text("only here")
            first = then.locator(".answer > li").first
            expect(first).to_contain_text("rules-torch")
            expect(first.locator(".effect")).to_contain_text(f"Pinned at place 1 by the rule 'on offer' of {title}")
            expect(page.locator(".missed")).to_contain_text("Left out by the rule 'no boots'")
            self.assertEqual(self.findings(page), [])
            self.picture(page, "rules-try")
            self.assertEqual(self.town.shown("ria"), before, "nobody is shown it")
            page.get_by_role("button", name=f"Put {title} live").focus()
            page.keyboard.press("Enter")
            expect(page.locator(".notice.good")).to_contain_text(f"{title} is laid over every answer")
            self.assertEqual(self.town.shown("ria")[0], "rules-torch")
            self.assertNotIn("rules-boots", self.town.shown("ria"))
            page.get_by_role("button", name="Take back").focus()
            page.keyboard.press("Enter")
            expect(page.locator("#live-title")).to_have_text("No rules are live")
            self.assertEqual(self.town.shown("ria"), before)

    def test_a_phone_has_room_for_two_lists_and_for_long_rules(self) -> None:
        """One below the other; long ids and expressions are broken."""
        title = self.put(
            exclude=[{"items": [f"{'x' * 120}-{number}" for number in range(9)], "where": "offer " + "or offer " * 20}]
        )
        for path in (
            "/console/rules",
            f"/console/rules/of/{title}",
            f"/console/rules/try?rules={title}&user=ria&item=rules-lamp",
        ):
            with self.subTest(path), self.opened(path, width=NARROW) as page:
                self.assertLessEqual(self.sideways(page), 0)
                self.assertEqual(self.findings(page), [])


if __name__ == "__main__":
    unittest.main()
