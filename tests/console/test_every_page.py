"""Every page of the console in a real browser: accessible in light and dark, whole on a phone, and silent."""

from typing import Final

from playwright.sync_api import Page, expect

from headrace.console.pages import PAGES
from tests.acceptance.town import Town
from tests.console.acting import act
from tests.console.browsing import NARROW, BrowserCase

LONG: Final = "w" * 128
FURTHER: Final = {
    "item": "/console/items?id={item}",
    "items-found": "/console/items?q={item}",
    "user": "/console/people?user=eve&item={item}&recipe=revisits",
    "session": "/console/people?session=s-eve",
    "nobody": "/console/people?user=nobody-at-all",
    "long": f"/console/people?user={LONG}&item={LONG}",
    "long-item": f"/console/items?id={LONG}",
    "long-search": f"/console/people?q={LONG}",
    "recipe": "/console/recipes/of/default",
    "two-recipes": "/console/recipes/compare?one=default&other=revisits&user=eve&every=yes",
    "an-hour": "/console/live?minutes=60&values=latency",
    "nothing": "/console/nothing",
}
"""Addresses beside those of the navigation: the name of each, and the address with an item in it."""

SHOWN: Final = {"item", *(one.name for one in PAGES)}
"""Of these the documentation has pictures."""

CONTRAST: Final = "color-contrast"
"""The rule of axe-core that the other colours can break."""


class EveryPageInTheBrowser(BrowserCase):
    """What holds for all pages alike."""

    @classmethod
    def setUpClass(cls) -> None:
        """Have somebody do something."""
        super().setUpClass()
        act(cls.town, "eve", "evergreen", session_id="s-eve")
        act(cls.town, "eve", LONG, "click", session_id="s-eve")

    def addresses(self) -> dict[str, str]:
        """Return every address by its name."""
        item = self.town.get("/trending", k=1)["items"][0]
        further = {name: address.format(item=item) for name, address in FURTHER.items()}
        return {one.name: one.path for one in PAGES} | further

    def test_nothing_serious_is_wrong_in_light_or_dark_or_on_a_phone(self) -> None:
        """axe-core looks at every page, in the dark at its contrasts; at 360 pixels nothing has to be scrolled sideways."""
        for name, address in self.addresses().items():
            with self.subTest(name), self.opened(address) as page:
                self.assertEqual(self.findings(page), [])
                self._pictured(page, name, "light")
                self.seen_again(page, colours="dark")
                self.assertEqual(self.findings(page, CONTRAST), [])
                self._pictured(page, name, "dark")
                self.seen_again(page, width=NARROW)
                self.assertLessEqual(self.sideways(page), 0)
                self.assertEqual(self.findings(page), [])
                self._pictured(page, name, "narrow")
        self.complaints = [one for one in self.complaints if "404" not in one]  # the address that is none

    def _pictured(self, page: Page, name: str, how: str) -> None:
        if name in SHOWN:
            self.picture(page, f"{name}-{how}")

    def test_each_says_the_same_without_script(self) -> None:
        """The heading and the figures are in the page itself."""
        for one in PAGES:
            with self.subTest(one.name), self.opened(one.path, script=False) as page:
                self.assertEqual(page.locator("h1").inner_text(), one.title)
                self.assertEqual(page.locator(".needs-script:visible").count(), 0)


class NothingYet(BrowserCase):
    """A product that has just been started, and has seen nothing."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start it."""
        super().setUpClass()
        cls.town = Town(LOG_LEVEL="WARNING")
        cls.addClassCleanup(cls.town.close)

    def test_every_page_says_what_to_do_next(self) -> None:
        """Where there is nothing to show there is a sentence, and mostly a command; nothing serious is wrong with it."""
        told = {
            "live": "headrace demo",
            "people": "headrace demo",
            "items": "curl localhost",
            "stream": "level",
            "dead-letters": "There is nothing to do",
            "recipes": "none was chosen",
            "rules": "headrace rules put",
        }
        self.assertEqual(told.keys(), {one.name for one in PAGES})
        for one in PAGES:
            with self.subTest(one.name), self.opened(one.path, width=NARROW) as page:
                expect(page.locator("main")).to_contain_text(told[one.name])
                self.assertLessEqual(self.sideways(page), 0)
                self.assertEqual(self.findings(page), [])
                self.seen_again(page, colours="dark", width=NARROW)
                self.assertEqual(self.findings(page, CONTRAST), [])

    def test_somebody_nobody_knows_is_shown_nothing_and_told_why(self) -> None:
        """The user, an item, and two recipes for them."""
        for path, words in (
            ("people?user=ada&recipe=revisits", "Somebody nobody knows"),
            ("people?user=ada&item=i1", "Nobody knows this item"),
            ("items?id=i1", "i1"),
            ("recipes/compare?user=ada", "has done nothing yet"),
        ):
            with self.subTest(path), self.opened(f"/console/{path}", width=NARROW) as page:
                expect(page.locator("main")).to_contain_text(words)
                self.assertEqual(self.findings(page), [])
        self.complaints = [one for one in self.complaints if "404" not in one]
