"""How a worker on a generation that is being built gives way to the live ones."""

import unittest

from headrace.clock import FixedClock
from headrace.stream.manner import Manner


class GentleTests(unittest.TestCase):
    """Workers of one machine share what a replay may take."""

    def test_together_they_take_half_a_processor_however_many_they_are(self) -> None:
        """Each rests the longer the more of them there are."""
        for mates in (1, 2, 3, 8):
            manner = Manner(FixedClock(0), main=False, gentle=True)
            manner.mates = mates
            with self.subTest(mates=mates):
                self.assertAlmostEqual(mates * 0.5 / (0.5 + manner.rest(0.5)), 1 / 2)


if __name__ == "__main__":
    unittest.main()
