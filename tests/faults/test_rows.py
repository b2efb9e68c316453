"""The rows of the table in small: the same attempts and the same oracle as ``make faults``, in seconds."""

import unittest
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tests.faults.rows.catalogue import ROWS
from tests.faults.trial import Trial
from tests.support.asyncs import PlainLoopTestCase
from tests.support.kafka import KafkaTestCase

QUICK: Final = {
    "kills": 0.003,
    "points": 0.03,
    "api-points": 0.1,
    "restarts": 0.1,
    "torn": 0.1,
    "handing": 0.05,
    "poison": 0.02,
    "giant": 1.0,
    "refused": 1.0,
    "conflicts": 0.1,
    "ages": 0.1,
    "inputs": 0.2,
    "leaving": 0.1,
    "leaving-apis": 0.2,
}
"""The share of its stated size at which a row runs with the tests."""

ON_KAFKA: Final = {
    "kills": 0.002,
    "zombies": 0.2,
    "leaving": 0.1,
    "leaving-apis": 0.2,
    "restarts": 0.1,
    "torn-kafka": 0.2,
    "handing": 0.05,
    "poison": 0.02,
    "refused": 1.0,
    "repeats": 0.03,
    "conflicts": 0.05,
}
"""The same on a real broker, those that a log makes a difference to."""


class TheRows(PlainLoopTestCase):
    """Each holds."""

    async def test_the_quick_rows_hold(self) -> None:
        """Tried in small, nothing is wrong."""
        await try_all(self, QUICK, Trial("postgres"))

    def test_rows_have_names_of_their_own(self) -> None:
        """What a row is chosen by is there once."""
        keys = [row.key for row in ROWS]
        self.assertEqual(len(keys), len(set(keys)))
        self.assertLessEqual(QUICK.keys() | ON_KAFKA.keys(), set(keys))


class TheRowsOnKafka(KafkaTestCase):
    """Each holds there as well."""

    async def test_the_quick_rows_hold(self) -> None:
        """Tried in small on the broker that all tests share."""
        await try_all(self, ON_KAFKA, Trial("kafka", broker=self.broker))


async def try_all(test: unittest.TestCase, shares: Mapping[str, float], trial: Trial) -> None:
    """Try the rows named here, each at its share of its stated size; fail for each that does not hold or struck never."""
    for row in ROWS:
        if row.key in shares:
            with test.subTest(row.key):
                tried = await row.attempt(replace(trial, scale=shares[row.key]))
                test.assertEqual(tried.wrong, [])
                test.assertGreater(tried.how_often, 0)
