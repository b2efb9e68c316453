"""An event id for a row without one: from its content and from which of the equal rows of the file it is.

Equal rows are real repeats, so each counts; the same file imported again gives the same ids, so nothing counts twice. The
content is all columns as they stand in the file, before any shift or mapping: importing a file again under another mapping
is seen as a conflict and changes nothing.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from headrace.importer.values import text

PREFIX: Final = "imp-"
_BETWEEN: Final = "\x1f"
_DIGEST_BYTES: Final = 20


class RowIds:
    """Gives the ids of one file's rows, asked for in file order.

    Memory grows with the distinct rows of the file, by about 100 bytes each: it is what tells a repeat from a first.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._repeats: dict[int, int] = {}
        self._orders: dict[tuple[str, ...], tuple[tuple[str, ...], blake2b]] = {}

    def id_of(self, values: Mapping[str, object]) -> str:
        """Return the id of the next row: ``imp-`` and 40 hexadecimal digits."""
        shape = tuple(values)
        known = self._orders.get(shape)
        if known is None:
            ordered = tuple(sorted(shape))
            known = ordered, blake2b(_BETWEEN.join((*ordered, "")).encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES)
            self._orders[shape] = known
        ordered, named = known
        hashed = named.copy()
        cells = [value if isinstance(value := values[name], str) else text(value) for name in ordered]
        hashed.update(_BETWEEN.join(cells).encode(errors="surrogatepass"))
        digest = hashed.digest()
        # Eight bytes are enough to count by: should two different rows share them, their ids still differ.
        key = int.from_bytes(digest[:8], "big")
        if key not in self._seen:
            self._seen.add(key)
            return PREFIX + digest.hex()
        occurrence = self._repeats.get(key, 0) + 1
        self._repeats[key] = occurrence
        hashed.update(b"\x1e%d" % occurrence)
        return PREFIX + hashed.hexdigest()
