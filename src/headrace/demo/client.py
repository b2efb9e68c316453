"""The public HTTP API as a simulated person's device sees it: nothing of the product is imported here."""

from types import TracebackType
from typing import Final, Self

import aiohttp
import msgspec

from headrace.clock import Clock

_PATIENCE: Final = aiohttp.ClientTimeout(total=10)
_CONNECTIONS: Final = 64
_UNAVAILABLE: Final = 503
_OK: Final = 200
_REFUSED: Final = 422


class ApiAway(Exception):
    """Nothing answers there, or not what this demonstration can talk to. The message says what to do."""


class Answer(msgspec.Struct):
    """What ``/reco`` answered, as far as it matters here; unknown fields are passed over."""

    request_id: str
    items: list[str]


class Refused(Exception):
    """A request that was not answered with 200; ``kind`` is a short name to count by."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


_answers: Final = msgspec.json.Decoder(Answer)


class Client:
    """Asks and tells over a pool of connections; an async context manager."""

    def __init__(self, url: str, clock: Clock, space: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._clock = clock
        self._headers = {} if space is None else {"X-Headrace-Space": space}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool."""
        self._session = aiohttp.ClientSession(
            timeout=_PATIENCE, connector=aiohttp.TCPConnector(limit=_CONNECTIONS), headers=self._headers
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def check(self) -> None:
        """Make sure that the API can answer; raises ``ApiAway``."""
        try:
            status, _ = await self._call("GET", "/readyz")
        except Refused as refused:
            raise ApiAway(
                f"Nothing answers at {self._url} ({refused.kind}): start it with `headrace run` (or `make run`) in another "
                "terminal, or name another address with --url."
            ) from None
        if status == _UNAVAILABLE:
            raise ApiAway(
                f"{self._url} is up but cannot answer yet: {self._url}/readyz says what is missing. Try again in a moment."
            )
        if self._headers and status == _REFUSED:
            raise ApiAway(f"{self._url} has no space {self._headers['X-Headrace-Space']}: see `headrace spaces list`.")
        if status != _OK:
            raise ApiAway(f"{self._url}/readyz answers {status}: this is not headrace's API. Name the right one with --url.")

    async def ask(self, user_id: str, session_id: str, k: int) -> tuple[Answer, float]:
        """Return the answer of ``/reco``, which logs the impression itself, and its milliseconds; raises ``Refused``."""
        began = self._clock.monotonic()
        status, body = await self._call("GET", "/reco", params={"user_id": user_id, "session_id": session_id, "k": str(k)})
        latency_ms = 1000 * (self._clock.monotonic() - began)
        if status != _OK:
            raise Refused(f"/reco {status}")
        try:
            return _answers.decode(body), latency_ms
        except msgspec.DecodeError:
            raise Refused("/reco answer not understood") from None

    async def tell(self, path: str, event: dict[str, object]) -> None:
        """Post an event; returns once it is acknowledged, raises ``Refused``."""
        status, _ = await self._call("POST", path, event=event)
        if status != _OK:
            raise Refused(f"{path} {status}")

    async def metrics_page(self) -> str:
        """Return the text of ``/metrics/prometheus``; raises ``Refused``."""
        status, body = await self._call("GET", "/metrics/prometheus")
        if status != _OK:
            raise Refused(f"/metrics/prometheus {status}")
        return body.decode(errors="replace")

    async def _call(
        self, method: str, path: str, *, params: dict[str, str] | None = None, event: dict[str, object] | None = None
    ) -> tuple[int, bytes]:
        if self._session is None:
            raise RuntimeError("the client is used inside `async with`")
        body = None if event is None else msgspec.json.encode(event)
        headers = {"Content-Type": "application/json"} if event is not None else {}
        try:
            async with self._session.request(method, self._url + path, params=params, data=body, headers=headers) as response:
                return response.status, await response.read()
        except aiohttp.InvalidURL:
            raise ApiAway(f"{self._url} is not an address: write it like http://127.0.0.1:8080.") from None
        except TimeoutError:
            raise Refused("no answer in 10 s") from None
        except aiohttp.ClientError as error:
            raise Refused(f"no connection: {type(error).__name__}") from None
