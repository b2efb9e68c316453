"""Text files line by line: gzip or plain, with bounded memory whatever is in them."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from headrace.importer.rows import Broken

LONGEST_LINE: Final = 1 << 20
_GZIP_MAGIC: Final = b"\x1f\x8b"


class Lines:
    """The lines of a text file, counted; ``position`` is in bytes of the file as it lies on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size
        self._raw: BinaryIO | None = None
        self.position = 0

    @property
    def size(self) -> int:
        """Return the file's size in bytes, compressed if it is."""
        return self._size

    def read(self) -> Iterator[tuple[int, bytes, bool]]:
        """Yield (line number from 1, the line with its end, whether it is whole) from the beginning.

        A line longer than 1 MiB is cut there and not whole; its rest is passed over. Raises ``Broken``.
        """
        self.position = 0
        number = 0
        try:
            with self._path.open("rb") as raw:
                compressed = raw.read(2) == _GZIP_MAGIC
                raw.seek(0)
                stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if compressed else raw
                plain_bytes = 0
                while line := stream.readline(LONGEST_LINE):
                    number += 1
                    whole = len(line) < LONGEST_LINE or line.endswith(b"\n")
                    plain_bytes += len(line)
                    if not whole:
                        plain_bytes += _skip_to_line_end(stream)
                    self.position = raw.tell() if compressed else plain_bytes
                    yield number, line, whole
        except (OSError, EOFError, zlib.error) as error:
            raise Broken(f"reading stopped behind line {number}: {error}") from error


def _skip_to_line_end(stream: BinaryIO) -> int:
    skipped = 0
    while rest := stream.readline(LONGEST_LINE):
        skipped += len(rest)
        if rest.endswith(b"\n"):
            break
    return skipped
