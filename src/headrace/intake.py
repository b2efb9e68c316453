"""The one door: every event, impressions of our own answers included, is stamped, encoded and appended here."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client import Counter as Counted

from headrace import telemetry
from headrace.clock import Clock
from headrace.errors import Poison, Rejected, Unavailable, Violation
from headrace.events import codec
from headrace.events.items import ItemChange
from headrace.events.types import Event, Impression, Interaction, Watch, key_of
from headrace.log.port import Log, NewRecord, Topic, Verdict

TOPIC_OF: Final[dict[type[Event], Topic]] = {
    Interaction: Topic.INTERACTION,
    Watch: Topic.WATCH,
    Impression: Topic.IMPRESSION,
    ItemChange: Topic.CATALOGUE,
}

MOST_WAITING: Final = 50_000
"""Impressions of our own answers held while the log is away; the oldest are given up beyond that, and counted."""

LARGEST_GROUP: Final = 500
LAST_TRIES_S: Final = 2.0
"""How long a closing process goes on trying to deliver what waits."""


class Listener(Protocol):
    """Hears of every event this process has acknowledged, before its sender does."""

    def acknowledged(self, event: Event) -> None:
        """Take note of an event that the log has just taken."""
        ...


@dataclass(frozen=True, slots=True)
class Again:
    """A record that died and is to be applied now: its event, its bytes as they are, and the position it died at."""

    event: Event
    value: bytes
    origin: str


class Intake:
    """Appends judged events to the log and tells what became of each."""

    def __init__(self, log: Log, clock: Clock, listener: Listener | None = None) -> None:
        self._log = log
        self._clock = clock
        self._listener = listener
        self._waiting: deque[Impression] = deque()
        self._deliverer: asyncio.Task[None] | None = None
        self._closing_by: float | None = None
        self._counters: dict[tuple[Topic, Verdict], Counted] = {}

    async def accept(self, events: Sequence[Event], *, atomic: bool = True, history: bool = False) -> list[Verdict]:
        """Append events durably and return one verdict each, in order; see ``log.port`` for ``atomic``.

        ``history`` says that these are a declared import, whose ids are remembered for good. Raises ``Unavailable``: the
        outcome is then unknown, and sending the same events again is safe. Raises ``Rejected`` for a value no table takes.
        """
        records = self._records(events, kept=history)
        try:
            verdicts = await self._log.append(records, atomic=atomic)
        except Poison as poison:
            raise _refused(poison) from poison
        self._note(events, records, verdicts, stored=not (atomic and Verdict.CONFLICT in verdicts))
        return verdicts

    async def accept_each(self, events: Sequence[Event]) -> list[Verdict | Rejected]:
        """Append events that have nothing to do with each other, and return what became of each, in order.

        One that is refused keeps none of the others from its place. Raises ``Unavailable``, as ``accept`` does.
        """
        records = self._records(events, kept=False)
        outcomes = await self._log.append_each(records)
        self._note(events, records, outcomes, stored=True)
        return [_refused(outcome) if isinstance(outcome, Poison) else outcome for outcome in outcomes]

    async def accept_again(self, records: Sequence[Again]) -> list[Verdict]:
        """Append dead records once more and return one verdict each, in order; their events were applied by nobody yet.

        The door knows each by where it died and what it holds: the event's own id may be in its memory from when it died.
        Raises ``Unavailable``, as ``accept`` does, and ``Rejected``.
        """
        now_ms = self._clock.now_ms()
        new = []
        for again in records:
            payload_hash = codec.payload_hash(again.event)
            origin = codec.id_hash(f"redriven from {again.origin} as {payload_hash.hex()}")
            topic, key = TOPIC_OF[type(again.event)], key_of(again.event)
            new.append(NewRecord(topic, key, again.value, now_ms, origin, payload_hash))
        try:
            return await self._log.append(new, atomic=False)
        except Poison as poison:
            raise Rejected(422, "The record cannot be stored", (Violation("", str(poison)),)) from poison

    def accept_later(self, impression: Impression) -> None:
        """Take the impression of our own answer without holding the answer up; delivered soon, and before closing."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            telemetry.IMPRESSIONS_DROPPED.inc()
        self._waiting.append(impression)
        if self._deliverer is None:
            self._deliverer = asyncio.create_task(self._deliver())

    async def close(self) -> None:
        """Deliver the impressions that wait, for at most a few seconds, then close the log's side. Idempotent."""
        self._closing_by = self._clock.monotonic() + LAST_TRIES_S
        if self._deliverer is not None:
            # A database that hangs must not hold the process: what it did not take by then is told and left.
            deliverer = self._deliverer
            await asyncio.wait([deliverer], timeout=LAST_TRIES_S)
            deliverer.cancel()
        if self._waiting:
            telemetry.log.error("impressions_not_delivered", count=len(self._waiting))

    def _records(self, events: Sequence[Event], *, kept: bool) -> list[NewRecord]:
        now_ms = self._clock.now_ms()
        return [_record(event, now_ms, kept=kept) for event in events]

    def _note(
        self, events: Sequence[Event], records: Sequence[NewRecord], outcomes: Sequence[Verdict | Poison], *, stored: bool
    ) -> None:
        """Count what became of them, and tell who listens of those that are new."""
        counts = Counter((one.topic, end) for one, end in zip(records, outcomes, strict=True) if not isinstance(end, Poison))
        for kind, count in counts.items():
            self._count(kind, count)
        if stored and self._listener is not None:
            for event, outcome in zip(events, outcomes, strict=True):
                if outcome is Verdict.OK:
                    self._listener.acknowledged(event)

    def _count(self, kind: tuple[Topic, Verdict], count: int) -> None:
        counter = self._counters.get(kind)
        if counter is None:
            topic, verdict = kind
            counter = self._counters[kind] = telemetry.EVENTS_ACCEPTED.labels(self._log.name(topic), verdict)
        counter.inc(count)

    async def _deliver(self) -> None:
        wait_s = 0.05
        try:
            while self._waiting:
                group = [self._waiting[n] for n in range(min(len(self._waiting), LARGEST_GROUP))]
                telemetry.IMPRESSIONS_WAITING.set(len(self._waiting))
                try:
                    await self._hand_over(group)
                except Unavailable as error:
                    if self._closing_by is not None and self._clock.monotonic() > self._closing_by:
                        return
                    telemetry.log.warning("impressions_wait", reason=str(error), count=len(self._waiting))
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, 2.0)
                    continue
                wait_s = 0.05
                sent = {impression.event_id for impression in group}
                while self._waiting and self._waiting[0].event_id in sent:
                    self._waiting.popleft()
            telemetry.IMPRESSIONS_WAITING.set(0)
        finally:
            self._deliverer = None

    async def _hand_over(self, group: Sequence[Impression]) -> None:
        """Append a group; of one that is refused the others are taken."""
        for impression, outcome in zip(group, await self.accept_each(group), strict=True):
            if isinstance(outcome, Rejected):
                # Ours to blame, and no reason to hold up or to lose those beside it.
                telemetry.log.error("impression_refused", reason=str(outcome), event_id=impression.event_id)
                telemetry.IMPRESSIONS_DROPPED.inc()


def _refused(poison: Poison) -> Rejected:
    return Rejected(422, "The event cannot be stored", (Violation("", str(poison)),))


def _record(event: Event, now_ms: int, *, kept: bool) -> NewRecord:
    value, payload_hash = codec.sealed(event, now_ms)
    return NewRecord(
        topic=TOPIC_OF[type(event)],
        key=key_of(event),
        value=value,
        timestamp_ms=now_ms,
        id_hash=codec.id_hash(event.event_id),
        payload_hash=payload_hash,
        kept=kept,
    )
