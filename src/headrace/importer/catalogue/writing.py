"""Writing a catalogue to a file that an import takes in again: CSV, JSON Lines or Parquet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final

import msgspec

from headrace.events.items import Item, Moment, Value, kind_of
from headrace.importer.catalogue import cells
from headrace.importer.catalogue.cells import Kind
from headrace.importer.opening import Format

_AT_ONCE: Final = 8192
_HEAD: Final = ("item_id", "title", "categories", "available", "available_from", "available_until", "group")
Entry = tuple[str, Item]
_decoder: Final = msgspec.msgpack.Decoder(Entry)


class Spool:
    """A catalogue on its way into a file: kept on the disk until all its attributes are known, as a header names them all."""

    def __init__(self) -> None:
        self._file = TemporaryFile(prefix="headrace-export-")  # noqa: SIM115 -- ``close`` closes it
        self._columns: dict[tuple[str, Kind], None] = {}
        self.size = 0

    def add(self, entries: Iterable[Entry]) -> None:
        """Take more items."""
        for entry in entries:
            for name, value in entry[1].attributes.items():
                self._columns.setdefault((name, kind_of(value)))
            encoded = msgspec.msgpack.encode(entry)
            self._file.write(len(encoded).to_bytes(4, "little") + encoded)
            self.size += 1

    def write(self, path: Path, file_format: Format) -> None:
        """Write all of them, in the order in which they came. Raises ``OSError``."""
        with path.open("wb") as out:
            match file_format:
                case Format.JSONL:
                    out.writelines(msgspec.json.encode(_object(*entry)) + b"\n" for entry in self._entries())
                case Format.CSV:
                    self._write_csv(out)
                case Format.PARQUET:
                    self._write_parquet(out)

    def close(self) -> None:
        """Let go of the disk."""
        self._file.close()

    def _entries(self) -> Iterator[Entry]:
        self._file.seek(0)
        while head := self._file.read(4):
            yield _decoder.decode(self._file.read(int.from_bytes(head, "little")))

    def _write_csv(self, out: BinaryIO) -> None:
        text = TextIOWrapper(out, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180; and so a lone \r is put in quotation marks
        columns = sorted(self._columns)
        writer.writerow([*_HEAD, *(f"{name}:{kind}" for name, kind in columns)])
        for item_id, item in self._entries():
            head = [
                item_id,
                "" if item.title is None else cells.cell(item.title),
                cells.cell(item.categories) if item.categories else "",
                cells.cell(item.available),
                *("" if ms is None else cells.cell(Moment(ms)) for ms in (item.available_from_ms, item.available_until_ms)),
                item.group or "",
            ]
            values = (_of_kind(item, name, kind) for name, kind in columns)
            writer.writerow([*head, *("" if value is None else cells.cell(value) for value in values)])
        text.flush()
        text.detach()

    def _write_parquet(self, out: BinaryIO) -> None:
        # Loading it takes a third of a second, which only those who write Parquet should wait.
        import pyarrow as pa  # noqa: PLC0415 -- see above
        import pyarrow.parquet as pq  # noqa: PLC0415 -- see above

        text = pa.string()
        types = {"text": text, "number": pa.float64(), "boolean": pa.bool_(), "list": pa.list_(text), "time": text}
        kinds = dict(zip(_HEAD, ("text", "text", "list", "boolean", "time", "time", "text"), strict=True))
        columns = sorted(self._columns)
        fields = [*((name, types[kind]) for name, kind in kinds.items()), *((f"{n}:{k}", types[k]) for n, k in columns)]
        schema = pa.schema(fields)
        with pq.ParquetWriter(out, schema, compression="zstd") as writer:
            entries = self._entries()
            while some := list(islice(entries, _AT_ONCE)):
                rows = [_parquet_row(entry, columns) for entry in some]
                arrays = [pa.array(column, kind) for column, (_, kind) in zip(zip(*rows, strict=True), fields, strict=True)]
                writer.write_batch(pa.record_batch(arrays, schema=schema))


def _object(item_id: str, item: Item) -> dict[str, Any]:
    """Return an item as a client would put it; what it does not say is left out."""
    said: dict[str, Any] = {"item_id": item_id}
    if item.title is not None:
        said["title"] = cells.cell(item.title)
    if item.categories:
        said["categories"] = item.categories
    if item.attributes:
        said["attributes"] = {name: _json(value) for name, value in item.attributes.items()}
    if not item.available:
        said["available"] = False
    for name, ms in (("available_from", item.available_from_ms), ("available_until", item.available_until_ms)):
        if ms is not None:
            said[name] = cells.told(ms)
    return said if item.group is None else {**said, "group": item.group}


def _json(value: Value) -> object:
    return {"time": cells.told(value.time)} if isinstance(value, Moment) else value


def _of_kind(item: Item, name: str, kind: Kind) -> Value | None:
    value = item.attributes.get(name)
    return None if value is None or kind_of(value) != kind else value


def _parquet_row(entry: Entry, columns: Sequence[tuple[str, Kind]]) -> list[object]:
    item_id, item = entry
    moments = (None if ms is None else str(cells.told(ms)) for ms in (item.available_from_ms, item.available_until_ms))
    title = None if item.title is None else cells.cell(item.title)
    head = [item_id, title, item.categories or None, item.available, *moments, item.group]
    return [*head, *(_typed(_of_kind(item, name, kind)) for name, kind in columns)]


def _typed(value: Value | None) -> object:
    if isinstance(value, Moment):
        return str(cells.told(value.time))
    if isinstance(value, str):
        return cells.cell(value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
