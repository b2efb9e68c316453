"""Dead letters sent through the log again: by the one door, only what can be applied now, and each event counts once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from headrace.clock import Clock
from headrace.errors import Poison, Rejected
from headrace.events import codec
from headrace.events.types import Event
from headrace.intake import Again, Intake
from headrace.log.port import Log, Misplaced, Topic
from headrace.stream.letters import Letter, Letters, Position, State
from headrace.stream.processor import DECODERS

LOOKS: Final = 20
LOOK_S: Final = 0.1
"""A log that reads ahead may need a moment to come back to an old position."""


class Outcome(StrEnum):
    """What became of a letter that was to be redriven."""

    REDRIVEN = "redriven"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Told:
    """A letter's outcome; ``reason`` says why it was not appended, and what to do."""

    position: Position
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A letter whose bytes can be applied now."""

    letter: Letter
    event: Event
    value: bytes
    mended: bool

    @property
    def id_hash(self) -> bytes:
        return codec.id_hash(self.event.event_id)


class Redriver:
    """Redrives letters of one generation."""

    def __init__(self, letters: Letters, log: Log, intake: Intake, clock: Clock) -> None:
        self._letters = letters
        self._log = log
        self._intake = intake
        self._clock = clock
        self._topics: Mapping[str, Topic] = {log.name(topic): topic for topic in Topic}

    async def redrive(self, letters: Sequence[Letter], *, payload: bytes | None = None) -> list[Told]:
        """Send these letters' records through the log again and return what became of each, in order.

        ``payload`` stands in for the bytes of all of them. A record that still cannot be applied, or that would die again, is
        refused and nothing of it is appended. Raises ``Unavailable``: trying again is safe then, because the door knows a
        record redriven from the same position, and whoever applies it knows the event's id.
        """
        told: dict[Position, Told] = {}
        ready: list[_Ready] = []
        for letter in letters:
            try:
                ready.append(await self._ready(letter, payload))
            except Poison as poison:
                told[letter.position] = Told(letter.position, Outcome.REFUSED, str(poison))
        known = await self._letters.known([one.id_hash for one in ready]) if ready else {}
        beside: dict[bytes, bytes] = {}
        appended = []
        for one in ready:
            position = one.letter.position
            payload_hash = codec.payload_hash(one.event)
            if known.get(one.id_hash) == payload_hash:
                told[position] = await self._counts_already(one)
            elif known.get(one.id_hash, beside.setdefault(one.id_hash, payload_hash)) == payload_hash:
                appended.append(one)
            else:
                reason = (
                    f"another event with the event_id {one.event.event_id!r} counts, so this one would die of id_conflict:"
                    " give it an event_id of its own, with --payload"
                )
                told[position] = Told(position, Outcome.REFUSED, reason)
        told.update({one.position: one for one in await self._append(appended)})
        return [told[letter.position] for letter in letters]

    async def _ready(self, letter: Letter, payload: bytes | None) -> _Ready:
        """Return the letter with bytes that can be applied; raises ``Poison`` with the reason why there are none."""
        if letter.state is not State.OPEN:
            raise Poison("settled", f"it was {letter.state} already")
        value = await self.whole(letter) if payload is None else payload
        try:
            event = DECODERS[self._topic(letter)](value)
        except Poison as poison:
            raise Poison(
                poison.error_type, f"it still cannot be applied ({poison.error_type}: {poison}); mend it with --payload"
            ) from poison
        return _Ready(letter, event, value, mended=payload is not None)

    def _topic(self, letter: Letter) -> Topic:
        topic = self._topics.get(letter.position.topic)
        if topic is None:
            raise Poison("unknown_topic", f"no topic is called {letter.position.topic} any more: set the TOPIC_ setting back")
        return topic

    async def whole(self, letter: Letter) -> bytes:
        """Return all bytes of the record, from the letter or, where that has a part only, from the log.

        Raises ``Poison`` where neither has them, and ``Unavailable``.
        """
        if letter.whole:
            return letter.payload
        at, topic = letter.position, self._topic(letter)
        for _ in range(LOOKS):
            try:
                found = await self._log.read(at.partition, {topic: at.offset}, limit=1)
            except Misplaced:
                break
            if found and (found[0].offset != at.offset or sha256(found[0].value).digest() != letter.payload_sha256):
                break
            if found:
                return found[0].value
            await asyncio.sleep(LOOK_S)
        raise Poison(
            "cut",
            f"only {len(letter.payload):,} of its {letter.payload_bytes:,} bytes were kept, and the log no longer has the"
            " record; write it anew with --payload",
        )

    async def _counts_already(self, one: _Ready) -> Told:
        """Settle a letter whose very event counts by now; another payload that was named for it settles nothing."""
        position = one.letter.position
        reason = f"the event {one.event.event_id!r} counts already with this payload; nothing was appended"
        if one.mended:
            return Told(position, Outcome.DUPLICATE, f"{reason}; drop the letter if that is what it was")
        await self._letters.settle([position], State.REDRIVEN, self._clock.now_ms(), [one.id_hash])
        return Told(position, Outcome.DUPLICATE, reason)

    async def _append(self, ready: Sequence[_Ready]) -> list[Told]:
        """Append what is ready and settle it; a value that no table takes is refused alone."""
        if not ready:
            return []
        try:
            await self._intake.accept_again([Again(one.event, one.value, str(one.letter.position)) for one in ready])
        except Rejected as rejected:
            if len(ready) == 1:
                return [Told(ready[0].letter.position, Outcome.REFUSED, str(rejected))]
            half = len(ready) // 2
            return [*await self._append(ready[:half]), *await self._append(ready[half:])]
        # Whatever the door says, the record is in the log: a duplicate is one whose mark was lost on the way.
        positions = [one.letter.position for one in ready]
        await self._letters.settle(positions, State.REDRIVEN, self._clock.now_ms(), [one.id_hash for one in ready])
        return [Told(position, Outcome.REDRIVEN) for position in positions]
