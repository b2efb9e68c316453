"""The metrics and their page."""

import unittest
from collections.abc import Iterator
from typing import Final

from headrace import telemetry
from headrace.telemetry.spaces import Spaced
from tests.architecture.sources import ROOT

PAGE: Final = ROOT / "docs/reference/metrics.md"
UNITS: Final = {"_ms": "ms", "_bytes": "bytes", "_total": "count"}


def declared() -> Iterator[tuple[str, str, str, str]]:
    """Yield name with labels, type, unit and meaning of every metric that the program declares."""
    for metric in vars(telemetry).values():
        if isinstance(metric, Spaced):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = f"{{{','.join(metric.labelnames)}}}" if metric.labelnames else ""
            unit = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "count")
            yield f"`{name}{labels}`", family.type, unit, family.documentation


def documented() -> Iterator[tuple[str, ...]]:
    """Yield the cells of every row of the page."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            yield tuple(cell.strip() for cell in line.strip("|").split("|"))


class TheMetricsPage(unittest.TestCase):
    """docs/reference/metrics.md says what the program counts."""

    def test_it_has_exactly_the_declared_metrics(self) -> None:
        """Each metric has its row with labels, type, unit and meaning, and there is no other row."""
        self.assertEqual(sorted(row[:4] for row in documented()), sorted(declared()))

    def test_every_row_says_what_a_rise_means_and_what_to_do(self) -> None:
        """The last two cells are never empty."""
        self.assertEqual([row[0] for row in documented() if len(row) != 6 or not (row[4] and row[5])], [])
