"""How a worker on a generation that is being built gives way to the live ones."""

import unittest
from unittest import mock

from headrace.clock import FixedClock
from headrace.stream.manner import Manner


class Busy(FixedClock):
    """A clock of a thread that computes for a part of the time."""

    def __init__(self, share: float) -> None:
        super().__init__(0)
        self._share = share

    def computed(self) -> float:
        """Return that part of the set time."""
        return self.monotonic() * self._share


class RestingTests(unittest.IsolatedAsyncioTestCase):
    """How long a batch rests."""

    async def rest(self, share: float, mates: int = 1) -> float:
        """Return for how many seconds one of so many rests whose batch took a second, this share of it computing."""
        manner = Manner(clock := Busy(share), main=False, gentle=True)
        manner.mates = mates
        with mock.patch("headrace.stream.manner.asyncio.sleep") as sleep:
            async with manner.turn():
                clock.advance(1000)
        return float(sleep.await_args_list[0].args[0])

    async def test_it_rests_for_what_it_computed_and_not_for_what_it_waited(self) -> None:
        """A tenth of a second of its own and about as much of Postgres'; never for more than the batch took."""
        self.assertAlmostEqual(await self.rest(0.1), 0.2)
        self.assertAlmostEqual(await self.rest(0.9), 1.0)

    async def test_with_postgres_they_take_half_a_processor_at_most(self) -> None:
        """However many: what all compute and as much again, over the time from one batch of one of them to its next."""
        for mates in (1, 2, 3, 8):
            for share in (0.05, 0.3, 0.5):
                with self.subTest(mates=mates, share=share):
                    cycle = 1 + await self.rest(share, mates)
                    self.assertLessEqual(mates * 2 * share / cycle, 0.5 + 1e-9)


if __name__ == "__main__":
    unittest.main()
