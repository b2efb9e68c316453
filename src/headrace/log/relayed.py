"""Two logs that are one: a far one that is read (Kafka), and a near one that takes what comes while the far one is away.

An event is refused only where neither takes it. What the near one took is carried over when the far one is back, by whichever
process comes first, at least once; the stream, which remembers all ids, counts it once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final, Protocol

from headrace import telemetry
from headrace.errors import Poison, Unavailable
from headrace.log.apart import apart
from headrace.log.memory import Memory, judged
from headrace.log.port import Log, NewRecord, StoredRecord, Topic, Verdict

CARRIED_AT_ONCE: Final = 500
LOOK_S: Final = 0.5
"""How often the near log is looked at for records to carry."""

FIRST_PROBE_S: Final = 0.25
LONGEST_PROBE_S: Final = 4.0
OPENED_S: Final = 30.0
NOT_OPENED: Final = "it is not opened yet"
RELAPSE_S: Final = 5.0
"""The far log is tried anew after a quarter of a second; after twice as long each time it fails again so soon."""


class Opened(Log, Protocol):
    """A log that is opened before it is used."""

    async def open(self) -> None:
        """Find the log or make it. Raises ``Unavailable``, and ``PartitionsDiffer``. Idempotent."""
        ...


class Far(Opened, Protocol):
    """A log that also takes records that another one has judged."""

    async def carry(self, records: Sequence[StoredRecord]) -> None:
        """Append all, each at least once. Raises ``Unavailable``."""
        ...


class Ferry(Protocol):
    """What waits in the near log, and how far it was carried. Every method raises ``Unavailable``."""

    async def open(self) -> None:
        """Begin where it was left. Idempotent."""
        ...

    def load(self, limit: int) -> AbstractAsyncContextManager[Sequence[StoredRecord]]:
        """Hold the next records of some partition; they count as carried when the block ends without an error.

        Nothing where nothing waits, or where other processes are at work on all that does.
        """
        ...

    async def waiting(self) -> int:
        """Return how many records are still to be carried."""
        ...


class Tally(Protocol):
    """Counts."""

    def inc(self, amount: float) -> None:
        """Count so many more."""
        ...


class RelayedLog:
    """The far log, read and written; beside it the near one, for as long as the far one does not take records."""

    def __init__(self, far: Far, near: Opened, ferry: Ferry, memory: Memory) -> None:
        self._far = far
        self._near = near
        self._ferry = ferry
        self._memory = memory
        self._far_open = False
        self._near_open = False
        self._away: str | None = NOT_OPENED
        self._mended_at = 0.0
        self._probe_s = FIRST_PROBE_S
        self._tripped = asyncio.Event()

    @property
    def away(self) -> bool:
        """Return whether the far log is thought to be away: then it is not asked by those who append."""
        return self._away is not None

    async def open(self, *, patience_s: float = OPENED_S) -> None:
        """Open the near log, and the far one if it is there within so many seconds; ``tend`` opens it later otherwise.

        Raises ``Unavailable`` for the near one alone, and ``PartitionsDiffer`` for either.
        """
        await self._near.open()
        await self._ferry.open()
        self._near_open = True
        if not self._far_open:
            try:
                async with asyncio.timeout(patience_s):
                    await self._open_far()
            except TimeoutError:
                self._trip(Unavailable("kafka", f"not found within {patience_s:g} s"))
            except Unavailable as error:
                self._trip(error)

    @property
    def identity(self) -> str:
        """Return which log is read."""
        return self._far.identity

    @property
    def partitions(self) -> int:
        """Return how many partitions every topic has."""
        return self._far.partitions

    def name(self, topic: Topic) -> str:
        """Return what a topic is called."""
        return self._far.name(topic)

    async def append(self, records: Sequence[NewRecord], *, atomic: bool) -> list[Verdict]:
        """Append to the far log, or to the near one where the far one does not answer in its time; see ``log.port``."""
        if self._away is None:
            try:
                return await self._far.append(records, atomic=atomic)
            except Unavailable as error:
                self._trip(error)
        applied = await self._memory.known(records)
        verdicts, fresh = judged(records, lambda one: self._memory.lately(one.id_hash) or applied.get(one.id_hash))
        if not fresh or (atomic and Verdict.CONFLICT in verdicts):
            return verdicts
        found = dict(zip((one.id_hash for one in fresh), await self._near.append(fresh, atomic=atomic), strict=True))
        if not (atomic and Verdict.CONFLICT in found.values()):
            self._memory.note(one for one in fresh if found[one.id_hash] is Verdict.OK)
        return _merged(records, verdicts, found)

    async def append_each(self, records: Sequence[NewRecord]) -> list[Verdict | Poison]:
        """Append records that have nothing to do with each other; see ``log.port``."""
        return await apart(partial(self.append, atomic=False), records)

    async def read(self, partition: int, positions: Mapping[Topic, int], *, limit: int) -> list[StoredRecord]:
        """Read the far log; see ``log.port``."""
        return await self._far.read(partition, positions, limit=limit)

    async def has_news(self, positions: Mapping[int, Mapping[Topic, int]]) -> set[int]:
        """Return the partitions of the far log with news."""
        return await self._far.has_news(positions)

    async def ends(self) -> dict[tuple[Topic, int], int]:
        """Return the ends of the far log."""
        return await self._far.ends()

    async def begins(self) -> dict[tuple[Topic, int], int]:
        """Return the begins of the far log."""
        return await self._far.begins()

    async def waiting(self) -> int:
        """Return how many records of the near log are still to be carried. Raises ``Unavailable``, also before ``open``."""
        if not self._near_open:
            raise Unavailable("log", "it is not opened yet")
        return await self._ferry.waiting()

    async def close(self) -> None:
        """Finish what was accepted by either."""
        await self._far.close()
        await self._near.close()

    async def tend(self, relayed: Tally) -> None:
        """Carry over what waits, and find out when the far log is back, for as long as it runs.

        Lives through every ``Unavailable``. Raises ``PartitionsDiffer`` where the far log, once it is there, does not fit.
        """
        while True:
            carried = 0
            try:
                if not self._far_open:
                    await self._open_far()
                carried = await self._carry()
                if self.away and not carried:
                    await self._far.ends()
                self._mend()
                relayed.inc(carried)
            except Unavailable as error:
                if error.what == "kafka":
                    self._trip(error)
            if not carried:
                await self._pause()

    async def _pause(self) -> None:
        """Wait until it is time to look again; sooner where the far log has just been found away."""
        if self.away:
            await asyncio.sleep(self._probe_s)
            return
        self._tripped.clear()
        try:
            await asyncio.wait_for(self._tripped.wait(), LOOK_S)
        except TimeoutError:
            return

    async def _open_far(self) -> None:
        await self._far.open()
        self._far_open = True
        self._mend()

    async def _carry(self) -> int:
        if not self._near_open:
            return 0
        try:
            async with self._ferry.load(CARRIED_AT_ONCE) as records:
                if records:
                    await self._far.carry(records)
                return len(records)
        except Unavailable as error:
            if error.what == "kafka":
                raise
            return 0  # the near log is away, which says nothing of the far one

    def _trip(self, error: Unavailable) -> None:
        """Leave the far log alone until it has been seen again, so that the next events do not wait for it one by one."""
        if self._away in {None, NOT_OPENED}:
            soon = asyncio.get_running_loop().time() - self._mended_at < RELAPSE_S
            self._probe_s = min(2 * self._probe_s, LONGEST_PROBE_S) if soon else FIRST_PROBE_S
            telemetry.log.warning("kafka_away", reason=str(error), meanwhile="the log in Postgres takes the events")
        self._away = str(error)
        self._tripped.set()
        telemetry.LOG_AWAY.set(1)

    def _mend(self) -> None:
        if self._away is not None:
            telemetry.log.info("kafka_is_there")
            self._mended_at = asyncio.get_running_loop().time()
        self._away = None
        telemetry.LOG_AWAY.set(0)


def _merged(records: Sequence[NewRecord], verdicts: Sequence[Verdict], found: Mapping[bytes, Verdict]) -> list[Verdict]:
    """Return our verdicts, with what the near log found of those that were new to us."""
    told = dict(found)
    return [
        told.pop(record.id_hash) if verdict is Verdict.OK else verdict
        for record, verdict in zip(records, verdicts, strict=True)
    ]
