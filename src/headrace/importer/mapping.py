"""From a row's columns to the contract's fields, as the options say."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from headrace.events.rules import FIRST_MILLISECOND
from headrace.importer.rows import Unusable
from headrace.importer.suggestions import missing_columns
from headrace.importer.times import TimeFormat, milliseconds
from headrace.importer.values import flag, identifier, number, text, untouched, whole_number

SKIP: Final = "skip"
KINDS: Final = ("view", "click", "purchase", "watch")
NEEDED_ALWAYS: Final = ("user_id", "item_id", "ts")
NEEDED_FOR_WATCHES: Final = ("session_id", "request_id", "watch_time_sec")

Convert = Callable[[object], object]

_ALL: Final[dict[str, Convert]] = {
    "event_id": identifier,
    "user_id": identifier,
    "item_id": identifier,
    "session_id": identifier,
    "request_id": identifier,
    "context": untouched,
}
_INTERACTION: Final[dict[str, Convert]] = _ALL | {"value": number}
_WATCH: Final[dict[str, Convert]] = _ALL | {
    "watch_time_sec": number,
    "percent_watched": number,
    "ended": flag,
    "playback_speed": number,
    "rebuffer_count": whole_number,
}
FIELDS: Final = (*_INTERACTION, *(name for name in _WATCH if name not in _ALL), "event_type", "ts")


class Mode(StrEnum):
    """What becomes of a row's time: judged like a live event's, kept as history, or moved so that the newest row is now."""

    LIVE = "live"
    HISTORY = "history"
    SHIFTED = "shifted"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line.

    ``columns`` is contract field to column, ``kinds`` the file's event type to one of ``KINDS`` or ``skip``,
    ``kind`` the event type of every row of a file that has no such column.
    """

    columns: Mapping[str, str]
    kinds: Mapping[str, str]
    kind: str | None = None
    time_format: TimeFormat = TimeFormat.AUTO
    mode: Mode = Mode.LIVE


class RowMapping:
    """One file's columns bound to the contract's fields. Raises ``Unusable`` where one is missing."""

    def __init__(self, source_name: str, columns: list[str], options: Options) -> None:
        bound = {field: field for field in FIELDS if field in columns}
        if "ts" not in bound and "ts_ms" in columns:
            bound["ts"] = "ts_ms"
        bound |= options.columns
        if options.kind is not None:
            bound.pop("event_type", None)
        needed = [*NEEDED_ALWAYS, *(() if options.kind else ("event_type",))]
        if options.kind == "watch":
            needed += NEEDED_FOR_WATCHES
        missing = [field for field in needed if bound.get(field) not in columns]
        absent = [column for column in options.columns.values() if column not in columns]
        if missing or absent:
            raise Unusable(missing_columns(source_name, columns, missing, absent))
        self.bound: Final = bound
        self.unused: Final = [column for column in columns if column not in bound.values()]
        self.kind_column: Final = bound.get("event_type")
        self.time_column: Final = bound["ts"]
        self._kind = options.kind
        self._kinds: dict[str, str] = {kind: kind for kind in KINDS} | dict(options.kinds)
        self._time_format = options.time_format
        self._interaction = [(field, bound[field], convert) for field, convert in _INTERACTION.items() if field in bound]
        self._watch = [(field, bound[field], convert) for field, convert in _WATCH.items() if field in bound]

    def kind_of(self, values: Mapping[str, object]) -> str | None:
        """Return the event type this row becomes, ``skip``, or None where its own is not mapped. Raises ``ValueError``."""
        if self.kind_column is None:
            return self._kind
        raw = values.get(self.kind_column)
        if raw is None or raw == "":
            raise ValueError("event_type: is missing")
        return self._kinds.get(raw if isinstance(raw, str) else text(raw))

    def ts_ms(self, values: Mapping[str, object]) -> int:
        """Return the row's own time in Unix milliseconds. Raises ``ValueError``."""
        value = values.get(self.time_column)
        if value is None or value == "":
            raise ValueError("ts: is missing")
        return milliseconds(value, self._time_format)

    def fields(self, kind: str, ts_ms: int, values: Mapping[str, object]) -> dict[str, object]:
        """Return the contract's fields of a row; an empty value is an absent field. Raises ``ValueError``."""
        # The door takes small numbers for seconds, so a time before 1973 is given to it as seconds.
        fields: dict[str, object] = {"event_type": kind, "ts": ts_ms if ts_ms >= FIRST_MILLISECOND else ts_ms / 1000}
        for field, column, convert in self._watch if kind == "watch" else self._interaction:
            value = values.get(column)
            if value is not None and value != "":
                fields[field] = convert(value)
        return fields


def options(maps: Iterable[str], types: Iterable[str], kind: str | None, time_format: TimeFormat, mode: Mode) -> Options:
    """Return what ``--map``, ``--type`` and ``--event-type`` ask for. Raises ``Unusable``."""
    if kind is not None and kind not in KINDS:
        raise Unusable(f"--event-type {kind}: write one of {', '.join(KINDS)}.")
    columns = pairs("--map", maps, allowed_left=FIELDS)
    kinds = pairs("--type", types, allowed_right=(*KINDS, SKIP))
    return Options(columns, kinds, kind, time_format, mode)


def pairs(
    option: str, written: Iterable[str], allowed_left: Iterable[str] = (), allowed_right: Iterable[str] = ()
) -> dict[str, str]:
    """Return repeated ``NAME=OTHER`` options as a dict; an empty allowance allows all. Raises ``Unusable``."""
    left_words, right_words = list(allowed_left), list(allowed_right)
    found: dict[str, str] = {}
    for one in written:
        left, sign, right = one.partition("=")
        if not (left and sign and right):
            raise Unusable(f"{option} {one}: write it as {option} NAME=OTHER.")
        for word, allowed in ((left, left_words), (right, right_words)):
            if allowed and word not in allowed:
                raise Unusable(f"{option} {one}: {word} is not one of {', '.join(allowed)}.")
        if found.setdefault(left, right) != right:
            raise Unusable(f"{option}: {left} is given twice, as {found[left]} and as {right}.")
    return found
