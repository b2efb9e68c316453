"""An item's strongest neighbours, and the picture that keeps them: merged by maximum."""

import random
import unittest

from hypothesis import given
from hypothesis import strategies as st

from headrace.features.changes import Changes, ItemState, PairState
from headrace.features.projection import Rules
from headrace.features.settings import FeatureSettings
from headrace.snapshot.neighbours import Neighbours, empty
from headrace.snapshot.picture import MOST_POPULAR, Picture
from tests.support.properties import examples


def kept(neighbours: Neighbours) -> dict[int, tuple[float, int]]:
    """Return each neighbour's strength and meetings."""
    found = zip(neighbours.items.tolist(), neighbours.strengths.tolist(), neighbours.meetings.tolist(), strict=True)
    return {item: (strength, meetings) for item, strength, meetings in found}


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
        neighbours = empty()
        size = 0
        for item, strength, meetings in told:
            size += neighbours.put(item, strength, meetings, most=most)
        largest: dict[int, float] = {}
        for item, strength, _ in news:
            largest[item] = max(largest.get(item, 0), strength)
        strongest = dict(sorted(largest.items(), key=lambda one: -one[1])[:most])
        self.assertEqual({item: strength for item, (strength, _) in kept(neighbours).items()}, strongest)
        self.assertEqual(size, len(neighbours))

    @examples(100)
    @given(NEWS)
    def test_in_order_the_counts_of_meetings_are_the_latest(self, news: list[tuple[int, float, int]]) -> None:
        """Told in order, each neighbour that is kept has the meetings that were told last."""
        neighbours = empty()
        for item, strength, meetings in news:
            neighbours.put(item, strength, meetings, most=4)
        latest = {item: (strength, meetings) for item, strength, meetings in news}
        self.assertEqual(kept(neighbours), {item: latest[item] for item in kept(neighbours)})

    def test_a_full_list_gives_the_weakest_place_to_a_stronger_one_only(self) -> None:
        """Of 5 and 3, a 4 takes the place of the 3; a 2 takes none."""
        neighbours = empty()
        for item, strength in ((1, 5.0), (2, 3.0), (3, 4.0), (4, 2.0)):
            neighbours.put(item, strength, 1, most=2)
        self.assertEqual(kept(neighbours), {1: (5.0, 1), 3: (4.0, 1)})


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

    def test_the_position_is_the_version_under_names(self) -> None:
        """What goes into impressions has texts for keys."""
        picture = self.picture()
        picture.version = {0: 5, 3: 1}
        self.assertEqual(picture.position(), {"0": 5, "3": 1})


if __name__ == "__main__":
    unittest.main()
