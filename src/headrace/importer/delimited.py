"""CSV: a header line, then rows; comma, semicolon, tab or bar, whichever the header uses."""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, Literal

from headrace.importer.rows import Row, Unusable
from headrace.importer.text import Lines

_DELIMITERS: Final = ",;\t|"


class CsvSource:
    """A CSV file. Every value is text; an empty one means that the field is absent."""

    number_word = "line"
    kinds: Literal["text", "own"] = "text"
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
        """Return the names in the header line."""
        decoded = _Decoded(self._lines)
        header = next(decoded, "")
        try:
            columns = next(csv.reader(iter([header]), delimiter=_delimiter_of(header)), [])
        except csv.Error as error:
            raise Unusable(f"{self.name}: the header line cannot be read: {error}") from None
        if not any(columns):
            raise Unusable(f"{self.name} is empty: a CSV file starts with a line of column names.")
        doubled = sorted({column for column in columns if columns.count(column) > 1})
        if doubled:
            raise Unusable(f"{self.name}: the header names {', '.join(doubled)} twice.")
        return columns

    def rows(self, columns: frozenset[str] | None = None) -> Iterator[Row]:  # noqa: ARG002 -- all columns are read anyway
        """Yield the rows behind the header; blank lines are passed over."""
        names = self.columns()
        decoded = _Decoded(self._lines)
        header = next(decoded)
        reader = csv.reader(decoded, delimiter=_delimiter_of(header), strict=True)
        while True:
            decoded.cut = decoded.dirty = False
            number = decoded.number + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(number, {}, f"{error} (a quotation mark that is never closed?)")
                continue
            if decoded.cut:
                yield Row(number, {}, "the line is longer than 1 MiB")
            elif decoded.dirty:
                yield Row(number, {}, "is not valid UTF-8")
            elif len(values) == len(names):
                yield Row(number, dict(zip(names, values, strict=True)))
            elif values:
                yield Row(number, {}, f"has {len(values)} values, the header names {len(names)}")


class _Decoded:
    """The file's lines as text; ``number`` is the last one read, the flags say what was wrong since they were cleared."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines.read()
        self.number = 0
        self.cut = False
        self.dirty = False

    def __iter__(self) -> "_Decoded":
        return self

    def __next__(self) -> str:
        self.number, line, whole = next(self._lines)
        if not whole:
            self.cut = True
            return ""
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self.dirty = True
            text = line.decode(errors="replace")
        return text.removeprefix("\ufeff") if self.number == 1 else text


def _delimiter_of(header: str) -> str:
    return max(_DELIMITERS, key=header.count)
