"""One batch of one partition: read, decode, project, apply, commit. Offset and effect share a transaction.

Two kinds of failure. The infrastructure's raises ``Unavailable``: nothing moved, the caller backs off and tries again. The
data's raises ``Poison``: the batch is halved until the guilty record stands alone; that one is dead-lettered, all others count.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, NamedTuple

import msgspec

from headrace import telemetry
from headrace.clock import Clock
from headrace.errors import Poison
from headrace.events import codec
from headrace.events.items import ItemChange
from headrace.events.types import Event, Impression, Watch
from headrace.features import outcomes
from headrace.features.projection import Recent, project
from headrace.features.writes import Writes
from headrace.log.port import Misplaced, Reader, StoredRecord, Topic
from headrace.stream.dead_letters import Brake, DeadLetter, envelope
from headrace.stream.ledger import Applied, Ledger, NewId, Owned, Page, Repeat, Tally, next_positions
from headrace.stream.manner import Manner

DECODERS: Final[dict[Topic, Callable[[bytes], Event]]] = {
    Topic.INTERACTION: codec.decode_interaction,
    Topic.WATCH: codec.decode_watch,
    Topic.IMPRESSION: codec.decode_impression,
    Topic.CATALOGUE: codec.decode_change,
}


class Decoded(NamedTuple):
    """A record and what it holds: an event, or the reason why it holds none."""

    record: StoredRecord
    event: Event | Poison


@dataclass(slots=True)
class Judged:
    """A batch told apart: events that count, letters of those that cannot, and those that counted before."""

    applied: list[Applied] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    repeats: list[Repeat] = field(default_factory=list)


class _Halting(Exception):
    """The brake: rolls the batch back."""


class Processor:
    """Applies what the log holds for one partition, or the archive of its generation's source."""

    def __init__(
        self, log: Reader, ledger: Ledger, clock: Clock, brake: Brake, *, limit: int, manner: Manner | None = None
    ) -> None:
        self._log = log
        self._ledger = ledger
        self._clock = clock
        self._brake = brake
        self._limit = limit
        self._manner = manner or Manner(clock)
        self.lag_ms: dict[Topic, int] = {}
        """Milliseconds the oldest record of each topic had waited when it was last read; none where all are applied."""

    async def step(self, owned: Owned) -> int:
        """Apply the next batch, commit, move ``owned`` on and return how many records were passed; 0 where none is new.

        Raises ``Unavailable`` (nothing is known to have moved: reload ``owned``) and ``Fenced``.
        """
        if owned.halted is not None:
            return 0
        limit = self._manner.limit(self._limit)
        try:
            records = await self._read(owned, limit)
            if not owned.from_archive and _gaps(owned, records):
                # A second look tells a range that a client skipped from one that the log really lost.
                telemetry.WORKER_REREADS.inc()
                records = await self._read(owned, limit)
        except Misplaced as misplaced:
            await self._halt(owned, str(misplaced))
            return 0
        now_ms = self._clock.now_ms()
        self.lag_ms = {record.topic: max(0, now_ms - record.timestamp_ms) for record in reversed(records)}
        if not records:
            return 0
        try:
            await self._apply(owned, [Decoded(record, _decode(record)) for record in records])
        except _Halting as halting:
            await self._halt(owned, str(halting))
            return 0
        return len(records)

    async def _read(self, owned: Owned, limit: int) -> list[StoredRecord]:
        """Return what the log hands over, without what nobody asked for."""
        handed = await self._log.read(owned.partition, owned.positions, limit=limit)
        records = _onward(owned, handed)
        if strays := len(handed) - len(records):
            telemetry.WORKER_STRAYS.inc(strays)
            telemetry.log.warning("records_left_aside", partition=owned.partition, count=strays)
        return records

    async def _halt(self, owned: Owned, reason: str) -> None:
        owned.halted = reason
        telemetry.log.error("partition_halted", partition=owned.partition, reason=reason)
        await self._ledger.halt(owned, reason)

    async def _apply(self, owned: Owned, batch: Sequence[Decoded]) -> None:
        try:
            await self._commit(owned, batch)
        except Poison as poison:
            if len(batch) == 1:
                await self._commit(owned, [Decoded(batch[0].record, poison)])
                return
            half = len(batch) // 2
            await self._apply(owned, batch[:half])
            await self._apply(owned, batch[half:])

    async def _commit(self, owned: Owned, batch: Sequence[Decoded]) -> None:
        started = perf_counter()
        records = [decoded.record for decoded in batch]
        positions = next_positions(owned, records)
        async with self._ledger.page() as page:
            await page.fence(owned, positions, len(records))
            if not owned.from_archive:  # an archive leaves out what was not counted
                await _pass(page, owned, _gaps(owned, records))
            judged = await self._judge(page, owned, batch)
            poisoned = {(letter.topic, letter.offset) for letter in judged.letters}
            died = [(record.topic, record.place) in poisoned for record in records]
            if (halt := self._brake.would_halt(died)) is not None:
                raise _Halting(halt)
            await self._write(page, owned, judged)
            await page.tally(owned, self._tally(judged, len(records), rearmed=self._brake.rearms(died)))
        owned.positions = positions
        owned.applied += len(records)
        self._brake.note(died)
        self._count(records, judged, (perf_counter() - started) * 1000)

    async def _judge(self, page: Page, owned: Owned, batch: Sequence[Decoded]) -> Judged:
        """Tell events that count from duplicates, conflicts and poison. Each record has its applied number."""
        judged = Judged()
        ids: dict[bytes, NewId] = {}
        firsts: list[tuple[StoredRecord, Event, NewId]] = []
        repeats: list[tuple[StoredRecord, bytes, bytes]] = []
        now_ms = self._clock.now_ms()
        for number, (record, event) in enumerate(((one.record, one.event) for one in batch), start=owned.applied):
            if isinstance(event, Poison):
                judged.letters.append(envelope(record, event, now_ms))
                continue
            identity = codec.id_hash(event.event_id)
            payload = codec.payload_hash(event)
            if identity in ids:
                repeats.append((record, identity, payload))
                continue
            kept = event.ts_ms < event.server_received_ts_ms - self._manner.kept_after_ms
            ids[identity] = NewId(identity, payload, number, event.ts_ms, kept)
            firsts.append((record, event, ids[identity]))
        known = await page.remember(owned, list(ids.values())) if ids else {}
        for record, event, new in firsts:
            if new.id_hash in known:
                repeats.append((record, new.id_hash, new.payload_hash))
            else:
                judged.applied.append(Applied(event, record.topic, record.place, new.applied))
        for record, identity, payload in repeats:
            if known.get(identity, ids[identity].payload_hash) == payload:
                judged.repeats.append(Repeat(identity, record.topic, record.place))
            else:
                poison = Poison("id_conflict", "an event with this event_id and another payload came before")
                judged.letters.append(envelope(record, poison, now_ms))
        return judged

    async def _write(self, page: Page, owned: Owned, judged: Judged) -> None:
        events = [one.event for one in judged.applied]
        users = {event.user_id for event in events if not isinstance(event, Impression | ItemChange)}
        items = {event.item_id for event in events if isinstance(event, ItemChange)}
        requests = outcomes.requests_of(events)
        recent = Recent(
            histories=await page.histories(users) if users else {},
            outcomes=await page.outcomes(requests) if requests else outcomes.OutcomeMemory(),
            items=await page.catalogue(items) if items else {},
        )
        known = {request: frozenset(items) for request, items in recent.outcomes.follow_ups.items()}
        writes = Writes()
        for event in events:
            project(event, recent, self._ledger.rules, writes)
        if events:
            await page.archive(owned, judged.applied)
            received = [event.server_received_ts_ms for event in events]
            await page.apply(owned, writes, outcomes.new_follow_ups(recent.outcomes, known), received)
        if judged.letters:
            await page.bury(judged.letters)

    def _tally(self, judged: Judged, records: int, *, rearmed: bool) -> Tally:
        now_ms = self._clock.now_ms()
        events = [one.event for one in judged.applied]
        return Tally(
            records=records,
            counted=Counter(one.topic for one in judged.applied),
            repeats=judged.repeats,
            dead=len(judged.letters),
            newest_ts_ms=max((event.ts_ms for event in events if not isinstance(event, Impression | ItemChange)), default=0),
            applied_at_ms=now_ms,
            latency_ms=max((now_ms - event.server_received_ts_ms for event in events), default=0),
            rearmed=rearmed,
        )

    def _count(self, records: Sequence[StoredRecord], judged: Judged, took_ms: float) -> None:
        if not self._manner.main:
            telemetry.REPLAY_APPLIED.labels(str(self._manner.generation)).inc(len(records))
            return
        now_ms = self._clock.now_ms()
        telemetry.WORKER_BATCH_MS.observe(took_ms)
        for topic, count in Counter(record.topic for record in records).items():
            telemetry.WORKER_PROCESSED.labels(self._log.name(topic)).inc(count)
        for repeat in judged.repeats:
            telemetry.WORKER_DUPLICATES.labels(self._log.name(repeat.topic)).inc()
        for letter in judged.letters:
            telemetry.WORKER_DLQ.labels(self._log.name(letter.topic), letter.error_type).inc()
        for one in judged.applied:
            if isinstance(one.event, Watch):
                telemetry.WATCH_TO_FEATURE.observe(max(0, now_ms - one.event.server_received_ts_ms))


def _decode(record: StoredRecord) -> Event | Poison:
    try:
        event = DECODERS[record.topic](record.value)
    except Poison as poison:
        return poison
    if event.server_received_ts_ms > 0:
        return event
    # Another producer's record carries no stamp of our door: the log's own time stands in for it.
    return msgspec.structs.replace(event, server_received_ts_ms=record.timestamp_ms)


async def _pass(page: Page, owned: Owned, gaps: Sequence[tuple[Topic, int, int]]) -> None:
    """Record offsets that the log no longer has."""
    for topic, first_missing, next_present in gaps:
        await page.pass_gap(owned, topic, first_missing, next_present)
        telemetry.WORKER_GAPS.inc()
        telemetry.log.error("offsets_missing", topic=topic, partition=owned.partition, start=first_missing, end=next_present)


def _gaps(owned: Owned, records: Sequence[StoredRecord]) -> list[tuple[Topic, int, int]]:
    """Return (topic, first missing, next present) for every range of offsets that these records leave out."""
    expected = dict(owned.positions)
    gaps = []
    for record in records:
        if record.offset != expected[record.topic]:
            gaps.append((record.topic, expected[record.topic], record.offset))
        expected[record.topic] = record.offset + 1
    return gaps


def _onward(owned: Owned, records: Sequence[StoredRecord]) -> list[StoredRecord]:
    """Return the records without those a client hands over again (below our position, or twice), or of another partition."""
    expected = dict(owned.positions)
    onward = []
    for record in records:
        if record.partition == owned.partition and record.offset >= expected[record.topic]:
            expected[record.topic] = record.offset + 1
            onward.append(record)
    return onward
