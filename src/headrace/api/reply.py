"""An answer on its way out: status, body and headers, sent in two messages."""

from typing import Final, NamedTuple

import msgspec
from starlette.types import Send

JSON: Final = b"application/json"
_encoder: Final = msgspec.json.Encoder()


class Reply(NamedTuple):
    """An answer; ``headers`` are those beside the type and the length."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


def json_reply(content: object, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Reply:
    """Return a struct as JSON."""
    return Reply(status, _encoder.encode(content), JSON, headers)


async def send_reply(send: Send, reply: Reply, *, more: bool = False) -> None:
    """Send the answer; with ``more`` the exchange stays open, although the client has everything."""
    headers = [
        (b"content-type", reply.content_type),
        (b"content-length", str(len(reply.body)).encode()),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": more})
