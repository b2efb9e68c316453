"""What a file is to the importer: columns, rows in file order, and how far reading has come."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, Protocol


class Row(NamedTuple):
    """One row as it is in the file; ``number`` is its line (in Parquet its row, from 1), ``trouble`` why it cannot be read."""

    number: int
    values: dict[str, object]
    trouble: str | None = None


class Unusable(Exception):
    """The file, or what was asked of it, does not fit: nothing was imported. The message says what to write instead."""


class Broken(Exception):
    """The file ends or breaks in the middle: what was read before it is good, nothing behind it can be read."""


class Source(Protocol):
    """A file that can be read from its beginning any number of times."""

    @property
    def name(self) -> str:
        """Return the name to call it by on the screen."""
        ...

    @property
    def path(self) -> Path:
        """Return where its bytes lie."""
        ...

    @property
    def number_word(self) -> str:
        """Return what a row's number counts: ``line`` or ``row``."""
        ...

    @property
    def size(self) -> int:
        """Return how much there is to read, in the same unit as ``position``: bytes for text, rows for Parquet."""
        ...

    @property
    def position(self) -> int:
        """Return how much of ``size`` the rows handed out so far stand for."""
        ...

    @property
    def kinds(self) -> Literal["text", "own"]:
        """Return whether every cell is text, or brings a kind of its own."""
        ...

    @property
    def moments(self) -> Collection[str]:
        """Return the columns that are known to hold times: their cells are Unix milliseconds."""
        ...

    def columns(self) -> list[str]:
        """Return the columns, in file order. Raises ``Unusable`` where there are none."""
        ...

    def rows(self, columns: frozenset[str] | None = None) -> Iterator[Row]:
        """Yield the rows from the beginning, in file order; only one walk at a time.

        With ``columns`` a source may leave the others out. A row that cannot be read is yielded with its trouble and the
        rows behind it follow. Memory does not grow with the file. Raises ``Broken``.
        """
        ...
