"""The recipes and their page."""

import re
import unittest

from headrace.serving import recipes
from tests.architecture.sources import ROOT

PAGE = ROOT / "docs/reference/recipes.md"


class TheRecipesPage(unittest.TestCase):
    """docs/reference/recipes.md says what answers are made of."""

    def test_it_tells_the_version_of_every_recipe(self) -> None:
        """A changed weight changes the version, and so this page."""
        told = set(re.findall(r"`([\w-]+@[0-9a-f]{8})`", PAGE.read_text(encoding="utf-8")))
        self.assertEqual(told, {recipes.named(name).version for name in recipes.available()})

    def test_outputs_shown_elsewhere_carry_versions_of_today(self) -> None:
        """The README and the tutorial show answers as they are now."""
        today = {recipes.named(name).version for name in recipes.available()}
        for page in ("README.md", "docs/tutorial/first-recommendations.md"):
            shown = set(re.findall(r"[\w-]+@[0-9a-f]{8}", (ROOT / page).read_text(encoding="utf-8")))
            self.assertTrue(shown, page)
            self.assertLessEqual(shown, today, page)
