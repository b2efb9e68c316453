"""How many acknowledged records wait is told while a relay carries them from one log into the other."""

import unittest
from typing import Any, cast

from headrace.log.port import Topic
from headrace.wiring.ground import Ground


class Moving:
    """Two logs, and one record that is carried from the near one into the far one as soon as either was looked at."""

    def __init__(self) -> None:
        self.near, self.far = 1, 0

    async def waiting(self) -> int:
        """Return what waits in the near log; then the relay goes."""
        found, self.near, self.far = self.near, 0, 1
        return found

    async def ends(self) -> dict[tuple[Topic, int], int]:
        """Return the end of the far log; then the relay goes."""
        found, self.near, self.far = self.far, 0, 1
        return {(Topic.WATCH, 0): found}


class ARecordOnItsWay(unittest.IsolatedAsyncioTestCase):
    """It is in one log or the other, and must not be in neither."""

    async def test_what_is_carried_over_while_one_looks_is_counted(self) -> None:
        """Twice perhaps, which says that something waits; never not at all."""
        logs = cast("Any", Moving())
        ground = Ground(cast("Any", None), cast("Any", None), cast("Any", None), logs, logs)
        self.assertGreaterEqual(await ground.behind({0: {Topic.WATCH: 0}}), 1)
