"""The table: on the screen, as Markdown, as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from tests.faults.trial import LogKind, Row, Tried

COLUMNS: Final = (
    "fault", "log", "how often", "acknowledged", "counted", "lost", "doubled", "dead-lettered", "recovery s", "holds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it was tried on one log; ``tried`` is None where it does not apply."""

    row: Row
    log: LogKind
    tried: Tried | None
    seconds: float

    @property
    def holds(self) -> bool:
        """Return whether nothing was wrong."""
        return self.tried is None or not self.tried.wrong

    def cells(self) -> tuple[str, ...]:
        """Return the line's cells."""
        tried = self.tried
        if tried is None:
            return (self.row.fault, self.log, *["-"] * 7, "n/a")
        recovery = "-" if tried.recovery_s is None else f"{tried.recovery_s:.1f}"
        numbers = (tried.how_often, tried.acknowledged, tried.counted, tried.lost, tried.doubled, tried.dead_lettered)
        return (self.row.fault, self.log, *(f"{number:,}" for number in numbers), recovery, "yes" if self.holds else "NO")

    def remarks(self) -> str:
        """Return what is to be said beside the numbers."""
        return self.row.elsewhere.get(self.log, "") if self.tried is None else self.tried.note


def table(lines: Sequence[Line]) -> str:
    """Return the table in plain text, the remarks below each line."""
    cells = [COLUMNS, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(COLUMNS))]
    widths[0] = min(widths[0], 60)
    written = []
    for number, row in enumerate(cells):
        shown = [row[0][: widths[0]].ljust(widths[0])] + [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        written.append("  ".join(shown))
        if number:
            written.extend(f"    {text}" for text in (lines[number - 1].remarks(), *_wrong(lines[number - 1])) if text)
    return "\n".join(written)


def _wrong(line: Line) -> list[str]:
    return [] if line.tried is None else [f"WRONG: {wrong}" for wrong in line.tried.wrong[:10]]


def markdown(lines: Sequence[Line]) -> str:
    """Return the table in Markdown."""
    head = [*COLUMNS, "remarks"]
    rows = [head, ["---"] * len(head), *([*line.cells(), line.remarks()] for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def as_json(lines: Sequence[Line]) -> str:
    """Return everything that was measured."""
    return json.dumps(
        [
            {
                "row": line.row.key,
                "fault": line.row.fault,
                "must_hold": line.row.must_hold,
                "log": line.log,
                "seconds": round(line.seconds, 1),
                "holds": line.holds,
                "tried": asdict(line.tried) if line.tried is not None else None,
                "remarks": line.remarks(),
            }
            for line in lines
        ],
        indent=2,
    )
