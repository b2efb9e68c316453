"""The console's shell in a real browser: what refreshes itself, the keyboard, light and dark."""

from typing import Final

from playwright.sync_api import Page, Request

from tests.console.browsing import BrowserCase

HIDE: Final = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


class FreshParts(BrowserCase):
    """Marked parts keep themselves fresh, and leave alone what somebody is doing."""

    def fragments(self, page: Page) -> list[str]:
        """Return the list that fills with the fragments that the page asks for."""
        asked: list[str] = []

        def heard(request: Request) -> None:
            name = request.headers.get("x-fragment")
            if name is not None:
                asked.append(name)

        page.on("request", heard)
        return asked

    def test_figures_change_without_a_new_page_and_the_focus_stays(self) -> None:
        """Whoever stands on a link keeps standing there, and the page does not jump."""
        with self.opened("/console/live") as page:
            page.evaluate("window.mark = 1")
            link = page.locator("#latency")
            link.focus()
            page.evaluate("window.scrollTo(0, 300)")
            before = page.locator("#plots .area").first.inner_html()
            page.wait_for_function("before => document.querySelector('#plots .area').innerHTML !== before", arg=before)
            self.assertEqual(page.evaluate("window.mark"), 1)
            self.assertEqual(page.evaluate("document.activeElement.id"), "latency")
            self.assertEqual(page.evaluate("window.scrollY"), 300)

    def test_held_figures_stand_still(self) -> None:
        """Until they are let go, no question is asked."""
        with self.opened("/console/live") as page:
            asked = self.fragments(page)
            page.keyboard.press("p")
            self.assertEqual(page.locator("#hold").get_attribute("aria-pressed"), "true")
            page.wait_for_timeout(500)  # one that was under way may still be answered
            asked.clear()
            page.wait_for_timeout(3_000)
            self.assertEqual(asked, [])
            with page.expect_request(lambda request: "x-fragment" in request.headers):
                page.locator("#hold").click()

    def test_a_hidden_page_asks_nothing(self) -> None:
        """It goes on at once when it is looked at again."""
        with self.opened("/console/live") as page:
            asked = self.fragments(page)
            page.evaluate(HIDE, arg=True)
            page.wait_for_timeout(500)
            asked.clear()
            page.wait_for_timeout(3_000)
            self.assertEqual(asked, [])
            with page.expect_request(lambda request: "x-fragment" in request.headers):
                page.evaluate(HIDE, arg=False)

    def test_a_page_whose_product_is_gone_says_so_and_comes_back_by_itself(self) -> None:
        """Figures that stand still must not look like figures of now."""
        with self.opened("/console/live") as page:
            page.route("**/*", lambda route: route.abort())
            page.locator("#stale", has_text="These figures stand still").wait_for()
            page.unroute("**/*")
            page.locator("#stale").wait_for(state="hidden")
            self.complaints = [one for one in self.complaints if "ERR_FAILED" not in one]


class TheKeyboard(BrowserCase):
    """Everything can be done without a mouse."""

    def test_the_first_key_leads_past_the_navigation(self) -> None:
        """The skip link is what Tab finds first."""
        with self.opened("/console/live") as page:
            page.keyboard.press("Tab")
            self.assertEqual(page.evaluate("document.activeElement.className"), "skip")
            page.keyboard.press("Enter")
            self.assertEqual(page.evaluate("document.activeElement.id"), "main")

    def test_shortcuts_lead_to_pages_and_to_the_search(self) -> None:
        """``g i`` and then ``/``; what is typed into a field is no shortcut."""
        with self.opened("/console/live") as page:
            page.keyboard.press("g")
            page.keyboard.press("i")
            page.wait_for_url("**/console/items")
            page.keyboard.press("/")
            self.assertEqual(page.evaluate("document.activeElement.id"), "q")
            page.keyboard.type("gl?")
            self.assertEqual(page.locator("#q").input_value(), "gl?")
            self.assertFalse(page.locator("#shortcuts").is_visible())
            self.assertIn("/console/items", page.url)

    def test_shortcuts_are_listed_and_can_be_switched_off(self) -> None:
        """For those whose tools type single letters; the switch is remembered."""
        with self.opened("/console/live") as page:
            page.keyboard.press("?")
            page.locator("#shortcuts").wait_for()
            self.assertEqual(self.findings(page), [])
            page.locator("#shortcuts-on").uncheck()
            page.keyboard.press("Escape")
            page.keyboard.press("?")
            self.assertFalse(page.locator("#shortcuts").is_visible())
            page.reload()
            page.keyboard.press("?")
            self.assertFalse(page.locator("#shortcuts").is_visible())


class LightAndDark(BrowserCase):
    """The system's colours, unless somebody chooses."""

    def ground(self, page: Page) -> str:
        """Return the colour that everything stands on."""
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    def test_a_choice_is_taken_at_once_and_kept(self) -> None:
        """Without a new page, and on the next one."""
        with self.opened("/console/live") as page:
            light = self.ground(page)
            page.evaluate("window.mark = 1")
            page.get_by_role("button", name="Dark").click()
            dark = self.ground(page)
            self.assertNotEqual(light, dark)
            self.assertEqual(page.evaluate("window.mark"), 1)
            page.goto("/console/items")
            self.assertEqual(self.ground(page), dark)

    def test_the_choice_needs_no_script(self) -> None:
        """It is a form with its token; the same page is shown again."""
        with self.opened("/console/items", script=False) as page:
            page.get_by_role("button", name="Dark").click()
            page.wait_for_url("**/console/items")
            self.assertEqual(page.locator("html").get_attribute("data-theme"), "dark")


class Items(BrowserCase):
    """The page of items."""

    def test_an_act_is_on_the_item_s_page_a_moment_later(self) -> None:
        """Found while typing, opened, and fresh without a new page."""
        for user in ("ada", "bob", "cyd"):
            self.town.act(user, "page-tent")
            self.town.act(user, "page-stove", "click")
        self.town.drained()
        with self.opened("/console/items") as page:
            page.locator("#q").press_sequentially("page-")
            page.get_by_role("link", name="page-tent").click()
            page.locator("h1", has_text="page-tent").wait_for()
            self.assertIn("page-stove", page.locator("#near").inner_text())
            events = page.locator(".figure", has_text="Events").locator(".value")
            self.assertEqual(events.inner_text(), "3")
            self.town.act("dan", "page-tent", "purchase")
            page.locator(".figure", has_text="Events").locator(".value", has_text="4").wait_for()
            page.locator("#course title", has_text="Purchases: 1").first.wait_for(state="attached")
