"""Asynchronous tests of much machinery: on a loop without asyncio's debug mode, as production's is."""

import asyncio
import unittest


class PlainLoopTestCase(unittest.IsolatedAsyncioTestCase):
    """A test whose loop is not in asyncio's debug mode, as it is in unittest's.

    There, every callback keeps the stack it came from, and the timing is not production's. Tests that need neither
    database nor broker keep it, and those of what crosses threads.
    """

    async def asyncSetUp(self) -> None:
        """Leave the debug mode."""
        await super().asyncSetUp()
        asyncio.get_running_loop().set_debug(False)
