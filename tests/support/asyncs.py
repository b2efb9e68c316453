"""Asynchronous tests of much machinery: on a loop as in production."""

import asyncio
import unittest


class PlainLoopTestCase(unittest.IsolatedAsyncioTestCase):
    """A test whose loop is not in asyncio's debug mode, as it is in unittest's.

    There, every callback keeps the stack it came from: an append to the log takes several times as long, and what is tried is
    another timing than production's. Tests of small things keep it.
    """

    async def asyncSetUp(self) -> None:
        """Leave the debug mode."""
        await super().asyncSetUp()
        asyncio.get_running_loop().set_debug(False)
