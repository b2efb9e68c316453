"""Which candidates may not be shown."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headrace.expressions import read
from headrace.kernels import lists
from headrace.pipeline import Candidates, Numbers, Query, Step
from headrace.reasons import Reason, filtered
from headrace.snapshot.picture import Picture

NOBODY: Final[Numbers] = np.empty(0, np.int32)


class _Few(ABC):
    """Leaves out the few items that a filter names."""

    name: str

    @abstractmethod
    def hides(self, picture: Picture, query: Query) -> Numbers:
        """Return the items that may not be shown."""

    def allow(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.bool_] | None:
        """Return true for candidates that are not hidden; None where nothing is."""
        few = self.hides(picture, query)
        return lists.absent(candidates.items, few) if len(few) else None

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return why the filter does not let an item stay, or that it does."""
        return self._said(picture, item) if item in self.hides(picture, query) else Reason(filtered.passes(self.name))

    @abstractmethod
    def _said(self, picture: Picture, item: int) -> Reason:
        """Return what is said of an item that it hides."""


@dataclass(frozen=True, slots=True)
class Seen(_Few):
    """Leaves out what the user has consumed lately, as far back as the history reaches."""

    name: str = "seen"

    def hides(self, picture: Picture, query: Query) -> Numbers:
        """Return the user's history."""
        return query.numbers(picture)

    def _said(self, picture: Picture, item: int) -> Reason:
        return Reason(filtered.seen(), about=picture.ids[item])


@dataclass(frozen=True, slots=True)
class Latest(_Few):
    """Leaves out the item of the user's newest event alone: where revisits are wanted, they are still looking at that one."""

    name: str = "latest"

    def hides(self, picture: Picture, query: Query) -> Numbers:
        """Return that item."""
        return query.numbers(picture)[:1]

    def _said(self, picture: Picture, item: int) -> Reason:
        return Reason(filtered.latest(), about=picture.ids[item])


@dataclass(frozen=True, slots=True)
class Excluded(_Few):
    """Leaves out what the request asks to leave out."""

    name: str = "excluded"

    def hides(self, picture: Picture, query: Query) -> Numbers:
        """Return what the request excludes."""
        if not query.exclude:
            return NOBODY
        return np.array([picture.numbers.get(item_id, -1) for item_id in query.exclude], np.int32)

    def _said(self, picture: Picture, item: int) -> Reason:
        return Reason(filtered.excluded())


@dataclass(frozen=True, slots=True)
class Where:
    """Leaves out everything of which an expression over items' attributes is not true; what it cannot compare is not."""

    expression: str = "true"
    name: str = "where"

    def __post_init__(self) -> None:
        """Read it, so that a mistake shows when the recipe is made. Raises ``ExpressionError``."""
        read(self.expression)

    def allow(self, picture: Picture, query: Query, candidates: Candidates) -> NDArray[np.bool_] | None:
        """Return true for candidates of which the expression is true."""
        return read(self.expression).of(picture.catalogue.attributes, candidates.items, query.given, strict=False)

    def explain(self, picture: Picture, query: Query, step: Step, item: int) -> Reason:
        """Return whether the expression is true of an item, with what it looks at."""
        only, attributes = read(self.expression), picture.catalogue.attributes
        true = only.of(attributes, np.array([item], np.int32), query.given, strict=False)[0]
        values = only.values(attributes, item)
        said = filtered.passes(self.name) if true else filtered.not_true("the recipe", only.text.strip(), values)
        return Reason(said, figures=dict(values))
