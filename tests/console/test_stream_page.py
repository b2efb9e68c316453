"""*Stream* in a real browser: a replay is started, watched, compared, flipped to, left again, dropped."""

from playwright.sync_api import expect

from tests.acceptance.town import Town
from tests.console.browsing import NARROW, BrowserCase

BUILD_MS = 60_000


class Replays(BrowserCase):
    """A product of its own with a small past: a replay of it is quick however busy the machine is."""

    @classmethod
    def setUpClass(cls) -> None:
        """Start it."""
        super().setUpClass()
        cls.town = Town(LOG_LEVEL="WARNING")
        cls.addClassCleanup(cls.town.close)
        for number in range(240):
            cls.town.act(f"user {number % 12}", f"item {number * 7 % 30}", session_id=f"s {number % 12}")
        cls.town.drained()

    def read(self) -> int:
        """Return which generation answers are made from."""
        generation: int = self.town.get("/reco", user_id="sam", session_id="s", explain="true")["picture"]["generation"]
        return generation

    def test_a_replay_is_started_watched_compared_flipped_to_and_left_again(self) -> None:
        """With another window; a wrong one is told at its field. Answers move with it, and without an error."""
        self.assertEqual(self.read(), 1)
        with self.opened("/console/stream") as page:
            page.get_by_text("Count by other settings").click()
            window = page.get_by_label("Window, events")
            window.fill("0")
            page.get_by_role("button", name="Start a replay").click()
            expect(page.locator("#about-window")).to_contain_text("Expected a whole number from 1 to 100")
            window.fill("2")
            page.get_by_role("button", name="Start a replay").click()
            expect(page.locator(".notice.good")).to_contain_text("is being built")
            made = page.locator("#generation-2")
            expect(made).to_contain_text("from the archive of 1; window 2")
            for number in range(20):
                self.town.act(f"user {number % 12}", f"item {number}")
            expect(made).to_contain_text("followed", timeout=BUILD_MS)
            expect(made).to_contain_text("level with the log")
            self.picture(page, "stream-replay", whole=True)
            made.get_by_role("button", name="Compare").click()
            expect(page.locator("#comparison")).to_contain_text("Rank-biased overlap", timeout=BUILD_MS)
            self.assertEqual(self.findings(page), [])
            self.picture(page, "stream-comparison")
            page.get_by_role("link", name="Stream").first.click()
            made.get_by_role("button", name="Flip").click()
            expect(page.locator("h1")).to_have_text("Answer from generation 2?")
            page.get_by_role("button", name="Flip").click()
            expect(page.locator(".works li").first).to_contain_text("answers come from generation 2", timeout=BUILD_MS)
            expect(made).to_contain_text("read")
            self.assertEqual(self.read(), 2)
            page.get_by_role("button", name="Back to generation 1").click()
            expect(page.locator(".works li").first).to_contain_text("answers come from generation 1", timeout=BUILD_MS)
            self.assertEqual(self.read(), 1)
            page.get_by_role("button", name="Drop generation 2").click()
            page.get_by_role("button", name="Drop it").click()
            expect(page.locator(".works li").first).to_contain_text("generation 2 is gone", timeout=BUILD_MS)
            expect(made).to_have_count(0)
        self.complaints = [one for one in self.complaints if "422" not in one]  # the wrong window

    def test_every_partition_has_its_owner_its_lease_and_its_positions(self) -> None:
        """And the figures move on without a new page."""
        with self.opened("/console/stream", width=NARROW) as page:
            partitions = page.get_by_role("region", name="Partitions").locator("tbody tr")
            self.assertEqual(partitions.count(), 4)
            for number in range(4):
                expect(partitions.nth(number)).to_contain_text("-g1")
            positions = page.get_by_role("region", name="Positions")
            expect(positions).to_contain_text("reco_watch")
            before = positions.inner_text()
            self.town.act("sam", "salt")
            page.wait_for_function(
                "before => document.querySelector('[aria-label=Positions]').innerText !== before", arg=before
            )
            self.assertLessEqual(self.sideways(page), 0)
