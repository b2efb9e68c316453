"""A stream, its door, and replicas that report what a test says; the few words that tests of receipts are told in."""

from collections.abc import Mapping
from datetime import datetime

from headrace.events.types import Event
from headrace.intake import Intake
from headrace.log.port import Verdict, partition_of
from headrace.snapshot.port import Held
from headrace.store.tables import PostgresGenerations
from headrace.stream.receipts import Receipt
from headrace.wiring.receipts import Receipts
from tests.stream.world import StreamTestCase

PLACE = partition_of("anna", 4)
"""Where the events stand: they are of one user."""


class Replica:
    """An API process, as far as others hear of it."""

    def __init__(self, generations: PostgresGenerations, partitions: int) -> None:
        self._generations = generations
        self._partitions = partitions

    async def report(
        self, version: Mapping[int, int], *, generation: int = 1, moved_ago_s: float = 0.0, as_of_ms: int = 1
    ) -> None:
        """Tell how far the picture has come; partitions that are not named stand at 0."""
        held = {partition: version.get(partition, 0) for partition in range(self._partitions)}
        await self._generations.look(Held(generation, None, as_of_ms, held, moved_ago_s))

    async def leave(self) -> None:
        """End."""
        await self._generations.leave()


class ReceiptsTestCase(StreamTestCase):
    """Receipts of what came by the door."""

    async def asyncSetUp(self) -> None:
        """Open the door."""
        await super().asyncSetUp()
        self.intake = Intake(self.ground.log, self.clock)
        self.receipts = Receipts(self.ground)

    async def take(self, *events: Event, verdict: Verdict = Verdict.OK) -> None:
        """Bring events in by the door."""
        self.assertEqual(await self.intake.accept(events), [verdict] * len(events))

    async def receipt(self, event: Event | str) -> Receipt:
        """Return the receipt of an event of which something is known."""
        found = await self.receipts.receipt(event if isinstance(event, str) else event.event_id)
        assert found is not None, "nothing is known of it"
        return found

    def replica(self, name: str) -> Replica:
        """Return a replica that has reported nothing yet."""
        generations = PostgresGenerations(self.ground.database, space=self.ground.space, replica_id=name)
        return Replica(generations, self.generation.partitions)

    async def changes(self) -> dict[int, int]:
        """Return where the pictures of replicas stand that have seen everything."""
        return {
            int(number): int(changes) for number, changes in await self.rows("SELECT partition, changes FROM @gen.partitions")
        }

    async def now_ms(self) -> int:
        """Return the time by the database's clock, cut to a millisecond."""
        now: datetime = await self.sql.fetchval("SELECT clock_timestamp()")
        return int(now.timestamp() * 1000)
