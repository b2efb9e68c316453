"""Items that are alike to the user's recent ones by what the catalogue says of them: for those that events say little of."""

from dataclasses import dataclass

from headrace.features.content import ATTRIBUTE, CATEGORY, WORD
from headrace.pipeline import Numbers, Query, Scores, Step
from headrace.pipeline.kin import Kin, Voice
from headrace.reasons import Factor, Figure, Reason, Term, proposed
from headrace.snapshot.picture import Picture


@dataclass(frozen=True, slots=True)
class Content:
    """Proposes items by the score of ``pipeline.kin``; ``kappa`` events halve it.

    Where events speak for items too, the scorer ``likeness`` brings both together.
    """

    history: int = 5
    recency: float = 1.0
    most: int = 50
    kappa: float = 5.0
    name: str = "content"

    def __post_init__(self) -> None:
        """Refuse weights that mean nothing."""
        if self.kappa <= 0 or self.most < 1:
            raise ValueError("kappa must be larger than 0, and most at least 1")

    def propose(self, picture: Picture, query: Query) -> tuple[Numbers, Scores]:
        """Return the items that are alike to the query's recent ones, scored in 0..1."""
        return self._kin.found(picture, query.numbers(picture))

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return which of the recent items an item is like, and by what; or that it is like none."""
        said = self._kin.voices(picture, query.numbers(picture), item)
        if step.after.place(item) is None:
            if not picture.catalogue.content.tells(item):
                return Reason(proposed.says_nothing())
            return Reason(proposed.like_none(), figures={"history": self.history, "most": self.most})
        terms = [term_of(picture, voice, item) for voice in said]
        alike = [term.item_id for term in sorted(terms, key=lambda term: -term.adds) if term.item_id is not None]
        return Reason(proposed.alike(alike), terms, [trusted(picture, self._kin, item)])

    @property
    def _kin(self) -> Kin:
        return Kin(self.history, self.recency, self.most, self.kappa)


def term_of(picture: Picture, voice: Voice, item: int) -> Term:
    """Return what a recent item's likeness adds, with what the two share."""
    _, kinds = picture.catalogue.content.between(voice.speaker, item)
    figures: dict[str, Figure] = {
        "likeness": voice.likeness,
        "rank": voice.rank,
        "words": kinds.get(WORD, 0),
        "categories": _shared(picture, voice.speaker, item),
        "attributes": kinds.get(ATTRIBUTE, 0),
    }
    name = picture.ids[voice.speaker]
    by = proposed.by(kinds.get(WORD, 0), kinds.get(CATEGORY, 0), kinds.get(ATTRIBUTE, 0))
    return Term(name="likeness", adds=voice.adds, words=proposed.like(name, by), item_id=name, figures=figures)


def trusted(picture: Picture, kin: Kin, item: int) -> Factor:
    """Return how much content still counts for an item."""
    return Factor(name="few_events", times=kin.trust(picture, item), words=proposed.few_events(int(picture.events[item])))


def _shared(picture: Picture, one: int, other: int) -> list[str]:
    attributes = picture.catalogue.attributes
    mine, theirs = attributes.value("categories", one), attributes.value("categories", other)
    return sorted(set(mine) & set(theirs)) if isinstance(mine, list) and isinstance(theirs, list) else []
