"""Recipes are data: their version, and what their errors teach."""

import tomllib
import unittest
from importlib.resources import files

from headrace.pipeline import Recipe
from headrace.serving import recipes
from headrace.serving.recipes import RecipeError

PLAIN = """
[[sources]]
part = "co_visitation"
history = 5
smoothing = 2.0

[[sources]]
part = "popularity"

[[filters]]
part = "seen"

[selector]
part = "top"
"""


def version(text: str) -> str:
    """Return the version of the recipe that this text describes."""
    return recipes.read("mine", text).version


class Versions(unittest.TestCase):
    """The version changes exactly when the answers may."""

    def test_a_changed_weight_changes_the_version(self) -> None:
        """Another history, another smoothing, a new weight: each is another version."""
        changed = [
            PLAIN.replace("history = 5", "history = 6"),
            PLAIN.replace("smoothing = 2.0", "smoothing = 2.5"),
            PLAIN.replace("history = 5", "history = 5\ndamping = 0.5"),
        ]
        self.assertEqual(len({version(text) for text in (PLAIN, *changed)}), 4)

    def test_a_changed_part_changes_the_version(self) -> None:
        """One filter less, one more, another scorer, or the sources the other way round."""
        seen = '[[filters]]\npart = "seen"\n'
        first, second = PLAIN.index("[[sources]]"), PLAIN.rindex("[[sources]]")
        turned = PLAIN[second : PLAIN.index("[[filters]]")] + PLAIN[first:second] + PLAIN[PLAIN.index("[[filters]]") :]
        changed = [
            PLAIN.replace(seen, ""),
            PLAIN.replace(seen, seen + '[[filters]]\npart = "excluded"\n'),
            PLAIN.replace("[selector]", '[[scorers]]\npart = "blend"\n[selector]'),
            turned,
        ]
        self.assertEqual(len({version(text) for text in (PLAIN, *changed)}), 5)

    def test_comments_blanks_and_the_order_of_keys_do_not(self) -> None:
        """The same parts and weights written otherwise are the same version."""
        written_otherwise = [
            "# a comment\n" + PLAIN.replace("\n\n", "\n\n\n"),
            PLAIN.replace("history = 5\nsmoothing = 2.0", "smoothing = 2.0 # visits\nhistory = 5"),
            PLAIN.replace("smoothing = 2.0", "smoothing = 2"),
            '[selector]\npart = "top"\n' + PLAIN.replace('[selector]\npart = "top"\n', ""),
        ]
        self.assertEqual({version(text) for text in written_otherwise}, {version(PLAIN)})

    def test_a_default_written_out_does_not(self) -> None:
        """A weight counts as it works, whether it is written or left to its default."""
        self.assertEqual(version(PLAIN.replace("history = 5", "history = 5\nrecency = 1.0")), version(PLAIN))

    def test_the_version_is_the_name_and_a_digest(self) -> None:
        """``mine@`` and eight hexadecimal digits."""
        self.assertRegex(version(PLAIN), r"^mine@[0-9a-f]{8}$")
        self.assertNotEqual(recipes.read("yours", PLAIN).version, version(PLAIN))


class Shipped(unittest.TestCase):
    """The recipes of the package."""

    def test_every_recipe_of_the_package_can_be_made(self) -> None:
        """Each listed name gives a recipe of that name."""
        self.assertIn("rules-v1", recipes.available())
        for name in recipes.available():
            recipe = recipes.named(name)
            self.assertIsInstance(recipe, Recipe)
            self.assertEqual(recipe.name, name)

    def test_rules_v1_is_what_it_says(self) -> None:
        """Co-visitation, then popularity; seen and excluded items left out; blended; the best first."""
        recipe = recipes.named("rules-v1")
        self.assertEqual([part.name for part in recipe.sources], ["co_visitation", "popularity"])
        self.assertEqual([part.name for part in recipe.filters], ["seen", "excluded"])
        self.assertEqual([part.name for part in recipe.scorers], ["blend"])
        self.assertEqual(recipe.selector.name, "top")

    def test_the_weights_of_rules_v1_reach_its_parts(self) -> None:
        """What the file says is what the part has."""
        parsed = tomllib.loads(files("headrace.serving.recipes").joinpath("rules-v1.toml").read_text())
        recipe = recipes.named("rules-v1")
        for spec, part in zip(parsed["sources"] + parsed["scorers"], (*recipe.sources, *recipe.scorers), strict=True):
            for weight, value in spec.items():
                if weight != "part":
                    self.assertEqual(getattr(part, weight), value)


class Errors(unittest.TestCase):
    """A bad recipe says where it is bad and what could stand there."""

    def teaches(self, text: str, *words: str) -> None:
        """Assert that making this recipe fails with a message that has all these words."""
        with self.assertRaises(RecipeError) as caught:
            recipes.read("mine", text)
        for word in ("mine", *words):
            self.assertIn(word, str(caught.exception))

    def test_an_unknown_recipe_names_those_there_are(self) -> None:
        """Asked for rules-v9, the answer lists rules-v1."""
        with self.assertRaisesRegex(RecipeError, "rules-v9.*rules-v1"):
            recipes.named("rules-v9")
        with self.assertRaises(RecipeError):
            recipes.named("../rules-v1")

    def test_text_that_is_no_toml_says_so(self) -> None:
        """With the line that the parser stopped at."""
        self.teaches("[[sources]\n", "TOML", "line 1")

    def test_an_unknown_place_names_the_places(self) -> None:
        """A misspelt table is not passed over."""
        self.teaches(PLAIN.replace("[[filters]]", "[[filter]]"), "unknown filter", "filters")

    def test_an_unknown_part_names_the_parts(self) -> None:
        """So is a part that does not exist, or has no name, or stands in the wrong place."""
        self.teaches(PLAIN.replace('"co_visitation"', '"covisitation"'), "sources", "'covisitation'", "co_visitation")
        self.teaches(PLAIN.replace('part = "seen"', ""), "filters", "seen")
        self.teaches(PLAIN.replace('"seen"', '"popularity"'), "filters", "seen")
        self.teaches(PLAIN.replace('"seen"', "[1]"), "filters", "seen")

    def test_an_unknown_weight_names_the_weights(self) -> None:
        """A misspelt weight would otherwise change nothing in silence."""
        self.teaches(PLAIN.replace("smoothing", "smothing"), "co_visitation", "'smothing'", "smoothing")
        self.teaches(PLAIN.replace('part = "top"', 'part = "top"\nname = "best"'), "top", "'name'")

    def test_a_weight_must_be_a_number_that_makes_sense(self) -> None:
        """No text, truth value, half item, negative number, infinity or no-number."""
        for bad, word in (
            ('"5"', "number"), ("true", "number"), ("5.5", "whole"), ("-1", "negative"), ("inf", "finite"), ("nan", "finite"),
        ):  # fmt: skip
            self.teaches(PLAIN.replace("history = 5", f"history = {bad}"), "co_visitation: history", word)

    def test_a_recipe_needs_sources_and_a_selector(self) -> None:
        """Without one of them there is nothing to show."""
        self.teaches('[selector]\npart = "top"\n', "sources", "selector")
        self.teaches(PLAIN.replace('[selector]\npart = "top"', ""), "selector")

    def test_a_part_must_be_a_table(self) -> None:
        """Lists of numbers, or one table where a list belongs, are told apart from parts."""
        self.teaches('sources = [1]\n[selector]\npart = "top"\n', "sources", "table")
        self.teaches('sources = {part = "popularity"}\n[selector]\npart = "top"\n', "[[sources]]")
        self.teaches('selector = "top"\n' + PLAIN.replace('[selector]\npart = "top"', ""), "selector", "table")


if __name__ == "__main__":
    unittest.main()
