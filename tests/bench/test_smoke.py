"""One row from end to end, on a tiny world: what is built, started, loaded, measured and written, and that nothing stays."""

import asyncio
import shutil
import signal
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console

from benchmarks.machine import ROOT
from benchmarks.measures import MEASURES, Bench
from benchmarks.progress import Progress
from benchmarks.stores import Stores
from benchmarks.world import Size
from headrace.clock import SystemClock
from headrace.embedded.processes import alive
from tests.bench.needing import needs_wrk

TINY: Final = Size(items=300, users=200, pairs=4_000, first_pairs=500)


@needs_wrk
class OneRow(unittest.TestCase):
    """The harness works; how fast it was says nothing."""

    def setUp(self) -> None:
        """Make a cache that Postgres' user can reach."""
        self.folder = Path(tempfile.mkdtemp(prefix="headrace-tests-bench-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def test_a_row_is_measured_and_its_processes_end(self) -> None:
        """Two rounds of both targets, all answered; afterwards no copy and no process of it is left."""
        before = psutil.Process().children()  # the servers that all tests share
        with Progress(Console(quiet=True)) as progress:
            bench = Bench(Stores(self.folder, TINY, None, progress), progress, SystemClock(), quick=True)
            measured = asyncio.run(MEASURES["reco"](bench))
        self.assertEqual([one["target"] for one in measured.rounds], ["api", "bare", "bare", "api"])
        for one in measured.rounds:
            self.assertGreater(one["answered"], 0)
            self.assertEqual((one["refused"], one["broken"]), (0, 0))
            self.assertGreater(one["cores"][one["target"]], 0)
            self.assertGreater(one["cores"]["wrk"], 0)
        self.assertEqual(len(measured.figures), 1)
        self.assertEqual(list(self.folder.glob("run-*")), [])
        self.assertEqual([child for child in psutil.Process().children() if child not in before], [])

    def test_an_interrupt_ends_everything(self) -> None:
        """Ctrl-C in the middle: every process that was started is gone, and so is the copy of the store."""

        async def interrupted() -> dict[int, list[str]]:
            words = (sys.executable, "-m", "benchmarks", "--quick", "--rows", "reco", "--cache", str(self.folder))
            running = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
            if running.stdout is None:
                raise AssertionError("its words were asked for")
            while b"bare, 2 s" not in (line := await asyncio.wait_for(running.stdout.readline(), 120)):
                self.assertNotEqual(line, b"", "it ended by itself")
            started = {child.pid: child.cmdline() for child in psutil.Process(running.pid).children(recursive=True)}
            running.send_signal(signal.SIGINT)
            await asyncio.wait_for(running.communicate(), 60)
            return started

        started = asyncio.run(interrupted())
        self.assertGreater(len(started), 3)
        self.assertEqual([words for pid, words in started.items() if alive(pid)], [])
        self.assertEqual(list(self.folder.glob("run-*")), [])


if __name__ == "__main__":
    unittest.main()
