"""The page and the JSON: rows measured at different times stand together, and a gate's verdict is arithmetic."""

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import page, results
from benchmarks.gates import ROWS
from benchmarks.measures import MEASURES
from benchmarks.results import Figure, Measured, OtherKind, Plot, Results, RowResult, Stamp


def row(name: str, figure: str, value: float, commit: str = "abc") -> RowResult:
    """Return a row with one figure."""
    stamp = Stamp(commit, "2026-01-01 00:00 UTC", 60.0, 0.1, "2 cores", {"Python": "3.11"})
    drawing = Plot("latency", "latency", "ms", {"ours": [(0.0, 1.0), (50.0, 2.0), (99.0, 9.0), (100.0, 12.0)]})
    found = [Figure(figure, value, value - 0.1, value + 0.1)]
    return RowResult(name, stamp, Measured(figures=found, notes=["So it was."], rounds=[{"per_s": 1234.5}], plots=[drawing]))


class ThePage(unittest.TestCase):
    """From results to Markdown."""

    def test_every_row_has_a_measure(self) -> None:
        """What the table promises can be measured, and nothing else is."""
        self.assertEqual(set(MEASURES), {one.name for one in ROWS})

    def test_rows_of_several_runs_stand_in_one_file_each_with_its_commit(self) -> None:
        """A later run replaces its own rows and leaves the others; quick and full do not mix."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "benchmarks.json"
            kept = results.load(file, quick=False)
            kept.put(row("event", "of the empty POST handler", 0.3))
            kept.put(row("reco", "of the empty GET handler", 0.2))
            results.save(file, kept)
            again = results.load(file, quick=False)
            again.put(row("reco", "of the empty GET handler", 0.4, commit="def"))
            results.save(file, again)
            found = results.load(file, quick=False)
            self.assertEqual(
                [(name, one.stamp.commit) for name, one in found.rows.items()], [("reco", "def"), ("event", "abc")]
            )
            with self.assertRaises(OtherKind):
                results.load(file, quick=True)

    def test_the_table_tells_gate_and_result_and_whether_it_was_met(self) -> None:
        """0.4 of the empty handler is over the gate and under the stretch; what was not measured says so."""
        kept = Results(quick=False)
        kept.put(row("reco", "of the empty GET handler", 0.4))
        lines = page.table(kept)
        self.assertIn("**0.4** (0.3–0.5) | ≥ 0.3 | met | ≥ 0.45 | missed |", lines[2])
        self.assertIn("not measured", lines[3])

    def test_the_page_draws_what_is_to_be_drawn(self) -> None:
        """An SVG for each plot, named by the page."""
        with TemporaryDirectory() as folder:
            kept = Results(quick=True)
            kept.put(row("reco", "of the empty GET handler", 0.4))
            written = page.write(kept, Path(folder))
            text = written[0].read_text(encoding="utf-8")
            self.assertIn("says nothing about speed".replace("says", "say"), text)
            self.assertIn("benchmarks/reco-0.svg", text)
            self.assertTrue((Path(folder) / "benchmarks/reco-0.svg").read_text(encoding="utf-8").startswith("<svg"))


if __name__ == "__main__":
    unittest.main()
