"""Dead letters published: a copy of each goes to the dead-letter topic of a log that has one.

The table is the store, and the topic its copy: a letter is marked only after the log has taken it, so a copier that dies in
between publishes it again. Readers tell copies apart by ``source_topic``, ``source_partition`` and ``source_offset``. The
embedded log has no such topic: there, the table is all there is.
"""

import asyncio
import codecs
from base64 import b64encode
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from headrace import telemetry
from headrace.errors import Unavailable
from headrace.stream.letters import Letter, Letters

AT_ONCE: Final = 100
"""Letters that are published together."""

LOOK_S: Final = 1.0
LONGEST_WAIT_S: Final = 30.0

LARGEST_ENVELOPE: Final = 900_000
"""Bytes of an envelope, below the million that brokers take by default; a payload that would make it larger is cut further."""

_encoder: Final = msgspec.json.Encoder()


class Outlet(Protocol):
    """Where copies of dead letters go."""

    async def publish(self, letters: Sequence[tuple[bytes | None, bytes]]) -> None:
        """Publish (key, JSON envelope) of each durably; raises ``Unavailable``, and then any of them may have gone out."""
        ...


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is published of a dead letter."""

    source_topic: str
    source_partition: int
    source_offset: int
    source_timestamp_ms: int
    source_key: str | None
    error_type: str
    error_message: str
    payload: str
    """The bytes as text; where they are no UTF-8, as far as they can be read."""
    failed_at_ms: int
    payload_bytes: int
    payload_sha256: str
    payload_base64: str | None = None
    """The bytes themselves, where they are no UTF-8."""


def envelope(letter: Letter) -> bytes:
    """Return the letter's envelope as JSON, never larger than ``LARGEST_ENVELOPE``."""
    payload = letter.payload
    while len(written := _encoder.encode(_envelope(letter, payload))) > LARGEST_ENVELOPE:
        payload = payload[: len(payload) // 2]
    return written


def text_of(payload: bytes, *, cut: bool) -> str | None:
    """Return the bytes as text, without a character that the cut went through; None where they are no UTF-8."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(payload, final=not cut)
    except UnicodeDecodeError:
        return None


def _envelope(letter: Letter, payload: bytes) -> Envelope:
    text = text_of(payload, cut=len(payload) < letter.payload_bytes)
    return Envelope(
        source_topic=letter.position.topic,
        source_partition=letter.position.partition,
        source_offset=letter.position.offset,
        source_timestamp_ms=letter.timestamp_ms,
        source_key=letter.key,
        error_type=letter.error_type,
        error_message=letter.error_message,
        payload=payload.decode("utf-8", "replace") if text is None else text,
        failed_at_ms=letter.failed_at_ms,
        payload_bytes=letter.payload_bytes,
        payload_sha256=letter.payload_sha256.hex(),
        payload_base64=b64encode(payload).decode() if text is None else None,
    )


class Copier:
    """Publishes the letters that are not copied yet; several of them, in several workers, share the work."""

    def __init__(self, letters: Letters, outlet: Outlet) -> None:
        self._letters = letters
        self._outlet = outlet

    async def run(self) -> None:
        """Copy for as long as it runs. Lives through every ``Unavailable``: the letters wait in their table."""
        wait_s = LOOK_S
        while True:
            try:
                while await self.copy():
                    pass
                wait_s = LOOK_S
            except Unavailable as error:
                telemetry.log.warning("dead_letters_wait", reason=str(error), seconds=wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            await asyncio.sleep(wait_s)

    async def copy(self) -> int:
        """Publish the next letters and return how many; 0 where all are copied. Raises ``Unavailable``."""
        async with self._letters.uncopied(AT_ONCE) as letters:
            if letters:
                keys = [None if one.key is None else one.key.encode("utf-8", "replace") for one in letters]
                await self._outlet.publish(list(zip(keys, map(envelope, letters), strict=True)))
        telemetry.DEAD_LETTERS_COPIED.inc(len(letters))
        return len(letters)
