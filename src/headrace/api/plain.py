"""Reads the plainest of requests at one look: a GET that came whole and alone, and nothing in its head changes its meaning.

Whatever is not written exactly so is left to the server's parser, which is the judge of what is HTTP.
"""

import re
from typing import Final

from starlette.types import Scope

LARGEST: Final = 4096
"""Bytes; where a head is longer, it is no longer the head that costs."""

# Headers that change what is meant, their first letters apart: a header that begins with none of them is looked at no further.
_GET: Final = re.compile(
    rb"GET (/[\w/.-]*+)(?:\?([!\"$-~]*+))? HTTP/1\.1\r\n"
    rb"(?:(?![CPTUEXcptuex](?i:onnection|roxy-connection|ontent-length|ransfer-encoding|pgrade|xpect|-headrace-space):)"
    rb"[\w.-]++:[\t -~]*+\r\n)*+\r\n"
)


def read(data: bytes) -> Scope | None:
    """Return what a hot route asks of a request's scope; None for anything but a plain GET."""
    found = _GET.fullmatch(data) if len(data) <= LARGEST else None
    if found is None:
        return None
    path, query = found.groups()
    return {"method": "GET", "path": path.decode(), "query_string": query or b""}
