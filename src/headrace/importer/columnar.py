"""Parquet, a slice of a row group at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.importer.rows import Broken, Row, Unusable

_ROWS_AT_ONCE: Final = 8192


class ParquetSource:
    """A Parquet file. Timestamps are read as Unix milliseconds, those without a zone as UTC."""

    number_word = "row"
    kinds: Literal["text", "own"] = "own"

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.path = path
        self.position = 0
        try:
            with pq.ParquetFile(path) as file:
                self.size: int = file.metadata.num_rows
                self._columns: list[str] = list(file.schema_arrow.names)
                self.moments = {one.name for one in file.schema_arrow if pa.types.is_timestamp(one.type)}
        except (pa.ArrowException, OSError) as error:
            raise Unusable(f"{name} is not a Parquet file that can be read: {error}") from None

    def columns(self) -> list[str]:
        """Return the names in the file's schema."""
        if len(set(self._columns)) != len(self._columns):
            raise Unusable(f"{self.name}: two columns have the same name.")
        return self._columns

    def rows(self, columns: frozenset[str] | None = None) -> Iterator[Row]:
        """Yield the rows, numbered from 1; with ``columns`` nothing else is read from the disk."""
        names = [name for name in self._columns if columns is None or name in columns]
        self.position = 0
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(_ROWS_AT_ONCE, columns=names):
                    lists = [_values(column) for column in batch.columns]
                    for values in zip(*lists, strict=True):
                        self.position += 1
                        yield Row(self.position, dict(zip(names, values, strict=True)))
        except (pa.ArrowException, OSError) as error:
            raise Broken(f"reading stopped behind row {self.position}: {error}") from error


def _values(column: pa.Array) -> list[object]:
    if pa.types.is_timestamp(column.type):
        # Finer units are cut to milliseconds, as everything behind the door counts in them.
        column = column.cast(pa.timestamp("ms", column.type.tz), safe=False).cast(pa.int64())
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        return [_text_or_bytes(cell) for cell in column.cast(pa.large_binary()).to_pylist()]
    return values


def _text_or_bytes(cell: bytes | None) -> str | bytes | None:
    """Return bytes where they are not UTF-8: no field of an event takes bytes, so the row is refused with its reason."""
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return cell
