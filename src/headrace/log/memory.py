"""Which ids were taken before: those acknowledged lately here, and those whoever applies events already knows."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from headrace.errors import Unavailable
from headrace.log.port import NewRecord, Verdict

LATELY: Final = 100_000
"""Ids remembered in memory, some 20 MB; the oldest go first."""

PATIENCE_S: Final = 0.25
PAUSE_S: Final = 2.0
"""A look that fails or takes longer is left out, and so are those of the next seconds: it may cost no event its way in."""

Look = Callable[[list[bytes]], Awaitable[Mapping[bytes, bytes]]]
"""Returns id and payload of those of these ids that are known; raises ``Unavailable``."""


class Memory:
    """Tells a repeated event from a new one as well as can be without asking every process."""

    def __init__(self, look: Look | None = None) -> None:
        self.look = look
        self._lately: dict[bytes, bytes] = {}
        self._wanted: list[bytes] = []
        self._answer: asyncio.Future[Mapping[bytes, bytes]] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._no_look_before = 0.0

    def note(self, records: Iterable[NewRecord]) -> None:
        """Remember records that were acknowledged; of two payloads of one id the first stays."""
        for record in records:
            self._lately.setdefault(record.id_hash, record.payload_hash)
        while len(self._lately) > LATELY:
            del self._lately[next(iter(self._lately))]

    def lately(self, identity: bytes) -> bytes | None:
        """Return the payload that an id was acknowledged with here, not long ago."""
        return self._lately.get(identity)

    async def known(self, records: Sequence[NewRecord]) -> Mapping[bytes, bytes]:
        """Return id and payload of what is known to whoever applies events; nothing where they cannot be asked now."""
        unknown = [record.id_hash for record in records if record.id_hash not in self._lately]
        loop = asyncio.get_running_loop()
        if not unknown or self.look is None or loop.time() < self._no_look_before:
            return {}
        self._wanted += unknown
        if self._answer is None:
            self._answer = loop.create_future()
        answer = self._answer
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(answer)

    async def _look(self) -> None:
        """Look for all that is wanted at this moment with one question; what comes meanwhile is the next one."""
        try:
            while self._answer is not None and self.look is not None:
                wanted, self._wanted = self._wanted, []
                answer, self._answer = self._answer, None
                found: Mapping[bytes, bytes] = {}
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        found = await self.look(wanted)
                except (Unavailable, TimeoutError):
                    self._no_look_before = asyncio.get_running_loop().time() + PAUSE_S
                finally:
                    answer.set_result(found)
        finally:
            self._looking = None


def judged(
    records: Sequence[NewRecord], payload_of: Callable[[NewRecord], bytes | None]
) -> tuple[list[Verdict], list[NewRecord]]:
    """Return the verdict of each record and those that are new; the first of two equal ids in one call wins."""
    own: dict[bytes, bytes] = {}
    verdicts: list[Verdict] = []
    fresh: list[NewRecord] = []
    for record in records:
        payload = own.get(record.id_hash) or payload_of(record)
        if payload is None:
            own[record.id_hash] = record.payload_hash
            fresh.append(record)
            verdicts.append(Verdict.OK)
        else:
            verdicts.append(Verdict.DUPLICATE if payload == record.payload_hash else Verdict.CONFLICT)
    return verdicts, fresh
