"""Processes that are kept running."""

import asyncio
import sys
import tempfile
import unittest
from pathlib import Path

from headrace import supervisor
from headrace.clock import SystemClock
from headrace.supervisor import Backoff, Child, Supervisor

COUNT = "import sys; from pathlib import Path; f = Path(sys.argv[1]); f.write_text(f.read_text() + 'x'); sys.exit(3)"
WAIT = "import sys, time; from pathlib import Path; Path(sys.argv[1]).write_text('up'); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAIT


class Patience(unittest.TestCase):
    """The wait before the next try."""

    def test_it_doubles_from_half_a_second_to_thirty(self) -> None:
        """Something that dies at once is tried ever more seldom."""
        backoff = Backoff()
        self.assertEqual([backoff.after(0.1) for _ in range(8)], [0.5, 1, 2, 4, 8, 16, 30, 30])

    def test_it_begins_anew_after_a_good_while(self) -> None:
        """A death after a minute of life is not held against it."""
        backoff = Backoff()
        backoff.after(0.1)
        backoff.after(0.1)
        self.assertEqual(backoff.after(61), 0.5)


class Supervising(unittest.IsolatedAsyncioTestCase):
    """Real processes, started and ended."""

    def setUp(self) -> None:
        """Make a file in which the child leaves its traces."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.traces = Path(folder.name, "traces")
        self.traces.write_text("")
        self.stop = asyncio.Event()

    def supervise(self, program: str) -> "asyncio.Task[None]":
        """Start supervising one child that runs this program."""
        child = Child("child", (sys.executable, "-c", program, str(self.traces)))
        self.supervisor = Supervisor([child], {}, SystemClock())
        return asyncio.create_task(self.supervisor.run(self.stop))

    async def until(self, traces: str) -> None:
        """Wait until the child has left these traces."""
        async with asyncio.timeout(20):
            while self.traces.read_text() != traces:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.01)

    async def test_a_dead_process_is_started_again(self) -> None:
        """A child that ends is started a second time after half a second."""
        running = self.supervise(COUNT)
        await self.until("xx")
        self.stop.set()
        await running

    async def test_stopping_ends_the_children(self) -> None:
        """After a stop no child lives."""
        running = self.supervise(WAIT)
        await self.until("up")
        self.stop.set()
        async with asyncio.timeout(5):
            await running

    async def test_a_child_deaf_to_sigterm_is_killed(self) -> None:
        """Who does not stop in time is ended by force, so that stopping always ends."""
        patience, supervisor.PATIENCE_S = supervisor.PATIENCE_S, 0.3  # type: ignore[misc]
        self.addCleanup(setattr, supervisor, "PATIENCE_S", patience)
        running = self.supervise(DEAF)
        await self.until("up")
        self.stop.set()
        async with asyncio.timeout(5):
            await running
