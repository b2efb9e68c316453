"""An item's strongest neighbours, and the picture that keeps them: merged by maximum."""

import random
import unittest
from itertools import permutations
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.features.changes import Changes, ItemState, PairState
from headrace.features.projection import Rules
from headrace.features.settings import FeatureSettings
from headrace.snapshot import neighbours
from headrace.snapshot import picture as module
from headrace.snapshot.neighbours import Beside, Neighbours
from headrace.snapshot.picture import MOST_POPULAR, Picture
from tests.support.properties import examples


def kept(neighbours: Beside) -> dict[int, tuple[float, int]]:
    """Return each neighbour's strength and meetings."""
    found = zip(neighbours.items.tolist(), neighbours.strengths.tolist(), neighbours.meetings.tolist(), strict=True)
    return {item: (strength, meetings) for item, strength, meetings in found}


class Alone:
    """A pool that is told of one item's neighbours only; it has the number 10, they have smaller ones."""

    def __init__(self, most: int) -> None:
        self.pool = Neighbours(most=most)
        self.pool.room_for(11)

    def put(self, item: int, strength: float, meetings: int) -> None:
        """Tell of one neighbour; the way back is of no interest."""
        whole = np.array([item], np.int32), np.array([10], np.int32), np.array([meetings], np.int32)
        self.pool.merge(*whole, np.array([0.5]), np.array([strength]))

    @property
    def neighbours(self) -> Beside:
        """Return the item's neighbours."""
        return self.pool.of(10)


def growing(news: list[tuple[int, int]]) -> list[tuple[int, float, int]]:
    """Turn (item, growth) into absolute values that only grow, as the tables send them."""
    strength: dict[int, int] = {}
    states = []
    for number, (item, growth) in enumerate(news):
        # A fraction of its own for every item, so that no two are ever equally strong.
        strength[item] = strength.get(item, 0) + growth
        states.append((item, strength[item] + item / 100, number + 1))
    return states


NEWS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), max_size=40).map(growing)


class OneItem(unittest.TestCase):
    """The neighbours of one item."""

    @examples(200)
    @given(NEWS, st.integers(1, 6), st.randoms(use_true_random=False))
    def test_the_strongest_are_kept_in_whatever_order_news_arrive_and_however_often(
        self, news: list[tuple[int, float, int]], most: int, chance: random.Random
    ) -> None:
        """Late, shuffled or repeated: what is kept is the largest known of each, the ``most`` strongest of them."""
        told = [*news, *news[::2]]
        chance.shuffle(told)
        alone = Alone(most)
        for item, strength, meetings in told:
            alone.put(item, strength, meetings)
        largest: dict[int, float] = {}
        for item, strength, _ in news:
            largest[item] = max(largest.get(item, 0), strength)
        strongest = dict(sorted(largest.items(), key=lambda one: -one[1])[:most])
        self.assertEqual({item: strength for item, (strength, _) in kept(alone.neighbours).items()}, strongest)
        self.assertEqual(len(alone.pool), len(strongest) + len(largest))

    @examples(100)
    @given(NEWS)
    def test_in_order_the_counts_of_meetings_are_the_latest(self, news: list[tuple[int, float, int]]) -> None:
        """Told in order, each neighbour that is kept has the meetings that were told last."""
        alone = Alone(4)
        for item, strength, meetings in news:
            alone.put(item, strength, meetings)
        latest = {item: (strength, meetings) for item, strength, meetings in news}
        found = kept(alone.neighbours)
        self.assertEqual(found, {item: latest[item] for item in found})

    def test_a_full_list_gives_the_weakest_place_to_a_stronger_one_only(self) -> None:
        """Of 5 and 3, a 4 takes the place of the 3; a 2 takes none."""
        alone = Alone(2)
        for item, strength in ((1, 5.0), (2, 3.0), (3, 4.0), (4, 2.0)):
            alone.put(item, strength, 1)
        self.assertEqual(kept(alone.neighbours), {1: (5.0, 1), 3: (4.0, 1)})

    def test_of_equally_strong_ones_the_smaller_numbers_stay_in_whatever_order_they_came(self) -> None:
        """Five of strength 1 and room for three: 0, 1 and 2 stay."""
        for order in permutations(range(5)):
            alone = Alone(3)
            for item in order:
                alone.put(item, 1.0, 1)
            self.assertEqual(set(kept(alone.neighbours)), {0, 1, 2})


class OnePool(unittest.TestCase):
    """All items' neighbours together, against a plain dict."""

    @examples(150)
    @given(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 9)), max_size=400),
        st.integers(1, 12),
        st.integers(1, 50),
    )
    def test_ranges_move_grow_and_close_up_and_lose_nothing(
        self, meetings: list[tuple[int, int, int]], most: int, at_once: int
    ) -> None:
        """With a pool that begins with hardly any room and closes up in tiny steps: what a dict would hold, within its room."""
        with patch.multiple(neighbours, SMALLEST=1, AT_ONCE=at_once):
            pool = Neighbours(most=most)
            pool.room_for(31)
            strongest: dict[int, dict[int, tuple[float, int]]] = {number: {} for number in range(31)}
            sums: dict[tuple[int, int], tuple[float, int]] = {}
            for low, high, growth in meetings:
                if low == high:
                    continue
                for one, other in ((low, high), (high, low)):
                    strength, count = sums.get((one, other), (one / 100 + other / 10_000, 0))
                    sums[one, other] = strongest[one][other] = (strength + growth, count + 1)
                whole = np.array([low], np.int32), np.array([high], np.int32), np.array([sums[low, high][1]], np.int32)
                pool.merge(*whole, np.array([sums[low, high][0]]), np.array([sums[high, low][0]]))
            for _ in range(2):
                for number, beside in strongest.items():
                    best = dict(sorted(beside.items(), key=lambda one: -one[1][0])[:most])
                    self.assertEqual(kept(pool.of(number)), best)
                self.assertEqual(len(pool), sum(min(most, len(beside)) for beside in strongest.values()))
                pool.tighten()
            rooms = sum(1 + min(most, len(beside) + len(beside) // 8 + 2) for beside in strongest.values() if beside)
            self.assertLessEqual(pool.places, rooms)


class Pictures(unittest.TestCase):
    """The picture made by news or by loading."""

    def picture(self, most: int = 3) -> Picture:
        """Return an empty picture."""
        return Picture(1, Rules(FeatureSettings(), 0), most_neighbours=most)

    def told(self, picture: Picture) -> dict[str, object]:
        """Return what a picture holds, by names."""
        return {
            name: (
                int(picture.events[number]),
                int(picture.weight[number]),
                float(picture.decayed[number]),
                float(picture.visits[number]),
                {picture.ids[one]: values for one, values in kept(picture.neighbours(number)).items()},
            )
            for name, number in picture.numbers.items()
        }

    @examples(100)
    @given(
        st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("fghij"), st.integers(1, 5)), max_size=30),
        st.randoms(use_true_random=False),
    )
    def test_news_in_any_order_and_repeated_make_one_picture(
        self, meetings: list[tuple[str, str, int]], chance: random.Random
    ) -> None:
        """Batches applied in order, or shuffled and twice, or the last state loaded at once: the same picture."""
        items: dict[str, int] = {}
        pairs: dict[tuple[str, str], int] = {}
        batches = []
        for low, high, growth in meetings:
            for item in (low, high):
                items[item] = items.get(item, 0) + growth
            pairs[low, high] = pairs.get((low, high), 0) + growth
            # The two ends' names make strengths of their own, so that there is never a tie to break.
            strength = pairs[low, high] + ord(low) / 1000 + ord(high) / 100_000
            batches.append(
                Changes(
                    [],
                    growth,
                    [ItemState(item, items[item], 2 * items[item], items[item] / 2, items[item] / 4) for item in (low, high)],
                    [PairState(low, high, pairs[low, high], strength, strength / 2)],
                    [],
                )
            )
        in_order, shuffled = self.picture(), self.picture()
        for batch in batches:
            in_order.apply(batch)
        twice = batches * 2
        chance.shuffle(twice)
        for batch in twice:
            shuffled.apply(batch)
        strengths = [{name: (*told[:4], {n: s for n, (s, _) in told[4].items()}) for name, told in self.told(p).items()}  # type: ignore[index]
                     for p in (in_order, shuffled)]  # fmt: skip
        self.assertEqual(*strengths)
        self.assertEqual(in_order.pairs, shuffled.pairs)
        self.assertEqual(in_order.newest_ts_ms, shuffled.newest_ts_ms)

    def test_popular_items_are_those_of_the_largest_decayed_weight(self) -> None:
        """Best first, equals by number, at most a thousand; news reorder them."""
        picture = self.picture()
        picture.put_items([ItemState(f"item-{n}", 1, 1, float(n % 700), 1.0) for n in range(1500)])
        popular = picture.popular().tolist()
        wanted = sorted(range(1500), key=lambda number: (-(number % 700), number))[:MOST_POPULAR]
        self.assertEqual(popular, wanted)
        picture.apply(Changes([], 5, [ItemState("item-7", 2, 2, 1e6, 1.0)], [], []))
        self.assertEqual(picture.popular()[0], 7)

    @examples(60)
    @given(st.lists(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), max_size=12), max_size=12))
    def test_whatever_grows_the_list_of_popular_items_is_what_sorting_would_give(
        self, news: list[list[tuple[int, int]]]
    ) -> None:
        """A list of ten, kept batch by batch, against all items sorted anew."""
        with patch.object(module, "MOST_POPULAR", 10):
            picture = self.picture()
        sums: dict[int, int] = {}
        for batch in news:
            for item, growth in batch:
                sums[item] = sums.get(item, 0) + growth
            picture.put_items([ItemState(f"item-{item}", 1, 1, float(sums[item]), 1.0) for item, _ in batch])
            decayed = picture.decayed
            self.assertEqual(
                picture.popular().tolist(), sorted(range(len(picture)), key=lambda number: (-decayed[number], number))[:10]
            )

    def test_the_position_is_the_version_under_names(self) -> None:
        """What goes into impressions has texts for keys."""
        picture = self.picture()
        picture.version = {0: 5, 3: 1}
        self.assertEqual(picture.position(), {"0": 5, "3": 1})


if __name__ == "__main__":
    unittest.main()
