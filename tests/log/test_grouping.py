"""Small appends share a commit: with all that has arrived by then, and never waiting for what has not."""

import asyncio
import unittest
from collections.abc import Sequence

from headrace.errors import Unavailable
from headrace.log.port import Verdict
from headrace.log.postgres.grouping import LARGEST_GROUP, MOST_TURNS, Call, Grouping
from tests.log.promises import record


class Groups(unittest.IsolatedAsyncioTestCase):
    """A writer that only notes how large its groups are."""

    async def asyncSetUp(self) -> None:
        """Make the grouping."""
        self.groups: list[int] = []
        self.writing = asyncio.Event()
        self.writing.set()
        self.grouping = Grouping(self.write, queue_records=20_000)

    async def write(self, calls: Sequence[Call]) -> None:
        """Say that everything is new."""
        self.groups.append(sum(len(call.records) for call in calls))
        await self.writing.wait()
        for call in calls:
            call.done.set_result([Verdict.OK] * len(call.records))

    async def append(self, *, turns: int = 0, records: int = 1) -> None:
        """Append after so many turns of the loop."""
        for _ in range(turns):
            await asyncio.sleep(0)
        await self.grouping.append([record() for _ in range(records)], atomic=True)

    async def test_what_arrives_turn_by_turn_shares_a_group(self) -> None:
        """Requests that lie in the server's buffers are read one turn after the other."""
        await asyncio.gather(*(self.append(turns=turn // 10) for turn in range(10 * MOST_TURNS)))
        self.assertEqual(self.groups, [10 * MOST_TURNS])

    async def test_one_alone_waits_for_nobody(self) -> None:
        """No time is spent: with nothing more at the door its group is written."""
        alone = asyncio.ensure_future(self.append())
        for _ in range(6):
            await asyncio.sleep(0)
        self.assertEqual(self.groups, [1])
        await alone

    async def test_a_stream_without_end_does_not_hold_up_the_first(self) -> None:
        """However many keep coming, a group is written after a few turns."""
        await asyncio.gather(*(self.append(turns=turn) for turn in range(40)))
        self.assertGreater(len(self.groups), 1)
        self.assertLessEqual(self.groups[0], MOST_TURNS + 3)
        self.assertEqual(sum(self.groups), 40)

    async def test_a_full_group_gathers_no_longer(self) -> None:
        """What waits is written once it fills a group."""
        await asyncio.gather(*(self.append(turns=turn, records=LARGEST_GROUP) for turn in range(3)))
        self.assertEqual(self.groups, [LARGEST_GROUP] * 3)

    async def test_what_comes_during_a_write_is_the_next_group(self) -> None:
        """One commit is under way at a time."""
        self.writing.clear()
        calls = [asyncio.ensure_future(self.append())]
        await asyncio.sleep(0.01)
        calls += [asyncio.ensure_future(self.append()) for _ in range(30)]
        await asyncio.sleep(0.01)
        self.assertEqual(self.groups, [1])
        self.writing.set()
        await asyncio.gather(*calls)
        self.assertEqual(self.groups, [1, 30])

    async def test_lanes_are_written_side_by_side_each_in_its_order(self) -> None:
        """One lane's commit under way holds up no other lane; what is behind it in its own lane waits for it."""
        self.grouping = Grouping(self.write, queue_records=20_000, lanes=2, lane_of=lambda records: len(records) % 2)
        self.writing.clear()
        calls = []
        for records in (1, 2, 3, 4):
            calls.append(asyncio.ensure_future(self.append(records=records)))
            await asyncio.sleep(0.01)
        self.assertEqual(self.groups, [1, 2])
        self.writing.set()
        await asyncio.gather(*calls)
        self.assertEqual(sorted(self.groups), [1, 2, 3, 4])
        await asyncio.wait_for(self.grouping.close(), 1)

    async def test_the_bound_is_that_of_all_lanes_together(self) -> None:
        """A queue is full whichever lane its records wait in."""
        self.grouping = Grouping(self.write, queue_records=10, lanes=2, lane_of=lambda records: len(records) % 2)
        self.writing.clear()
        calls = [asyncio.ensure_future(self.append(records=records)) for records in (5, 4)]
        await asyncio.sleep(0.01)
        with self.assertRaises(Unavailable):
            await self.append(records=2)
        self.writing.set()
        await asyncio.gather(*calls)


if __name__ == "__main__":
    unittest.main()
