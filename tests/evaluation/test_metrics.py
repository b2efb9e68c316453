"""The metrics, by hand."""

import unittest
from math import log2

import numpy as np

from headrace.evaluation import metrics

RANKS = np.array([1, 0, 4, 2], np.int32)
"""Four predictions: found first, missed, found fourth, found second."""


class Metrics(unittest.TestCase):
    """Each worked out on paper."""

    def test_the_hit_rate_is_the_share_that_was_found(self) -> None:
        """Three of four within 20, two within 2, one within 1."""
        self.assertEqual([metrics.hit_rate(RANKS, k) for k in (20, 2, 1)], [0.75, 0.5, 0.25])

    def test_the_reciprocal_rank_rewards_early_places(self) -> None:
        """1 + 0 + 1/4 + 1/2 over four; beyond the second place nothing counts at k = 2."""
        self.assertEqual(metrics.mean_reciprocal_rank(RANKS, 20), 1.75 / 4)
        self.assertEqual(metrics.mean_reciprocal_rank(RANKS, 2), 1.5 / 4)

    def test_ndcg_discounts_by_the_logarithm_of_the_place(self) -> None:
        """1 + 0 + 1/log2(5) + 1/log2(3) over four."""
        self.assertAlmostEqual(metrics.ndcg(RANKS, 20), (1 + 1 / log2(5) + 1 / log2(3)) / 4)

    def test_coverage_is_the_share_of_the_catalogue_that_was_shown(self) -> None:
        """Items 0, 1 and 2 of five."""
        self.assertEqual(metrics.coverage([[0, 1], [1, 2], []], 5), 0.6)

    def test_popularity_bias_is_the_mean_share_of_the_most_popular(self) -> None:
        """Shown 0 (10 of 10 events), 1 (5 of 10) and 2 (none): a half in the mean."""
        self.assertAlmostEqual(metrics.popularity_bias([[0, 1], [2]], {0: 10, 1: 5}), 0.5)

    def test_nothing_measured_is_nothing_and_no_error(self) -> None:
        """No predictions, no lists, no catalogue."""
        none = np.empty(0, np.int32)
        self.assertEqual([f(none, 20) for f in (metrics.hit_rate, metrics.mean_reciprocal_rank, metrics.ndcg)], [0, 0, 0])
        self.assertEqual(metrics.coverage([], 0), 0)
        self.assertEqual(metrics.popularity_bias([], {}), 0)


if __name__ == "__main__":
    unittest.main()
