"""How soon an event is visible, seen from outside: by somebody else's question, through worker, changelog and snapshot.

What a replica has acknowledged for a user is in that user's own next answer at once, which would prove little. So a person
nobody else is acts on two new items in one session, and ``/similar`` of the first is asked until it shows the second.
"""

import asyncio
from typing import Final
from uuid import uuid4

import aiohttp
import msgspec

from headrace.clock import Clock

EVERY_S: Final = 1.0
LOOK_S: Final = 0.005
PATIENCE_S: Final = 10.0


class _Shown(msgspec.Struct):
    items: list[str]


_shown: Final = msgspec.json.Decoder(_Shown)


class Probe:
    """Looks once a second; ``lags_ms`` are from the acknowledgement to the end of the first answer that shows it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, clock: Clock) -> None:
        self._session = session
        self._url = url
        self._clock = clock
        self.lags_ms: list[float] = []
        self.errors = 0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                self.lags_ms.append(await self.look())
            except (aiohttp.ClientError, TimeoutError):
                self.errors += 1
            await asyncio.sleep(EVERY_S)

    async def look(self) -> float:
        """Return how many milliseconds one event took; raises ``TimeoutError`` when it is not seen in 10 s."""
        name = uuid4().hex[:12]
        first, second = f"probe-{name}-a", f"probe-{name}-b"
        await self._tell(name, first)
        await self._tell(name, second)
        acknowledged = self._clock.monotonic()
        while self._clock.monotonic() - acknowledged < PATIENCE_S:
            async with self._session.get(f"{self._url}/similar", params={"item_id": first}) as response:
                response.raise_for_status()
                if second in _shown.decode(await response.read()).items:
                    return (self._clock.monotonic() - acknowledged) * 1000
            await asyncio.sleep(LOOK_S)
        raise TimeoutError

    async def _tell(self, name: str, item: str) -> None:
        event = {
            "event_id": item,
            "user_id": f"probe-{name}",
            "item_id": item,
            "event_type": "view",
            "ts": self._clock.now_ms(),
            "session_id": name,
        }
        async with self._session.post(f"{self._url}/event", data=msgspec.json.encode(event)) as response:
            response.raise_for_status()
