"""What every stage promises, written once for each kind; the test of each stage inherits it."""

from typing import ClassVar

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.events.types import Event
from headrace.pipeline import Candidates, Filter, Query, Scorer, Selector, Source
from headrace.snapshot.picture import Picture
from tests.features.worlds import ITEMS, streams
from tests.stages.worlds import ask, checkerboard, colour_of_board, picture_of
from tests.support.properties import examples

BOARD = picture_of(checkerboard())
EMPTY = picture_of([])
SQUARES = colour_of_board(0) + colour_of_board(1)

PICTURES = st.just(BOARD) | st.just(EMPTY) | streams(users=2).map(picture_of)
QUERIES = st.builds(
    lambda items, k, exclude: ask(*items, k=k, exclude=exclude),
    st.lists(st.sampled_from([*ITEMS, *SQUARES, "unheard-of"]), max_size=6),
    st.integers(1, 30),
    st.sets(st.sampled_from([*ITEMS, *SQUARES, "unheard-of"]), max_size=3),
)


@st.composite
def lists_of(draw: st.DrawFn, picture: Picture) -> Candidates:
    """Return candidates of a picture in any order, with scores of 0..1 and one of two sources each."""
    order = draw(st.permutations(range(len(picture))))
    numbers = np.array(order[: draw(st.integers(0, len(picture)))], np.int32)
    size = len(numbers)
    scores = np.array(draw(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=size, max_size=size)), np.float64)
    source = np.array(draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)), np.int8)
    return Candidates(numbers, scores, source, ("co_visitation", "popularity"))


def nothing() -> Candidates:
    """Return no candidates at all."""
    return Candidates(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int8), ("co_visitation", "popularity"))


class SourcePromises:
    """Inherited by the test of each source."""

    source: ClassVar[Source]

    def proposals(self, picture: Picture, query: Query) -> tuple[list[int], list[float]]:
        """Return what the source proposes, as lists, checked for what holds of every proposal."""
        items, scores = self.source.propose(picture, query)
        assert items.dtype == np.int32
        assert len(items) == len(scores)
        assert np.isfinite(scores).all()
        assert (scores >= 0).all()
        assert len(set(items.tolist())) == len(items)
        assert all(0 <= item < len(picture) for item in items.tolist())
        return items.tolist(), scores.tolist()

    @examples(60)
    @given(PICTURES, QUERIES)
    def test_proposals_are_known_items_none_twice_with_scores_of_at_least_zero(self, picture: Picture, query: Query) -> None:
        """Whatever the world and whoever asks, proposals are items of the picture, each once, finite and not negative."""
        self.proposals(picture, query)

    @examples(30)
    @given(PICTURES, QUERIES)
    def test_the_same_question_gets_the_same_proposals(self, picture: Picture, query: Query) -> None:
        """A source is pure."""
        assert self.proposals(picture, query) == self.proposals(picture, query)

    def test_an_empty_picture_proposes_nothing(self) -> None:
        """Before the first event there is nothing to propose, even to somebody with a history."""
        assert self.proposals(EMPTY, ask("a1", "b2")) == ([], [])

    def test_items_of_the_history_that_nobody_knows_change_nothing(self) -> None:
        """A history of unknown items alone proposes first what no history at all does."""
        stranger, nobody = self.proposals(BOARD, ask("nowhere", "nothing"))[0], self.proposals(BOARD, ask())[0]
        assert stranger[: len(nobody)] == nobody

    @examples(40)
    @given(streams(users=2), QUERIES)
    def test_extreme_times_leave_scores_finite(self, events: list[Event], query: Query) -> None:
        """With sums at the very ends of what is stored, scores are still numbers."""
        picture = picture_of(events)
        for scale in (2.0**900, 2.0**-900):
            picture.decayed[:] = picture.decayed * scale
            picture.visits[:] = picture.visits * scale
            self.proposals(picture, query)
            picture.decayed[:] = picture.decayed / scale
            picture.visits[:] = picture.visits / scale


class FilterPromises:
    """Inherited by the test of each filter."""

    filter: ClassVar[Filter]

    def allowed(self, picture: Picture, query: Query, given_list: Candidates) -> NDArray[np.bool_]:
        """Return the filter's mask, all true where it has none, checked for what holds of every mask."""
        mask = self.filter.allow(picture, query, given_list)
        if mask is None:
            return np.ones(len(given_list), np.bool_)
        assert mask.dtype == np.bool_
        assert mask.shape == (len(given_list),)
        return mask

    @examples(60)
    @given(PICTURES, QUERIES, st.data())
    def test_a_mask_is_as_long_as_the_candidates(self, picture: Picture, query: Query, data: st.DataObject) -> None:
        """One truth value a candidate: nothing is added, and what stays keeps its order, score and source."""
        given_list = data.draw(lists_of(picture))
        mask = self.allowed(picture, query, given_list)
        kept = given_list.keep(mask)
        assert [item for item in given_list.items.tolist() if item in set(kept.items.tolist())] == kept.items.tolist()

    @examples(30)
    @given(PICTURES, QUERIES, st.data())
    def test_the_verdict_on_an_item_does_not_depend_on_its_neighbours(
        self, picture: Picture, query: Query, data: st.DataObject
    ) -> None:
        """An item that may be shown may be shown in any list."""
        given_list = data.draw(lists_of(picture))
        mask = self.allowed(picture, query, given_list)
        for place in range(len(given_list)):
            alone = given_list.keep(np.array([place]))
            assert self.allowed(picture, query, alone).tolist() == [mask[place]]

    def test_no_candidates_are_no_trouble(self) -> None:
        """An empty list has an empty mask, in a world full or empty."""
        for picture in (BOARD, EMPTY):
            assert len(self.allowed(picture, ask("a1", "nowhere", exclude={"b2"}), nothing())) == 0


class ScorerPromises:
    """Inherited by the test of each scorer."""

    scorer: ClassVar[Scorer]

    @examples(60)
    @given(PICTURES, QUERIES, st.data())
    def test_scores_are_finite_and_as_many_as_the_candidates(self, picture: Picture, query: Query, data: st.DataObject) -> None:
        """One finite number a candidate, and the same when asked again."""
        given_list = data.draw(lists_of(picture))
        scores = self.scorer.score(picture, query, given_list)
        assert scores.shape == (len(given_list),)
        assert np.isfinite(scores).all()
        assert np.array_equal(scores, self.scorer.score(picture, query, given_list))

    def test_no_candidates_have_no_scores(self) -> None:
        """An empty list gives an empty list, in a world full or empty."""
        for picture in (BOARD, EMPTY):
            assert len(self.scorer.score(picture, ask("a1"), nothing())) == 0


class SelectorPromises:
    """Inherited by the test of each selector."""

    selector: ClassVar[Selector]

    @examples(60)
    @given(PICTURES, QUERIES, st.data())
    def test_at_most_k_are_chosen_none_twice_best_first(self, picture: Picture, query: Query, data: st.DataObject) -> None:
        """Indices of candidates, as many as there are but at most k, scores never rising, and the same when asked again."""
        given_list = data.draw(lists_of(picture))
        chosen = self.selector.select(picture, query, given_list)
        assert len(chosen) == min(query.k, len(given_list))
        assert len(set(chosen.tolist())) == len(chosen)
        assert all(0 <= place < len(given_list) for place in chosen.tolist())
        scores = given_list.scores[chosen].tolist()
        assert scores == sorted(scores, reverse=True)
        assert chosen.tolist() == self.selector.select(picture, query, given_list).tolist()

    def test_of_no_candidates_none_is_chosen(self) -> None:
        """An empty list stays empty."""
        assert len(self.selector.select(BOARD, ask("a1"), nothing())) == 0
