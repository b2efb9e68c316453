"""The page and the JSON: rows measured at different times stand together, and a gate's verdict is arithmetic."""

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import page, results
from benchmarks.gates import ROWS
from benchmarks.measures import MEASURES
from benchmarks.results import Figure, Measured, OtherKind, Plot, Results, RowResult, Stamp


def row(name: str, figure: str, value: float, commit: str = "abc", load: float = 0.1, busy: float | None = None) -> RowResult:
    """Return a row with one figure."""
    stamp = Stamp(commit, "2026-01-01 00:00 UTC", 60.0, load, "2 cores", {"Python": "3.11"}, busy)
    drawing = Plot("latency", "latency", "ms", {"ours": [(0.0, 1.0), (50.0, 2.0), (99.0, 9.0), (100.0, 12.0)]})
    found = [Figure(figure, value, value - 0.1, value + 0.1)]
    rounds = [{"per_s": 1234.5, "ms": [9.0, 1.25, 2.0]}]
    return RowResult(name, stamp, Measured(figures=found, notes=["So it was."], rounds=rounds, plots=[drawing]))


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

    def test_the_row_before_does_not_disturb(self) -> None:
        """What the load remembers of it says nothing once it is known that the cores were idle, and the other way round."""
        kept = Results(quick=False)
        kept.put(row("reco", "of the empty GET handler", 0.4, load=2.4, busy=0.04))
        self.assertIn("| met |", page.table(kept)[2])
        kept.put(row("reco", "of the empty GET handler", 0.4, load=0.1, busy=1.3))
        self.assertIn("disturbed: 1.30 cores busy before | ≥ 0.3 | not judged |", page.table(kept)[2])

    def test_a_row_of_a_busy_machine_is_not_judged(self) -> None:
        """Its figure stands with the load, in the table and in its section, and neither meets nor misses anything."""
        kept = Results(quick=False)
        kept.put(row("reco", "of the empty GET handler", 0.4, load=13.7))
        line = page.table(kept)[2]
        self.assertIn("**0.4** (0.3–0.5), disturbed: load 13.7 before | ≥ 0.3 | not judged | ≥ 0.45 | not judged |", line)
        with TemporaryDirectory() as folder:
            text = page.write(kept, Path(folder))[0].read_text(encoding="utf-8")
            self.assertIn("**Disturbed.** Other work had the cores (load 13.7", text)

    def test_the_page_draws_what_is_to_be_drawn(self) -> None:
        """An SVG for each plot, named by the page."""
        with TemporaryDirectory() as folder:
            kept = Results(quick=True)
            kept.put(row("reco", "of the empty GET handler", 0.4))
            written = page.write(kept, Path(folder))
            text = written[0].read_text(encoding="utf-8")
            self.assertIn("says nothing about speed".replace("says", "say"), text)
            self.assertIn("benchmarks/reco-0.svg", text)
            self.assertIn("| 1,234 | 2 (1.25–9) |", text)
            self.assertNotIn("Disturbed", text)
            self.assertTrue((Path(folder) / "benchmarks/reco-0.svg").read_text(encoding="utf-8").startswith("<svg"))


if __name__ == "__main__":
    unittest.main()
