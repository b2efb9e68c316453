"""Reads the plainest of requests at one look: one that came whole and alone, and nothing in its head changes its meaning.

Whatever is not written exactly so is left to the server's parser, which is the judge of what is HTTP.
"""

import re
from typing import Final

from starlette.types import Scope

LARGEST: Final = 4096
"""Bytes; where a head is longer, it is no longer the head that costs."""

# Headers that change what is meant, their first letters apart: a header that begins with none of them is looked at no further.
_TARGET: Final = rb"(/[\w/.-]*+)(?:\?([!\"$-~]*+))? HTTP/1\.1\r\n"
_HEADERS: Final = (
    rb"(?:(?![CPTUEXcptuex](?i:onnection|roxy-connection|ontent-length|ransfer-encoding|pgrade|xpect|-headrace-space):)"
    rb"[\w.-]++:[\t -~]*+\r\n)*+"
)
_GET: Final = re.compile(rb"GET " + _TARGET + _HEADERS + rb"\r\n")
_POST: Final = re.compile(
    rb"POST " + _TARGET + _HEADERS + rb"(?i:content-length):[ ]?(\d{1,4})\r\n" + _HEADERS + rb"\r\n(.*+)", re.DOTALL
)


def read(data: bytes) -> tuple[Scope, bytes] | None:
    """Return what a hot route asks of a request's scope, and the body; None for anything but a plain GET or POST."""
    if len(data) > LARGEST:
        return None
    if data.startswith(b"G"):
        found = _GET.fullmatch(data)
        if found is None:
            return None
        path, query = found.groups()
        return {"method": "GET", "path": path.decode(), "query_string": query or b""}, b""
    found = _POST.fullmatch(data)
    if found is None:
        return None
    path, query, length, body = found.groups()
    if len(body) != int(length):
        return None
    return {"method": "POST", "path": path.decode(), "query_string": query or b""}, body
