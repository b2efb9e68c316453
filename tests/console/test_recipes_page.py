"""*Recipes* in a real browser: shown, compared, made the default, and back."""

from playwright.sync_api import expect

from headrace.serving import recipes
from tests.console.acting import act
from tests.console.browsing import NARROW, BrowserCase

DEFAULT = recipes.named("default").version
REVISITS = recipes.named("revisits").version


class OnTheShelf(BrowserCase):
    """The package's recipes, and the running product that answers by one of them."""

    def answers(self) -> str:
        """Return which version answers a request."""
        version: str = self.town.get("/reco", user_id="rita", session_id="s1", x_autolog_impressions="false")["model_version"]
        return version

    def test_one_is_compared_made_the_default_and_left_to_the_setting_again(self) -> None:
        """By keyboard alone; ``/reco`` tells another version at once."""
        for user in ("rita", "rudi", "rosa"):
            act(self.town, user, "road-map")
            act(self.town, user, "road-bike", "click")
        self.assertEqual(self.answers(), DEFAULT)
        with self.opened("/console/recipes") as page:
            page.get_by_role("link", name="Compare revisits with what answers").focus()
            page.keyboard.press("Enter")
            page.locator("h1", has_text="default and revisits").wait_for()
            weights = page.get_by_role("region", name="Weights")
            expect(weights.locator("tr", has_text="habit")).to_contain_text("2")
            expect(weights).not_to_contain_text("smoothing")
            page.get_by_role("link", name="Also what is the same").focus()
            page.keyboard.press("Enter")
            expect(weights.locator("tr", has_text="smoothing")).to_contain_text("10")
            page.keyboard.press("/")
            page.keyboard.type("rita")
            page.keyboard.press("Enter")
            lists = page.locator(".answer-card")
            expect(lists.nth(1).locator("li", has_text="road-map").first).to_contain_text("only here")
            self.picture(page, "recipes-compare")
            page.get_by_role("button", name="Make revisits the default").focus()
            page.keyboard.press("Enter")
            expect(page.locator(".notice.good")).to_contain_text(f"{REVISITS} answers from now on")
            self.assertEqual(self.answers(), REVISITS)
            expect(page.locator(".answers")).to_contain_text("survives a restart")
            page.get_by_role("button", name="Leave it to the setting").focus()
            page.keyboard.press("Enter")
            expect(page.locator(".notice.good")).to_contain_text("the setting says so")
            self.assertEqual(self.answers(), DEFAULT)

    def test_a_recipe_is_shown_with_its_comments_and_all_its_weights(self) -> None:
        """The file as it is, and the parts with what their defaults are; also on a phone."""
        with self.opened("/console/recipes", width=NARROW) as page:
            page.get_by_role("link", name="revisits", exact=True).click()
            expect(page.locator(".lead")).to_have_text(REVISITS)
            expect(page.locator("pre.file")).to_contain_text("# how many of the user's recent items may come again")
            expect(page.get_by_role("region", name="Parts")).to_contain_text("returning")
            self.assertLessEqual(self.sideways(page), 0)
            self.picture(page, "recipes-one-narrow")
