"""The rows of the table in small: the same attempts and the same oracle as ``make faults``, in seconds."""

import unittest
from typing import Final

from tests.faults.rows.catalogue import ROWS
from tests.faults.trial import Trial

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
}
"""The share of its stated size at which a row runs with the tests."""


class TheRows(unittest.IsolatedAsyncioTestCase):
    """Each holds."""

    async def test_the_quick_rows_hold(self) -> None:
        """Tried in small, nothing is wrong."""
        for row in ROWS:
            if row.key in QUICK:
                with self.subTest(row.key):
                    tried = await row.attempt(Trial("postgres", QUICK[row.key]))
                    self.assertEqual(tried.wrong, [])
                    self.assertGreater(tried.how_often, 0)

    def test_rows_have_names_of_their_own(self) -> None:
        """What a row is chosen by is there once."""
        keys = [row.key for row in ROWS]
        self.assertEqual(len(keys), len(set(keys)))
        self.assertLessEqual(set(QUICK), set(keys))
