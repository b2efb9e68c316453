"""The failpoints are where they say they are, and none that matters is missing."""

import random
import signal
from typing import ClassVar

from headrace import wiring
from headrace.store.sql import named
from tests.faults.failpoints import PHASES, Point, passed
from tests.faults.journal import Journal
from tests.faults.rows.points import ENVIRONMENT, Bench, life_of_a_worker
from tests.faults.site import Site
from tests.support.asyncs import PlainLoopTestCase


class TheFailpoints(PlainLoopTestCase):
    """A worker's life, once to the end and once to a point."""

    MUST: ClassVar = (
        "fence", "remember", "known_ids", "histories", "copy interactions", "copy watches", "copy impression_lists",
        "copy item_changes", "catalogue_items", "put_catalogue", "add_items", "add_pairs", "put_histories", "add_hours",
        "add_shown_items", "add_follow_ups", "announce", "bury", "tally", "BEGIN", "COMMIT", "claim", "renew",
        "sign_of_life", "release", "leave",
    )  # fmt: skip
    """Without these the sweep would try less than it says."""

    async def test_a_workers_life_passes_every_statement_of_a_batch_and_it_dies_where_it_is_told_to(self) -> None:
        """The census names them all; armed with the commit sent and not yet answered, it dies of SIGKILL there."""
        async with Site(dict(ENVIRONMENT), durable=False) as site, wiring.opened(site.settings) as (ground, generation):
            bench = Bench(site, ground, generation, random.Random(1), Journal())
            census = site.home / "census"
            whole = await life_of_a_worker(bench, None, census)
            self.assertEqual(whole.ended, 0)
            places = passed(census)
            statements = {what.removeprefix("sql ") for what, _ in places}
            self.assertEqual(set(self.MUST) - statements, set())
            self.assertTrue({"log read"} <= {what for what, _ in places})
            for what in statements & set(self.MUST):
                self.assertEqual({phase for one, phase in places if one == f"sql {what}"}, set(PHASES), what)
            killed = await life_of_a_worker(bench, Point("sql COMMIT", "during", nth=2), None)
            self.assertEqual(killed.ended, -signal.SIGKILL)

    def test_queries_have_names(self) -> None:
        """A name is what a point is called by."""
        self.assertEqual(named("-- name: one\n-- Says one.\nSELECT 1\n"), {"one": "SELECT 1"})
