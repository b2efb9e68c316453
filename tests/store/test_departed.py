"""Workers come and go; what they have counted stays on the merged page."""

import json

from headrace.snapshot.follower import Follower
from headrace.store.tables import PostgresGenerations
from headrace.wiring.figures import Figures
from tests.stream.world import StreamTestCase

PAGE = """# HELP reco_worker_processed_total Records applied.
# TYPE reco_worker_processed_total counter
reco_worker_processed_total{{topic="reco_watch"}} {0}.0
# HELP reco_worker_owned_partitions Partitions this worker owns.
# TYPE reco_worker_owned_partitions gauge
reco_worker_owned_partitions 4.0
"""


class DepartedWorkers(StreamTestCase):
    """Rows of workers, as old as told."""

    async def worker(self, name: str, counted: int, *, hours: int, process: str = "", generation: int = 1) -> None:
        """Have a worker that was heard of last so many hours ago."""
        figures = {"page": PAGE.format(counted), "process": process or name} if counted else {}
        await self.sql.execute(
            "INSERT INTO headrace.workers (worker_id, generation, seen_at, figures)"
            " VALUES ($1, $2, now() - make_interval(hours => $3), $4)",
            name, generation, hours, json.dumps(figures),
        )  # fmt: skip

    async def shown(self) -> list[str]:
        """Return the samples of the page that all workers share."""
        generations = PostgresGenerations(self.ground.database, space=self.ground.space)
        figures = Figures(self.ground, Follower(generations, self.settings.snapshot, self.clock))
        figures.prepared(self.generation)
        return sorted(line for line in (await figures.worker_metrics()).splitlines() if not line.startswith("#"))

    async def tidy(self) -> None:
        """Tidy, as every worker does now and then."""
        await self.operations.tidy(self.clock.now_ms(), 10**11, 24)

    async def workers(self) -> list[str]:
        """Return the names of the rows that are left."""
        return sorted(name for (name,) in await self.rows("SELECT worker_id FROM headrace.workers"))

    async def test_no_counter_falls_when_a_worker_is_forgotten(self) -> None:
        """A day after it went its row is folded into one that stays; gauges are those of the living."""
        await self.worker("one", 100, hours=30)
        await self.worker("two", 20, hours=25)
        await self.worker("three", 3, hours=0)
        before = await self.shown()
        self.assertIn('reco_worker_processed_total{topic="reco_watch"} 123.0', before)
        for _ in range(3):
            await self.tidy()
            self.assertEqual(await self.shown(), before)
        group = self.settings.stream.group_id
        self.assertEqual(await self.workers(), [f"departed from {group}", "three"])
        await self.sql.execute("UPDATE headrace.workers SET seen_at = seen_at - interval '40 hours'")
        await self.tidy()
        self.assertEqual(await self.workers(), [f"departed from {group}"])
        self.assertEqual(await self.shown(), ['reco_worker_processed_total{topic="reco_watch"} 123.0'])

    async def test_a_process_counts_once_whatever_generations_it_has_worked_on(self) -> None:
        """The page of a generation it has left is no other worker's; a worker that never told a page has nothing to fold."""
        await self.worker("a-g1", 100, hours=50, process="a")
        await self.worker("a-g1b", 130, hours=0, process="a")
        await self.worker("b-g1", 5, hours=50, process="b")
        await self.worker("b-g1b", 7, hours=40, process="b")
        await self.worker("silent", 0, hours=40)
        before = await self.shown()
        self.assertIn('reco_worker_processed_total{topic="reco_watch"} 137.0', before)
        await self.tidy()
        self.assertEqual(await self.shown(), before)
        self.assertEqual(await self.workers(), ["a-g1b", f"departed from {self.settings.stream.group_id}"])
