"""Which partitions a worker owns: leases in the ledger, a fair share each, an epoch for every new owner."""

import asyncio
from collections.abc import Callable, Coroutine
from math import ceil
from typing import Final

from headrace import telemetry
from headrace.clock import Clock
from headrace.errors import Unavailable
from headrace.log.port import Log, Topic
from headrace.stream.dead_letters import Brake
from headrace.stream.ledger import Archive, Fenced, Ledger, Owned, Status
from headrace.stream.manner import Manner
from headrace.stream.processor import Processor
from headrace.stream.settings import StreamSettings

LONGEST_BACKOFF_S: Final = 5.0
LESS_OFTEN: Final = 10
"""So many times longer waits a worker between two looks for news of a generation that nobody reads."""

SELDOM: Final = 10
"""And so many times that while it still has an archive to read: a few records take their turn from the many that are behind."""

MANY: Final = 20
"""After a batch of so many records and no backlog, the next one gathers for a while: they share what a transaction costs."""

GATHER_S: Final = 0.03
"""For so long; with the look and the transaction that follow, an event is still applied well within a tenth of a second."""

LONGEST_FINISH_S: Final = 4.0
"""How long a stopping worker waits for its running batches; one cut off is rolled back and done again by the next owner."""

LONGEST_FAREWELL_S: Final = 1.5
"""How long it waits for a database that hangs before it goes without a goodbye: its leases then run out."""


class Worker:
    """Owns a share of the partitions and applies what the log holds for them, until told to stop."""

    def __init__(
        self,
        worker_id: str,
        log: Log,
        ledger: Ledger,
        clock: Clock,
        settings: StreamSettings,
        figures: Callable[[], dict[str, object]],
        *,
        archive: Archive | None = None,
        manner: Manner | None = None,
    ) -> None:
        self._archive = archive
        self._manner = manner or Manner(clock)
        self._id = worker_id
        self._log = log
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._figures = figures
        self._running: dict[int, asyncio.Task[None]] = {}
        self._owned: dict[int, Owned] = {}
        self._news: dict[int, asyncio.Event] = {}
        self._lag_ms: dict[int, dict[Topic, int]] = {}
        self._waiting: set[int] = set()
        self._stopping = asyncio.Event()

    @property
    def owned(self) -> dict[int, Owned]:
        """Return the partitions owned now."""
        return self._owned

    def stop(self) -> None:
        """Ask the worker to finish its running batches, give its partitions back and return from ``run``."""
        self._stopping.set()
        for news in self._news.values():
            news.set()

    async def run(self) -> None:
        """Work until stopped. Lives through every ``Unavailable``; any other error is a bug and is raised."""
        beat_s = self._settings.lease_ms / 1000 / 5
        looking = asyncio.create_task(self._look_for_news())
        try:
            while not self._stopping.is_set():
                try:
                    await self._unless_stopped(self._rebalance())
                except Unavailable as error:
                    telemetry.log.warning("worker_waits", reason=str(error))
                await self._pause(beat_s)
                self._raise_failures()
                if looking.done():
                    looking.result()
        finally:
            self.stop()
            looking.cancel()
            await self._finish()

    async def _unless_stopped(self, work: Coroutine[None, None, None]) -> None:
        """Do this work; let go of it when the worker is to stop, because a database that hangs may hold it up for long."""
        task = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            stopping.cancel()
            task.cancel()
            await asyncio.wait([task], timeout=LONGEST_FAREWELL_S)

    async def _rebalance(self) -> None:
        lease_ms = self._settings.lease_ms
        still = await self._ledger.sign_of_life(self._id, lease_ms, Status(self._figures()))
        for partition in set(self._owned) - set(still):
            await self._drop(partition)
        if unknown := set(still) - set(self._owned):
            # A claim that was committed but whose answer was lost: nobody works on these, and we would renew them for ever.
            await self._ledger.release(self._id, unknown)
        share = ceil(self._log.partitions / max(1, await self._ledger.workers(lease_ms)))
        surplus = sorted(self._owned)[share:]
        for partition in surplus:
            await self._drop(partition)
        if surplus:
            await self._ledger.release(self._id, surplus)
        elif len(self._owned) < share:
            for owned in await self._ledger.claim(self._id, lease_ms, share - len(self._owned)):
                telemetry.log.info("partition_claimed", partition=owned.partition, epoch=owned.epoch)
                self._owned[owned.partition] = owned
                self._news[owned.partition] = asyncio.Event()
                self._running[owned.partition] = asyncio.create_task(self._work(owned))
        self._tell()

    def _tell(self) -> None:
        if not self._manner.main:
            return
        telemetry.WORKER_PARTITIONS.set(len(self._owned))
        telemetry.WORKER_HALTED.set(sum(owned.halted is not None for owned in self._owned.values()))
        telemetry.WORKER_WAITING.set(len(self._waiting & set(self._owned)))
        for topic in Topic:
            lags = [lag.get(topic, 0) for partition, lag in self._lag_ms.items() if partition in self._owned]
            telemetry.WORKER_LAG.labels(self._log.name(topic)).set(max(lags, default=0))

    async def _look_for_news(self) -> None:
        """Wake partitions whose log has grown: one small look for all of them, however many there are."""
        while not self._stopping.is_set():
            try:
                news = await self._log.has_news(self._in_the_log())
            except Unavailable:
                await self._pause(1.0)
                continue
            for partition in news & self._owned.keys():
                self._news[partition].set()
            for _ in range(SELDOM):
                await self._pause(self._settings.idle_poll_ms / 1000 * (1 if self._manner.main else LESS_OFTEN))
                if self._manner.main or not any(owned.from_archive for owned in self._owned.values()):
                    break

    def _in_the_log(self) -> dict[int, dict[Topic, int]]:
        """Return the positions of the partitions that read the log; one that reads an archive never waits for news."""
        return {owned.partition: owned.positions for owned in self._owned.values() if not owned.from_archive}

    async def _work(self, owned: Owned) -> None:
        brake = Brake(run=self._settings.brake_run, ratio=self._settings.brake_ratio)
        if owned.released:
            brake.release()  # someone let it go on while nobody owned it, or its owner went before the bad stretch was over
        processor = self._processor(owned, brake)
        backoff_s = 0.1
        while not self._stopping.is_set():
            try:
                async with self._manner.turn():
                    passed = await processor.step(owned)
                if owned.from_archive and await self._leave_archive(owned):
                    processor = self._processor(owned, brake)
                    continue
                self._lag_ms[owned.partition] = processor.lag_ms
                self._waiting.discard(owned.partition)
                backoff_s = 0.1
            except Unavailable as error:
                self._tell_wait(owned, error, backoff_s)
                await self._pause(backoff_s)
                backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)
                if not await self._reload(owned):
                    return
                continue
            except Fenced:
                telemetry.WORKER_FENCED.inc()
                telemetry.log.warning("fenced", partition=owned.partition, epoch=owned.epoch)
                if not await self._reload(owned):
                    return
                continue
            if not passed or (passed < self._settings.max_poll_records and not owned.from_archive):
                if passed >= MANY:
                    await self._pause(GATHER_S)
                await self._idle(owned, brake)

    def _processor(self, owned: Owned, brake: Brake) -> Processor:
        reader = self._archive if owned.from_archive and self._archive is not None else self._log
        limit = self._settings.max_poll_records
        return Processor(reader, self._ledger, self._clock, brake, limit=limit, manner=self._manner)

    async def _leave_archive(self, owned: Owned) -> bool:
        """Turn to the log where the archive was read to its end; False before that."""
        behind = None if self._archive is None else self._archive.behind(owned.partition, owned.positions)
        if behind is None or owned.halted is not None:
            return False
        await self._ledger.leave_archive(owned, behind)
        telemetry.log.info("archive_left", generation=self._manner.generation, partition=owned.partition)
        owned.positions, owned.from_archive = dict(behind), False
        return True

    def _tell_wait(self, owned: Owned, error: Unavailable, seconds: float) -> None:
        telemetry.WORKER_RETRIES.inc()
        self._waiting.add(owned.partition)
        if error.what == "dead_letters":
            telemetry.log.error(
                "batch_waits",
                partition=owned.partition,
                reason=str(error),
                seconds=seconds,
                mend="no record is passed without its dead letter: let the table dead_letters take rows again (its columns,"
                " constraints, rights, space), and the partition goes on by itself",
            )
        else:
            telemetry.log.warning("batch_waits", partition=owned.partition, reason=str(error), seconds=seconds)

    async def _idle(self, owned: Owned, brake: Brake) -> None:
        """Wait until the log has news for this partition, or until someone lets it go on.

        What arrived during the last batch is news only at the next look: so many records share a transaction where many come.
        """
        if owned.halted is not None:
            await self._pause(self._settings.lease_ms / 1000 / 5)
            if await self._reload(owned) and owned.halted is None:
                brake.release()
            return
        news = self._news[owned.partition]
        if not self._stopping.is_set():
            news.clear()
            await news.wait()

    async def _reload(self, owned: Owned) -> bool:
        """Take the ledger's word for where the partition stands; False where it is no longer ours."""
        while not self._stopping.is_set():
            try:
                fresh = await self._ledger.reload(self._id, owned.partition)
            except Unavailable:
                await self._pause(1.0)
                continue
            if fresh is None or fresh.epoch != owned.epoch:
                return False
            owned.positions, owned.applied = fresh.positions, fresh.applied
            owned.halted, owned.released = fresh.halted, fresh.released
            return True
        return False

    async def _drop(self, partition: int) -> None:
        telemetry.log.info("partition_given_up", partition=partition)
        self._owned.pop(partition, None)
        task = self._running.pop(partition, None)
        if task is None:
            return
        # A batch in flight either commits before another owner's epoch or fails at the fence; cancelling rolls it back.
        task.cancel()
        await asyncio.wait([task])

    def _raise_failures(self) -> None:
        for partition, task in list(self._running.items()):
            if task.done() and not task.cancelled():
                del self._running[partition]
                self._owned.pop(partition, None)
                task.result()

    async def _finish(self) -> None:
        running = list(self._running.values())
        if running:
            await asyncio.wait(running, timeout=min(self._settings.lease_ms / 1000, LONGEST_FINISH_S))
        for task in running:
            task.cancel()
        try:
            async with asyncio.timeout(LONGEST_FAREWELL_S):
                await self._ledger.leave(self._id)
        except (Unavailable, TimeoutError) as error:
            telemetry.log.warning("left_without_goodbye", reason=str(error))

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
