"""Looking through a file before anything is taken in: its event types, its newest row, and what is missing."""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from headrace.importer.mapping import KINDS, NEEDED_FOR_WATCHES, Mode, Options, RowMapping
from headrace.importer.rows import Broken, Row, Source, Unusable
from headrace.importer.suggestions import missing_columns, unmapped_types
from headrace.importer.values import text

_LATEST_TS_MS: Final = 1 << 41
_TELL_EVERY: Final = 20_000
_MOST_TYPES: Final = 1000


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A file that can be imported: where it is, how its columns map, and the time of its newest row (None if not asked)."""

    source: Source
    mapping: RowMapping
    newest_ms: int | None


def survey(source: Source, options: Options, tell: Callable[[Source], None]) -> Surveyed:
    """Look through a file as far as the options need it. Raises ``Unusable`` with what to write instead.

    A file of which no row's event type means anything cannot be used; of one with some such rows, those are refused.
    ``tell`` is called now and then while reading. A file that breaks in the middle is surveyed up to there.
    """
    mapping = RowMapping(source.name, source.columns(), options)
    notes = _Notes(mapping, wants_newest=options.mode is Mode.SHIFTED)
    if mapping.kind_column is not None or notes.wants_newest:
        notes.read(source, tell)
    if notes.unmapped and not notes.mapped:
        raise Unusable(unmapped_types(source.name, notes.unmapped, KINDS))
    if notes.watches and (missing := [field for field in NEEDED_FOR_WATCHES if field not in mapping.bound]):
        raise Unusable(missing_columns(source.name, source.columns(), missing, []))
    if notes.wants_newest and not notes.newest_ms:
        raise Unusable(f"{source.name}: no row has a time that can be read, so there is no newest row to make now.")
    return Surveyed(source, mapping, notes.newest_ms or None)


@dataclass(slots=True)
class _Notes:
    """What one walk through a file found."""

    mapping: RowMapping
    wants_newest: bool
    unmapped: Counter[str] = field(default_factory=Counter)
    mapped: bool = False
    watches: bool = False
    newest_ms: int = 0

    def read(self, source: Source, tell: Callable[[Source], None]) -> None:
        """Walk through a file, up to where it breaks if it does: that is said when the import comes to that place."""
        wanted = frozenset(column for column in (self.mapping.kind_column, self.mapping.time_column) if column is not None)
        with suppress(Broken):
            for count, row in enumerate(source.rows(wanted)):
                if count % _TELL_EVERY == 0:
                    tell(source)
                if row.trouble is None:
                    # What cannot be read of a row is its reason to be refused when its turn comes.
                    with suppress(ValueError):
                        self._take(row)
                if len(self.unmapped) > _MOST_TYPES:
                    self.mapped = False
                    return  # not a column of event types

    def _take(self, row: Row) -> None:
        kind = self.mapping.kind_of(row.values)
        if kind is None:
            self.unmapped[text(row.values[self.mapping.kind_column or ""])] += 1
        else:
            self.mapped = True
        self.watches = self.watches or kind == "watch"
        if self.wants_newest:
            ts_ms = self.mapping.ts_ms(row.values)
            if self.newest_ms < ts_ms < _LATEST_TS_MS:
                self.newest_ms = ts_ms


def digest_of(files: Iterable[Surveyed], options: Options) -> str:
    """Return 64 hexadecimal digits over the files' bytes and how their time is read: what a shift is remembered under.

    Which event types are taken is left out: an import that is repeated with more of them must move the times equally.
    """
    whole = blake2b(digest_size=32)
    for file in files:
        one = blake2b(f"{file.mapping.time_column}\x1f{options.time_format}\x1f".encode(), digest_size=32)
        with file.source.path.open("rb") as opened:
            while piece := opened.read(1 << 20):
                one.update(piece)
        whole.update(one.digest())
    return whole.hexdigest()
