"""*People* in a real browser: somebody is found, what they do changes what they are shown, and the page says why."""

import re

from playwright.sync_api import expect

from tests.console.acting import act
from tests.console.browsing import NARROW, BrowserCase


class Somebody(BrowserCase):
    """One user among the simulated viewers, in a small world of items of their own."""

    @classmethod
    def setUpClass(cls) -> None:
        """Have others show what goes with what."""
        super().setUpClass()
        for user in ("pia", "pat", "per"):
            act(cls.town, user, "camp-tent", session_id=f"s-{user}")
            act(cls.town, user, "camp-stove", "click", session_id=f"s-{user}")
            act(cls.town, user, "camp-lamp", session_id=f"s-{user}")
        act(cls.town, "ida", "camp-lamp", session_id="s-ida")

    def test_an_event_changes_the_answer_and_its_reason_on_the_page(self) -> None:
        """Without a new page: the event stands in the history, and what goes with it is shown because of it."""
        with self.opened("/console/people?user=ida") as page:
            stove = page.locator(".what .id", has_text="camp-stove")
            reason = page.locator(".answer li", has=stove).locator("summary")
            expect(reason).to_contain_text("you viewed 'camp-lamp'")
            page.evaluate("window.mark = 1")
            act(self.town, "ida", "camp-tent", "purchase", session_id="s-ida")
            expect(page.locator(".history li", has_text="camp-tent")).to_contain_text("purchase")
            expect(reason).to_contain_text("you bought 'camp-tent'")
            expect(page.locator(".answer .what .id", has_text="camp-tent")).to_have_count(0)
            self.assertEqual(page.evaluate("window.mark"), 1)
            self.picture(page, "people-one")

    def test_a_time_leads_to_the_receipt(self) -> None:
        """What became of the event: from the door to the answers."""
        with self.opened("/console/people?user=pia") as page:
            page.locator(".history .receipt").first.click()
            page.locator("h1", has_text="event-").wait_for()
            way = page.locator(".way")
            for stage in ("acknowledged", "in the log", "applied", "visible"):
                expect(way).to_contain_text(stage)
            expect(page.locator(".facts")).to_contain_text("pia")
            self.picture(page, "people-event")

    def test_why_not_is_answered_for_any_item(self) -> None:
        """Left out because they had it; never heard of; and one that is shown, with its numbers."""
        with self.opened("/console/people?user=pat") as page:
            for item, verdict, words in (
                ("camp-tent", "filtered", "had to do with"),
                ("no-such-thing", "unknown", "Nobody knows this item"),
            ):
                page.get_by_label("Why, or why not, this item").fill(item)
                page.get_by_role("button", name="Ask").click()
                expect(page.locator("#why h2")).to_have_text(f"Why not {item}?")
                expect(page.locator("#why .badge")).to_have_text(verdict)
                expect(page.locator("#why")).to_contain_text(words)
            shown = page.locator(".answer .id").first.inner_text()
            page.get_by_label("Why, or why not, this item").fill(shown)
            page.get_by_role("button", name="Ask").click()
            expect(page.locator("#why .badge")).to_have_text(re.compile(r"^shown at place \d+$"))
            page.locator("#why").get_by_text("The numbers").click()
            expect(page.locator("#why .did").first).to_contain_text("→")

    def test_another_recipe_stands_beside_with_its_differences_marked(self) -> None:
        """What was seen may come again there, and is marked as shown by that recipe alone."""
        with self.opened("/console/people?user=per") as page:
            page.get_by_label("Beside it, by the recipe").select_option("revisits")
            page.get_by_role("button", name="Ask").click()
            page.locator("h2", has_text="By revisits").wait_for()
            beside = page.locator(".answer-card").nth(1)
            again = beside.locator("li", has=page.locator(".what .id", has_text="camp-stove"))
            expect(again).to_contain_text("only here")
            self.picture(page, "people-beside")

    def test_everybody_is_found_by_keyboard_alone(self) -> None:
        """A user by the whole name, a session, the beginning of a name; nobody is told as nobody."""
        with self.opened("/console/live") as page:
            page.keyboard.press("g")
            page.keyboard.press("p")
            page.wait_for_url("**/console/people")
            for typed, heading in (("ida", "ida"), ("s-pat", "s-pat")):
                page.goto("/console/people")
                page.keyboard.press("/")
                page.keyboard.type(typed)
                page.keyboard.press("Enter")
                expect(page.locator("h1")).to_have_text(heading)
            page.goto("/console/people")
            page.keyboard.press("/")
            page.keyboard.type("id")
            page.keyboard.press("Enter")
            nobody = page.locator(".notice.warn")
            expect(nobody).to_contain_text("Nobody called id has done anything yet")
            nobody.get_by_role("link", name="ida", exact=True).focus()
            page.keyboard.press("Enter")
            expect(page.locator("h1")).to_have_text("ida")

    def test_somebody_nobody_knows_is_shown_what_is_popular(self) -> None:
        """The empty history says so."""
        with self.opened("/console/people?user=stranger", width=NARROW) as page:
            expect(page.locator(".history-card")).to_contain_text("shown what is popular")
            expect(page.locator(".answer li").first).to_be_visible()
            self.assertLessEqual(self.sideways(page), 0)

    def test_those_who_acted_last_are_one_click_away(self) -> None:
        """Where nothing was typed."""
        with self.opened("/console/people") as page:
            latest = page.locator(".cohort a").first
            name = latest.locator(".id").inner_text()
            latest.click()
            expect(page.locator("h1")).to_have_text(name)
