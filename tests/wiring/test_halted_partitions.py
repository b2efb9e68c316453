"""A halted partition is told to everybody who may ask, also while no worker owns it."""

from headrace import telemetry
from headrace.snapshot.follower import Follower
from headrace.store.tables import PostgresGenerations
from headrace.stream.dead_letters import Brake
from headrace.wiring.figures import Figures
from tests.stream.world import StreamTestCase, raw, user_of


class HaltedPartitions(StreamTestCase):
    """What readiness, the worker's figures and the metrics say."""

    async def asyncSetUp(self) -> None:
        """Halt two partitions, owned by two workers that then go; a few letters were buried before."""
        await super().asyncSetUp()
        generations = PostgresGenerations(self.ground.database, space=self.ground.space)
        follower = Follower(generations, self.settings.snapshot, self.clock)
        self.figures = Figures(self.ground, follower)
        self.figures.prepared(self.generation)
        for worker, place in (("one", 0), ("two", 1)):
            await self.send(*(raw(b"noise", user=user_of(place)) for _ in range(9)))
            owned = (await self.claim(worker, most=1))[place]
            processor = self.processor(brake=Brake(run=5, ratio=1.0), limit=2)
            while await processor.step(owned):
                pass
        for worker in ("one", "two"):
            await self.ledger.leave(worker)

    async def test_readiness_and_metrics_tell_of_all_of_them_while_nobody_owns_them(self) -> None:
        """The gauge and the words come from the table, not from a worker's memory."""
        self.assertEqual(await self.figures._look(), ["worker", "partitions halted: 0, 1"])
        self.assertEqual(telemetry.HALTED_PARTITIONS.here()._value.get(), 2)
        self.assertEqual(telemetry.DEAD_LETTERS_OPEN.here()._value.get(), 8)
        await self.operations.resume([1])
        self.assertEqual(await self.figures._look(), ["worker", "partitions halted: 0"])
        self.assertEqual(telemetry.HALTED_PARTITIONS.here()._value.get(), 1)

    async def test_the_figures_of_the_worker_name_the_partition_and_the_reason(self) -> None:
        """As the operator's route shows them."""
        figures = await self.figures.worker_figures()
        self.assertEqual([one.partition for one in figures.partitions if one.halted], [0, 1])
        self.assertIn("in a row", figures.partitions[0].halted or "")
        self.assertEqual(figures.dlq_count, 8)
