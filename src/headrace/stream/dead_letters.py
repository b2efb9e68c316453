"""Records that can never be applied: their envelope, and the brake that stops a partition when too many die."""

from collections import deque
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from headrace.errors import Poison
from headrace.events import codec
from headrace.log.port import StoredRecord, Topic

LARGEST_PAYLOAD: Final = 64 * 1024
"""Bytes of a payload that are stored; the hash and the size are of the whole."""

LONGEST_MESSAGE: Final = 2000
LONGEST_KEY: Final = 512
"""Characters of a key that are stored: our own keys are shorter, a foreign producer's may be as large as a record."""

LOOK_BACK: Final = 1000
"""Records over which the brake takes its ratio."""

ENOUGH: Final = 100
"""Records the brake must have seen before it judges a ratio."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A poisonous record in its envelope."""

    topic: Topic
    partition: int
    offset: int
    timestamp_ms: int
    key: str | None
    error_type: str
    error_message: str
    payload: bytes
    payload_bytes: int
    payload_sha256: bytes
    failed_at_ms: int
    event_id: str | None
    """The id that its event was sent with, where one can be read."""


def envelope(record: StoredRecord, poison: Poison, failed_at_ms: int) -> DeadLetter:
    """Return the record's envelope; a payload larger than any limit is cut, with the size and hash of the whole."""
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.place,
        timestamp_ms=record.timestamp_ms,
        key=None if record.key is None else _storable(record.key, LONGEST_KEY),
        error_type=poison.error_type,
        error_message=_storable(str(poison), LONGEST_MESSAGE),
        payload=record.value[:LARGEST_PAYLOAD],
        payload_bytes=len(record.value),
        payload_sha256=sha256(record.value).digest(),
        failed_at_ms=failed_at_ms,
        event_id=codec.event_id_of(record.value),
    )


def _storable(text: str, longest: int) -> str:
    """Return a text that Postgres takes: cut, without NUL and lone surrogates."""
    return text[:longest].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


class Brake:
    """Says when too many records of one partition die, so that it stops instead of pouring all into the dead letters."""

    def __init__(self, *, run: int, ratio: float) -> None:
        self._run = run
        self._ratio = ratio
        self._died: deque[bool] = deque(maxlen=LOOK_BACK)
        self._in_a_row = 0
        self._released = False

    def release(self) -> None:
        """Let the bad stretch pass that halted the partition: someone has looked at it. The brake holds again behind it."""
        self._released = True
        self._in_a_row = 0
        self._died.clear()

    def would_halt(self, died: list[bool]) -> str | None:
        """Return why the partition must stop if these records (true: dead) were passed as well; None where it need not."""
        return None if self._released else self._judge(died)

    def _judge(self, died: list[bool]) -> str | None:
        in_a_row = self._in_a_row
        for dead in died:
            in_a_row = in_a_row + 1 if dead else 0
            if in_a_row >= self._run:
                return f"{in_a_row} records in a row could not be applied"
        seen = [*self._died, *died][-LOOK_BACK:]
        if len(seen) >= ENOUGH and sum(seen) > self._ratio * len(seen):
            return f"{sum(seen)} of the last {len(seen)} records could not be applied"
        return None

    def rearms(self, died: list[bool]) -> bool:
        """Return whether the bad stretch that was let pass is over once these are passed: the brake holds again then."""
        return self._released and not all(died) and self._judge(died) is None

    def note(self, died: list[bool]) -> None:
        """Take note of records that were passed."""
        if self._released:
            if not self.rearms(died):
                return
            self._released = False
        for dead in died:
            self._in_a_row = self._in_a_row + 1 if dead else 0
        self._died.extend(died)
