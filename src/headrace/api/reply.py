"""An answer on its way out: status, body and headers, sent in two messages."""

from typing import Final, NamedTuple

import msgspec
from starlette.responses import Response
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


def response(reply: Reply) -> Response:
    """Return the answer as the framework sends it."""
    sent = Response(reply.body, reply.status)
    sent.raw_headers.append((b"content-type", reply.content_type))
    sent.raw_headers.extend(reply.headers)
    return sent


async def send_reply(send: Send, reply: Reply, *, more: bool = False) -> None:
    """Send the answer; with ``more`` the exchange stays open, although the client has everything."""
    headers = [
        (b"content-type", reply.content_type),
        (b"content-length", str(len(reply.body)).encode()),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": more})
