"""What to write when a file does not fit: messages that hold the option that mends them."""

from collections import Counter
from typing import Final

# Names that public data sets use, lower case without separators.
_USUAL_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "user_id": ("userid", "user", "visitorid", "visitor", "customerid", "uid", "memberid", "reviewerid"),
    "item_id": ("itemid", "item", "productid", "product", "movieid", "articleid", "videoid", "asin", "iid"),
    "ts": ("timestamp", "timestampms", "tsms", "time", "datetime", "eventtime", "unixtime", "createdat", "date"),
    "event_type": ("eventtype", "event", "type", "action", "actiontype", "rating", "behavior"),
    "session_id": ("sessionid", "session", "sid"),
    "request_id": ("requestid", "sessionid", "session"),
    "watch_time_sec": ("watchtime", "watchseconds", "duration", "durationsec", "dwelltime"),
}
_TYPES_LISTED: Final = 20


def missing_columns(source_name: str, columns: list[str], missing: list[str], absent: list[str]) -> str:
    """Return the message for fields without a column and for --map columns that are not there."""
    lines = []
    if absent:
        lines.append(f"{source_name} has no column {', '.join(absent)}.")
    if missing:
        lines.append(f"{source_name}: no column is known for {', '.join(missing)}.")
    lines.append(f"Columns found: {', '.join(columns)}")
    if missing:
        lines += ["Write which column to take:", "  " + " ".join(_option_for(field, columns) for field in missing)]
    if "event_type" in missing:
        lines.append("or, where every row is of one kind, for example --event-type click")
    return "\n".join(lines)


def unmapped_types(source_name: str, counts: Counter[str], kinds: tuple[str, ...]) -> str:
    """Return the message for event types that mean nothing here, most frequent first."""
    listed = counts.most_common(_TYPES_LISTED)
    width = max(len(raw) for raw, _ in listed)
    lines = [f"{source_name} has event types that mean nothing here:"]
    lines += [f"  {raw:<{width}}  {count:>12,} rows" for raw, count in listed]
    if len(counts) > len(listed):
        lines.append(f"  and {len(counts) - len(listed):,} others: is the column the right one? (--map event_type=COLUMN)")
    lines += [
        f"Write what each one is ({', '.join(kinds)}) or skip, for example:",
        "  " + " ".join(f"--type {_quoted(raw)}={'click' if place == 0 else 'skip'}" for place, (raw, _) in enumerate(listed)),
    ]
    return "\n".join(lines)


def _option_for(field: str, columns: list[str]) -> str:
    plain = {"".join(letter for letter in column.lower() if letter.isalnum()): column for column in columns}
    column = next((plain[name] for name in _USUAL_NAMES.get(field, ()) if name in plain), "COLUMN")
    return f"--map {_quoted(f'{field}={column}')}"


def _quoted(word: str) -> str:
    return word if all(letter.isalnum() or letter in "_-=.:/" for letter in word) else "'" + word.replace("'", "'\\''") + "'"
