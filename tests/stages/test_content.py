"""What the catalogue says of items, as a source, a scorer and a filler; and how it gives way to events."""

import unittest
from typing import ClassVar

import numpy as np
from msgspec.structs import replace

from headrace import pipeline
from headrace.events.items import Item
from headrace.events.types import Event
from headrace.features.changes import CatalogueState
from headrace.pipeline import Query, Scorer, Source
from headrace.ranking.likeness import Likeness
from headrace.retrieval.categories import Categories
from headrace.retrieval.content import Content
from headrace.serving import recipes
from headrace.snapshot.picture import Picture
from tests.explaining.worlds import added_up, told
from tests.features.worlds import act
from tests.stages.promises import ScorerPromises, SourcePromises
from tests.stages.worlds import ask, candidates, checkerboard, colour_of_board, colours, described, names, picture_of

COLD = recipes.named("cold")
TOLD = described(picture_of(checkerboard()), colours())
CAMP = {
    "tent": Item(title="Red tent", categories=["camp"]),
    "new tent": Item(title="Blue tent", categories=["camp"]),
    "novel": Item(title="A novel", categories=["books"]),
    "atlas": Item(title="An atlas", categories=["books"]),
}


def camp(*events: Event) -> Picture:
    """Return a picture of these events, and of the catalogue of tents and books."""
    return described(picture_of(events), CAMP)


def shown(picture: Picture, query: Query, recipe: str = "cold") -> list[str]:
    """Return the answer."""
    return names(picture, pipeline.run(recipes.named(recipe), picture, query).items)


class ToldBoard(SourcePromises):
    """The promises of a source, where the catalogue says something of the board as well."""

    def test_the_promises_hold_where_the_catalogue_speaks(self) -> None:
        """Whoever asks, of squares that are known or not."""
        for query in (ask(), ask("a1"), ask("e5", "a1", k=30), ask("nowhere"), ask("b1", exclude={"a1"}, k=1)):
            for asked in (query, replace(query, categories=("black", "none")), replace(query, categories=("white",))):
                self.proposals(TOLD, asked)

    def proposed(self, query: Query, picture: Picture = TOLD) -> dict[str, float]:
        """Return the proposals by name."""
        items, scores = self.proposals(picture, query)
        return dict(zip(names(picture, items), scores, strict=True))


class ContentSource(ToldBoard, unittest.TestCase):
    """Items that are alike."""

    source: ClassVar[Source] = Content(most=5)

    def test_an_item_without_events_is_proposed_by_what_it_is_like(self) -> None:
        """The new square is black, as that which the user was on; it comes before all that events speak for."""
        found = self.proposed(ask("a1"), described(picture_of(checkerboard()), colours()))
        self.assertLessEqual(set(found) - {"e5"}, set(colour_of_board(0)))
        everything = names(TOLD, Content().propose(TOLD, ask("a1"))[0])
        self.assertIn("e5", everything)

    def test_events_of_its_own_take_over(self) -> None:
        """With as many events as kappa says, likeness counts for half; with many, for next to nothing."""
        scores = []
        for visits in (0, 5, 95):
            events = [act(f"u{number}", "new tent", number * 500) for number in range(visits)]
            picture = camp(act("ada", "tent", 0), *events)
            items, found = Content(kappa=5.0).propose(picture, ask("tent"))
            scores.append(dict(zip(names(picture, items), found.tolist(), strict=True))["new tent"])
        self.assertAlmostEqual(scores[1], scores[0] / 2)
        self.assertAlmostEqual(scores[2], scores[0] / 20)

    def test_what_nothing_is_said_of_speaks_for_nothing(self) -> None:
        """It takes no place among those who speak either."""
        picture = camp(act("ada", "thing", 0))
        self.assertEqual(self.proposed(ask("thing"), picture), {})
        both, alone = self.proposed(ask("thing", "tent"), picture), self.proposed(ask("tent"), picture)
        self.assertEqual(both, alone)

    def test_a_hidden_item_takes_no_place_among_the_alike(self) -> None:
        """Asked for one, the source names one that may be shown, the moment that changes."""
        picture = camp()
        one = Content(most=1)
        catalogue = {**CAMP, "old tent": Item(title="Red tent", categories=["camp"])}
        described(picture, catalogue)
        self.assertEqual(names(picture, one.propose(picture, ask("tent"))[0]), ["old tent"])
        picture.catalogue.put([_state("old tent", replace(catalogue["old tent"], available=False))])
        self.assertEqual(names(picture, one.propose(picture, ask("tent"))[0]), ["new tent"])

    def test_weights_that_mean_nothing_are_refused(self) -> None:
        """In one line that names the part."""
        with self.assertRaisesRegex(recipes.RecipeError, "content: kappa must be larger than 0"):
            recipes.read("odd", recipes.text_of("cold").replace("kappa = 5.0", "kappa = 0.0"))


class CategoriesSource(ToldBoard, unittest.TestCase):
    """What is liked in the categories that are looked at."""

    source: ClassVar[Source] = Categories()

    def test_only_items_of_these_categories_are_proposed_those_with_events_first(self) -> None:
        """White squares for white; for black also the new one, last."""
        white = self.proposed(replace(ask(k=30), categories=("white",)))
        black = self.proposed(replace(ask(k=30), categories=("black",)))
        self.assertEqual(set(white), set(colour_of_board(1)))
        self.assertEqual((set(black), list(black)[-1], black["e5"]), ({*colour_of_board(0), "e5"}, "e5", 0.0))

    def test_without_categories_there_is_nothing(self) -> None:
        """And nothing for a category that nobody knows."""
        self.assertEqual(self.proposed(ask()), {})
        self.assertEqual(self.proposed(replace(ask(), categories=("pink",))), {})


class LikenessScorer(ScorerPromises, unittest.TestCase):
    """Content beside events."""

    scorer: ClassVar[Scorer] = Likeness(share=0.5)

    def test_likeness_is_added_to_what_events_say(self) -> None:
        """The tent that is alike gains on the novel that is not."""
        picture = camp(act("ada", "tent", 0))
        before = candidates(picture, {"new tent": 0.25, "novel": 0.25})
        after = self.scorer.score(picture, ask("tent"), before)
        self.assertGreater(after[0], 0.25)
        self.assertEqual(after[1], 0.25)

    def test_what_content_itself_brought_is_weighed_once(self) -> None:
        """Its score is that of the source, times the share."""
        picture = camp(act("ada", "tent", 0))
        before = candidates(picture, {"new tent": 0.5}, source="content")
        self.assertEqual(self.scorer.score(picture, ask("tent"), before).tolist(), [0.25])


class Cold(unittest.TestCase):
    """The recipe as a whole, and similar items."""

    def test_an_item_is_shown_before_anybody_has_been_at_it(self) -> None:
        """By the recipe for it; the default one knows nothing of it."""
        picture = camp(act("ada", "tent", 0))
        self.assertIn("new tent", shown(picture, ask("tent")))
        self.assertEqual(shown(picture, ask("tent"), "default"), [])

    def test_similar_answers_for_an_item_without_events_by_what_it_is_like(self) -> None:
        """For one with events, what met it stands first."""
        self.assertEqual(shown(camp(), ask("new tent"), "similar"), ["tent"])
        picture = camp(act("ada", "tent", 0), act("ada", "novel", 1))
        self.assertEqual(shown(picture, ask("tent"), "similar"), ["novel", "new tent"])

    def test_a_stranger_is_shown_what_is_liked_in_what_they_look_at(self) -> None:
        """Books first, known or not; the popular tent fills up behind."""
        picture = camp(act("ada", "tent", 0), act("bob", "tent", 9), act("eve", "atlas", 1))
        self.assertEqual(shown(picture, replace(ask(), categories=("books",))), ["atlas", "novel", "tent"])
        self.assertEqual(shown(picture, ask()), ["tent", "atlas"])

    def test_every_score_adds_up_to_its_reasons(self) -> None:
        """For users with and without events, in every recipe that uses content."""
        picture = camp(act("ada", "tent", 0), act("ada", "novel", 1), act("bob", "new tent", 2), act("bob", "novel", 3))
        for recipe in (COLD, recipes.named("similar")):
            for query in (ask("tent"), ask("novel", "tent"), replace(ask(), categories=("books", "camp"))):
                found = told(recipe, picture, query)
                for one in found.reasons:
                    np.testing.assert_allclose(added_up(one.did), one.score, rtol=1e-9, atol=1e-12)

    def test_the_reason_names_the_item_and_what_both_share(self) -> None:
        """In words that a shop can show."""
        (reason,) = (one for one in told(COLD, camp(act("ada", "tent", 0)), ask("tent")).reasons if one.item_id == "new tent")
        self.assertIn("By what the catalogue says of it, it is like 'tent' of yours.", reason.words)
        (because,) = reason.because
        self.assertEqual((because.item_id, because.words), ("tent", "it is like 'tent' by its title or text and its category"))


def _state(item_id: str, item: Item) -> CatalogueState:
    return CatalogueState(item_id, 2, item)


if __name__ == "__main__":
    unittest.main()
