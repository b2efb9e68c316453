"""Dead letters as an operator sees them: causes as a table, a letter whole, both as JSON too."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from headrace.stream import outlet
from headrace.stream.letters import Cause, Letter, Position, State
from headrace.stream.redriving import Outcome, Told

SHOWN_BYTES: Final = 4096
HEX_A_LINE: Final = 16
MOST_TOLD: Final = 20
"""Reasons that are printed one by one."""

WHAT_TO_DO: Final = {
    "empty": "There is nothing to send again: drop it, or write the record with redrive --payload.",
    "bad_json": "Mend the sender. Write the record anew with redrive --payload, or drop it.",
    "bad_utf8": "Mend the sender: JSON is UTF-8. Write the record anew with redrive --payload, or drop it.",
    "wrong_schema": "Mend the sender, or run the version that knows this field; what can be read then: redrive as it is."
    " Otherwise redrive --payload, or drop it.",
    "unknown_version": "Run the version that wrote it, or a newer one; then redrive as it is.",
    "id_conflict": "Another event with this event_id counts. Is this one an event of its own? Give it an event_id of its own:"
    " redrive --payload. Otherwise drop it.",
    "refused_by_store": "Postgres refused a value: mend what the message names, then redrive as it is; or redrive --payload.",
}


def json_of(value: object) -> str:
    """Return a value as JSON for people and programs alike."""
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def cause_as_json(cause: Cause) -> dict[str, object]:
    """Return a cause as JSON."""
    return {
        "handle": cause.handle,
        "cause": cause.cause,
        "error_type": cause.error_type,
        "count": cause.count,
        "first_ms": cause.first_ms,
        "last_ms": cause.last_ms,
        "topics": list(cause.topics),
        "example": str(cause.example),
    }


def letter_as_json(letter: Letter, counted: Mapping[bytes, Position]) -> dict[str, object]:
    """Return a letter as JSON: the envelope as it is published, and what became of it."""
    at = None if letter.redriven_id is None else counted.get(letter.redriven_id)
    return {
        "position": str(letter.position),
        **msgspec.json.decode(outlet.envelope(letter)),
        "cause": letter.cause,
        "state": letter.state,
        "settled_at_ms": letter.settled_at_ms,
        "counted_at": None if at is None else str(at),
        "copied_at_ms": letter.copied_at_ms,
        "payload_whole": letter.whole,
    }


def show_causes(causes: Sequence[Cause]) -> None:
    """Print causes as a table."""
    table = Table("handle", "cause", "count", "first", "last", "topics", "for example")
    table.columns[1].overflow = table.columns[6].overflow = "fold"
    table.columns[2].justify = "right"
    for one in causes:
        table.add_row(
            one.handle, one.cause, f"{one.count:,}", _time(one.first_ms), _time(one.last_ms), ", ".join(one.topics),
            str(one.example),
        )  # fmt: skip
    console = Console()
    console.print(table, markup=False)
    console.print(f"headrace dead-letters show {causes[0].example}      that one, and what to do", markup=False)


def show_letter(letter: Letter, counted: Mapping[bytes, Position]) -> None:
    """Print a letter whole."""
    lines = [
        f"{letter.position}",
        f"  key        {letter.key!r}",
        f"  appended   {_time(letter.timestamp_ms)}",
        f"  died       {_time(letter.failed_at_ms)}",
        f"  reason     {letter.error_type}: {letter.error_message}",
        f"  state      {_state(letter, counted)}",
        f"  payload    {letter.payload_bytes:,} bytes, sha256 {letter.payload_sha256.hex()}",
        *_payload(letter),
    ]
    if letter.state is State.OPEN:
        lines.append(f"  to do      {WHAT_TO_DO.get(letter.error_type, 'Mend the cause, then redrive it; or drop it.')}")
    Console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def reason(told: Told) -> str:
    """Return why a letter was not redriven, and what to do."""
    return f"{told.reason} with --payload" if told.to_mend else told.reason


def show_outcomes(told: Sequence[Told]) -> None:
    """Print what became of letters: each that was not appended with its reason, and how many of each outcome."""
    console = Console()
    others = [one for one in told if one.outcome is not Outcome.REDRIVEN]
    for one in others[:MOST_TOLD]:
        console.print(f"{one.position}: {one.outcome}: {reason(one)}", markup=False, highlight=False, soft_wrap=True)
    if len(others) > MOST_TOLD:
        console.print(f"... and {len(others) - MOST_TOLD:,} more; --json tells all", markup=False, highlight=False)
    counts = Counter(one.outcome for one in told)
    console.print(", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome]))


def _state(letter: Letter, counted: Mapping[bytes, Position]) -> str:
    since = "" if letter.settled_at_ms is None else f" at {_time(letter.settled_at_ms)}"
    if letter.redriving is not None:
        return f"{letter.state}; its redriving has begun: where that was interrupted, redrive it again to carry it through"
    if letter.state is not State.REDRIVEN or letter.redriven_id is None:
        return f"{letter.state}{since}"
    at = counted.get(letter.redriven_id)
    return f"{letter.state}{since}; " + ("not counted yet" if at is None else f"its event counts, from {at}")


def _payload(letter: Letter) -> list[str]:
    shown = letter.payload[:SHOWN_BYTES]
    text = outlet.text_of(shown, cut=len(shown) < letter.payload_bytes)
    if text is None or not all(one.isprintable() or one in "\r\n\t" for one in text):
        rows = [shown[n : n + HEX_A_LINE] for n in range(0, min(len(shown), 16 * HEX_A_LINE), HEX_A_LINE)]
        lines = [row.hex(" ") for row in rows]
        shown = shown[: 16 * HEX_A_LINE]
    else:
        lines = text.splitlines()
    if len(shown) < letter.payload_bytes:
        lines.append(f"... {letter.payload_bytes - len(shown):,} more bytes; of all of them {len(letter.payload):,} are kept")
    return [f"    {line}" for line in lines]


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
