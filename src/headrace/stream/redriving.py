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
from headrace.stream.letters import Choice, Letter, Letters, Position, State
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
    to_mend: bool = False
    """Whether what is to be done is to send a mended record; how one is given, whoever shows the reason adds behind it."""


class Mendable(Poison):
    """A record that cannot be sent again as it is; a mended one can."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A letter with a record that can be applied now; ``own`` says that it is the one that was asked for."""

    letter: Letter
    event: Event
    value: bytes
    mended: bool = False
    own: bool = True

    @property
    def position(self) -> Position:
        return self.letter.position

    @property
    def begun(self) -> bool:
        return self.letter.redriving is not None

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

        Of several who redrive a letter at once one record enters: it is noted with the letter before it is appended, and from
        then on nobody appends another. Where whoever noted it has died, or is not done yet, the next one carries that record
        through: it may be in the log twice, and counts once.
        """
        told: dict[Position, Told] = {}
        ready: list[_Ready] = []
        for letter in letters:
            try:
                ready.append(await self._ready(letter, payload))
            except Poison as poison:
                told[letter.position] = Told(letter.position, Outcome.REFUSED, str(poison), isinstance(poison, Mendable))
        known = await self._letters.known([one.id_hash for one in ready]) if ready else {}
        beside: dict[bytes, bytes] = {}
        chosen = []
        for one in ready:
            payload_hash = codec.payload_hash(one.event)
            counts = known.get(one.id_hash) == payload_hash
            if one.begun or (counts and not one.mended):
                chosen.append(one)
            elif counts:
                told[one.position] = Told(
                    one.position, Outcome.DUPLICATE, f"{_counts(one)}; drop the letter if that is what it was"
                )
            elif known.get(one.id_hash, beside.setdefault(one.id_hash, payload_hash)) == payload_hash:
                chosen.append(one)
            else:
                reason = (
                    f"another event with the event_id {one.event.event_id!r} counts, so this one would die of id_conflict:"
                    " give it an event_id of its own"
                )
                told[one.position] = Told(one.position, Outcome.REFUSED, reason, to_mend=True)
        begun, late = await self._begin(chosen)
        told |= late
        counted = [one for one in begun if known.get(one.id_hash) == codec.payload_hash(one.event)]
        told |= await self._settle(counted, appended=False)
        told |= await self._append([one for one in begun if one not in counted])
        return [told[letter.position] for letter in letters]

    async def _ready(self, letter: Letter, payload: bytes | None) -> _Ready:
        """Return the letter with bytes that can be applied; raises ``Poison`` with the reason why there are none."""
        if letter.state is not State.OPEN:
            raise Poison("settled", f"it was {letter.state} already")
        if letter.redriving is not None:
            return self._noted(letter, letter.redriving, own=payload is None or payload == letter.redriving)
        value = await self.whole(letter) if payload is None else payload
        try:
            event = DECODERS[self._topic(letter)](value)
        except Poison as poison:
            raise Mendable(
                poison.error_type, f"it still cannot be applied ({poison.error_type}: {poison}); mend it"
            ) from poison
        return _Ready(letter, event, value, mended=payload is not None)

    def _noted(self, letter: Letter, value: bytes, *, own: bool) -> _Ready:
        """Return the letter with the record that its redriving began with."""
        try:
            return _Ready(letter, DECODERS[self._topic(letter)](value), value, own=own)
        except Poison as poison:
            reason = "its redriving began with a record that this version cannot read: run the version that began it"
            raise Poison(poison.error_type, reason) from poison

    async def _begin(self, ready: Sequence[_Ready]) -> tuple[list[_Ready], dict[Position, Told]]:
        """Note the records; return those that are to be carried through, and what to tell of letters settled meanwhile."""
        held = await self._letters.begin_redriving({one.position: one.value for one in ready})
        begun = []
        told: dict[Position, Told] = {}
        for one in ready:
            value = held.get(one.position)
            try:
                if value is not None:
                    begun.append(one if value == one.value else self._noted(one.letter, value, own=False))
            except Poison as poison:
                told[one.position] = Told(one.position, Outcome.REFUSED, str(poison))
        return begun, told | await self._late([one for one in ready if one.position not in held])

    async def _late(self, ready: Sequence[_Ready]) -> dict[Position, Told]:
        """Return what to tell of letters that somebody else has settled."""
        if not ready:
            return {}
        choice = Choice([one.position for one in ready])
        found = {one.position: one for one in await self._letters.page(choice, after=None, limit=len(ready))}
        told = {}
        for one in ready:
            now = found.get(one.position)
            if now is not None and now.redriven_id == one.id_hash:
                reason = f"it was redriven already as the event {one.event.event_id!r}, which counts once"
                told[one.position] = Told(one.position, Outcome.DUPLICATE, reason)
            else:
                told[one.position] = Told(one.position, Outcome.REFUSED, f"it was {now.state if now else 'taken away'} already")
        return told

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
        raise Mendable(
            "cut",
            f"only {len(letter.payload):,} of its {letter.payload_bytes:,} bytes were kept, and the log no longer has the"
            " record; write it anew",
        )

    async def _append(self, ready: Sequence[_Ready]) -> dict[Position, Told]:
        """Append what is ready and settle it; a value that no table takes is refused alone."""
        if not ready:
            return {}
        try:
            await self._intake.accept_again([Again(one.event, one.value, str(one.position)) for one in ready])
        except Rejected as rejected:
            if len(ready) == 1:
                await self._letters.give_up_redriving(ready[0].position, ready[0].value)
                return {ready[0].position: Told(ready[0].position, Outcome.REFUSED, str(rejected))}
            half = len(ready) // 2
            return await self._append(ready[:half]) | await self._append(ready[half:])
        # Whatever the door says, the record is in the log: a duplicate is one whose mark was lost on the way.
        return await self._settle(ready, appended=True)

    async def _settle(self, ready: Sequence[_Ready], *, appended: bool) -> dict[Position, Told]:
        """Settle letters whose records are in the log, and return what to tell whoever asked."""
        positions = [one.position for one in ready]
        settled = await self._letters.settle(positions, State.REDRIVEN, self._clock.now_ms(), [one.id_hash for one in ready])
        told = {one.position: _told(one, appended=appended) for one in ready}
        late = await self._late([one for one in ready if one.own and one.position not in settled])
        # One that somebody else settled as this very event was redriven as was asked, by both: the door took it once.
        return told | {at: one for at, one in late.items() if one.outcome is not Outcome.DUPLICATE}


def _told(one: _Ready, *, appended: bool) -> Told:
    if not one.own:
        reason = (
            f"its redriving had begun with another record, the event {one.event.event_id!r}: that one was carried through, and"
            " this one was not appended"
        )
        return Told(one.position, Outcome.REFUSED, reason)
    if appended or one.begun:
        return Told(one.position, Outcome.REDRIVEN)
    return Told(one.position, Outcome.DUPLICATE, _counts(one))


def _counts(one: _Ready) -> str:
    return f"the event {one.event.event_id!r} counts already with this payload; nothing was appended"
