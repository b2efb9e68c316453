"""Nothing acknowledged is lost or counted twice when workers are killed at work."""

import csv
import random
import tempfile
from pathlib import Path

from tests.faults.worker_kills import import_under_kills
from tests.support.asyncs import PlainLoopTestCase

ROWS = 15_000
KILLS = 5


class WorkerKills(PlainLoopTestCase):
    """An import goes on while its only worker is killed again and again."""

    async def test_an_import_whose_worker_is_killed_again_and_again_counts_every_row_once(self) -> None:
        """Every row is counted once, no row is dead-lettered, and the features equal their recomputation."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "clicks.csv"
            _write(file)
            outcome = await import_under_kills(file, kills=KILLS, seed=7)
        self.assertEqual(outcome.kills_at_work, KILLS)
        self.assertEqual(outcome.verification.events, ROWS)
        self.assertEqual(outcome.verification.waiting, 0)
        self.assertEqual(outcome.dead_letters, 0)
        self.assertTrue(outcome.verification.equal, outcome.verification)


def _write(file: Path) -> None:
    chance = random.Random(11)
    with file.open("w", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(("user_id", "item_id", "event_type", "ts"))
        for number in range(ROWS):
            item = min(int(chance.paretovariate(0.8)), 2000)
            rows.writerow((f"u{chance.randrange(2000)}", f"i{item}", "click", 1_700_000_000 + number))
