"""What an import ends with: the counts, and what to do about what did not go in."""

from typing import Final

from headrace.importer.mapping import KINDS, Mode
from headrace.importer.outcome import Outcome
from headrace.importer.suggestions import unmapped_types
from headrace.importer.survey import Surveyed

_DAY_MS: Final = 86_400_000


def plan_lines(file: Surveyed) -> list[str]:
    """Return how a file's columns are taken, before it is imported."""
    taken = ", ".join(field if field == column else f"{field} from {column}" for field, column in file.mapping.bound.items())
    lines = [f"{file.source.name}: {taken}"]
    if file.mapping.unused:
        lines.append(f"  not taken: {', '.join(file.mapping.unused)}")
    return lines


def summary(outcome: Outcome, seconds: float, *, rehearsed: bool) -> list[str]:
    """Return the counts on one line, and one line for each thing that needs attention."""
    went_in = "would go in" if rehearsed else "new"
    counts = [
        f"{outcome.read:,} rows read",
        f"{outcome.new:,} {went_in}",
        f"{outcome.duplicates:,} duplicates",
        f"{outcome.skipped:,} skipped",
        f"{outcome.refused:,} refused",
        f"{seconds:.1f} s",
        f"{outcome.read / max(seconds, 0.001):,.0f} rows/s",
    ]
    lines = [", ".join(counts)]
    if outcome.moved_still_old:
        lines.append(f"{outcome.moved_still_old:,} rows are older than the door admits even after the move: they are history.")
    if outcome.broken is not None:
        lines.append(f"{outcome.broken}. What lies before it is taken in; mend the file and run the same command again.")
    if outcome.interrupted:
        lines.append("Interrupted. The same command continues: what is in already is found again as duplicates.")
    return lines


def hints(outcome: Outcome, mode: Mode, max_age_ms: int) -> list[str]:
    """Return which option lets in what was refused, where there is one."""
    lines = []
    if outcome.too_old and mode is Mode.LIVE:
        lines += [
            f"{outcome.too_old:,} rows were refused only because they are older than {max_age_ms / _DAY_MS:g} days.",
            "  --as-history takes them in with the times they have;",
            "  --shift-to-now moves all times so that the newest row is now.",
        ]
    if outcome.unmapped:
        lines.append(f"{outcome.unmapped.total():,} rows were refused for their event type; the others went in.")
        lines += unmapped_types("What was read", outcome.unmapped, KINDS).splitlines()
        lines.append("  The same command with --type takes them in; what is in already is found again as duplicates.")
    if outcome.conflicts:
        lines += [
            f"{outcome.conflicts:,} rows were refused because their id is taken by another event: the first one stays.",
            "  Was the file imported before with other --map, --type, --event-type or mode options?",
        ]
    return lines
