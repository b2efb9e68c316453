"""JSON Lines: one object a line; its keys are the columns."""

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Literal

import msgspec

from headrace.importer.rows import Row, Unusable
from headrace.importer.text import Lines

_LINES_LOOKED_AT: Final = 1000
_decoder: Final = msgspec.json.Decoder()


class JsonLinesSource:
    """A file of JSON objects, one a line; blank lines are passed over."""

    number_word = "line"
    kinds: Literal["text", "own"] = "own"
    moments: Collection[str] = ()

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.path = path
        self._lines = Lines(path)

    @property
    def size(self) -> int:
        """Return the file's size in bytes."""
        return self._lines.size

    @property
    def position(self) -> int:
        """Return how many of its bytes have been read."""
        return self._lines.position

    def columns(self) -> list[str]:
        """Return the keys of the first 1000 objects, in the order they appear."""
        found: dict[str, None] = {}
        for row in islice(self.rows(), _LINES_LOOKED_AT):
            found.update(dict.fromkeys(row.values))
        if not found:
            raise Unusable(f"{self.name}: none of its first {_LINES_LOOKED_AT} lines holds a JSON object.")
        return list(found)

    def rows(self, columns: frozenset[str] | None = None) -> Iterator[Row]:  # noqa: ARG002 -- a line is read as a whole
        """Yield a row for every line."""
        for number, line, whole in self._lines.read():
            if not whole:
                yield Row(number, {}, "the line is longer than 1 MiB")
                continue
            try:
                values = _decoder.decode(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
                if line.strip():
                    yield Row(number, {}, f"is not JSON: {str(error) or 'nested too deeply'}")
                continue
            if isinstance(values, dict):
                yield Row(number, values)
            else:
                yield Row(number, {}, "is JSON, but not an object")
