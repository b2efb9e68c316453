"""From a name on the command line to a source: the format by ending or by word, ``-`` for standard input."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final

from headrace.importer.delimited import CsvSource
from headrace.importer.jsonlines import JsonLinesSource
from headrace.importer.rows import Source, Unusable


class Format(StrEnum):
    """The formats that can be read."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_ENDINGS: Final = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSONL,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
}


@contextmanager
def opened(name: str, file_format: Format | None, standard_input: BinaryIO) -> Iterator[Source]:
    """Give a source for a file name; ``-`` is standard input, copied to a temporary file first.

    A file is walked more than once (its event types and times are looked at before anything is taken in), so standard
    input is read to its end before the import starts. Raises ``Unusable``.
    """
    if name != "-":
        yield source_of(Path(name), name, file_format)
        return
    if file_format not in {Format.CSV, Format.JSONL}:
        raise Unusable("Standard input has no ending to tell its format by: add --format csv or --format jsonl.")
    with NamedTemporaryFile(prefix="headrace-import-") as copy:
        shutil.copyfileobj(standard_input, copy)
        copy.flush()
        yield source_of(Path(copy.name), "standard input", file_format)


def source_of(path: Path, name: str, file_format: Format | None) -> Source:
    """Return a source for a file on disk; the format is told by the ending if it is not given. Raises ``Unusable``."""
    if not path.exists():
        raise Unusable(f"There is no file {name}.")
    if path.is_dir():
        raise Unusable(f"{name} is a folder: name the files in it.")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise Unusable(f"{name} cannot be opened: {error.strerror}.") from None
    match file_format or format_of(name):
        case Format.CSV:
            return CsvSource(path, name)
        case Format.JSONL:
            return JsonLinesSource(path, name)
        case Format.PARQUET:
            # Loading it takes a third of a second, which only those who read Parquet should wait.
            from headrace.importer.columnar import ParquetSource  # noqa: PLC0415 -- see above

            return ParquetSource(path, name)


def format_of(name: str, *, written: bool = False) -> Format:
    """Return the format that a name's ending tells; what is ``written`` is not gzipped. Raises ``Unusable``."""
    file_format = _ENDINGS.get(Path(name if written else name.removesuffix(".gz")).suffix.lower())
    if file_format is None:
        raise Unusable(f"{name}: the ending does not tell its format: add --format csv, --format jsonl or --format parquet.")
    return file_format
