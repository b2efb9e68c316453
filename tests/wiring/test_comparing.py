"""A comparison in a process of its own ends with the process that began it."""

import asyncio
import ctypes
import os
import signal
import sys
import unittest
from pathlib import Path
from typing import Final

PR_SET_CHILD_SUBREAPER: Final = 36
BEGIN = """
import asyncio
from headrace import config
from headrace.wiring.comparing import compare_aside
asyncio.run(compare_aside(config.read(), 2, None, users=1, seed=1, tell=print))
"""


def children(process: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


class Ending(unittest.IsolatedAsyncioTestCase):
    """A database that takes the connection and never answers holds the comparison where it is."""

    async def test_a_comparison_whose_process_was_killed_ends(self) -> None:
        """Nobody would read what it finds. Its end is told to us, who inherit it: by a signal, not of its own accord."""
        kernel = ctypes.CDLL(None, use_errno=True)
        kernel.prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.addCleanup(kernel.prctl, PR_SET_CHILD_SUBREAPER, 0)
        connected = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected.set()
            while await reader.read(1000):
                pass
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        self.addCleanup(server.close)
        port = server.sockets[0].getsockname()[1]
        begun = await asyncio.create_subprocess_exec(
            sys.executable, "-c", BEGIN, env=os.environ | {"DATABASE_URL": f"postgresql://nobody@127.0.0.1:{port}/nothing"}
        )
        async with asyncio.timeout(60):
            await connected.wait()
            (comparison,) = children(begun.pid)
            begun.kill()
            await begun.wait()
            _, status = await asyncio.to_thread(os.waitpid, comparison, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), -signal.SIGTERM)
