"""The page: a table with every row, gate beside result, then each row's method, numbers, cores and drawings."""

from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import plots
from benchmarks.gates import BY_NAME, ROWS, Gate, Row
from benchmarks.results import Figure, Results, RowResult, Stamp

HEAD: Final = """# Benchmarks

What was measured with everything on one machine. `make bench` measured it and wrote this page and
[benchmarks.json](benchmarks.json), which holds every round; nothing here is written by hand. Under each row stand its commit,
the time and what else ran before it: what changed since that commit is not in its figures. Rows of different days may come from
machines of different speed: compare a figure with the limit beside it, not with another row; the ratios differ somewhat between
machines as well. How to run it, and what it takes: [benchmark it](howto/benchmark.md).

The default recipe, metrics on, one API process and one worker, Postgres with `fsync`, and the load generator, all on the same
cores. Limits are measured in the same run, round about with ours: an application that answers nothing, on the same server with
the same settings, loaded by the same generator with the same bytes; and bare `unnest` inserts into the same Postgres. A figure
is the median of its rounds; the range is that of all rounds.

The load comes from [wrk](https://github.com/wg/wrk) where connections ask as fast as they are answered or at a rate at which
everything is archived, and from `benchmarks/openloop.py` where requests come at random moments; *cores* tells what each process
used, the generator among them.
"""
BUSY: Final = 0.5
"""Where others used so many cores just before a row, it is not judged: on few cores it is they that were measured."""

LOADED: Final = 2.0
"""So many processes that wanted to run say the same of a row of which only the load is known."""

QUICK: Final = "\n**A quick run: it shows that the harness works. Its figures say nothing about speed.**\n"


def write(results: Results, folder: Path) -> list[Path]:
    """Write the page and its drawings into a folder; return what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = folder / "benchmarks"
    written: list[Path] = []
    drawn: dict[str, list[str]] = {}
    for name, result in results.rows.items():
        for number, plot in enumerate(result.measured.plots):
            pictures.mkdir(exist_ok=True)
            file = pictures / f"{name}-{number}.svg"
            file.write_text(plots.svg(plot), encoding="utf-8")
            drawn.setdefault(name, []).append(f"![{plot.title}](benchmarks/{file.name})")
            written.append(file)
    page = folder / "benchmarks.md"
    page.write_text(_page(results, drawn), encoding="utf-8")
    return [page, *written]


def table(results: Results) -> list[str]:
    """Return the table of all rows as Markdown lines."""
    lines = ["| | | result (range) | gate | | stretch | |", "|---|---|---|---|---|---|---|"]
    for row in ROWS:
        result = results.rows.get(row.name)
        for number, gate in enumerate(row.gates):
            title = "" if number else row.title if result is None else f"[{row.title}](#{row.name})"
            found = None if result is None else _figure(result, gate.name)
            told = "not measured" if found is None else _told(found, gate)
            verdicts = ("", "") if found is None else (_word(gate.met(found.value)), _word(gate.stretched(found.value)))
            if found is not None and result is not None and _busy(result):
                told, verdicts = f"{told}, disturbed: {_others(result.stamp)} before", ("not judged", "not judged")
            lines.append(
                f"| {title} | {gate.name} | {told} | {gate.told(gate.gate)} | {verdicts[0]} | {gate.told(gate.stretch)} | "
                f"{verdicts[1]} |"
            )
    return lines


def _page(results: Results, drawn: dict[str, list[str]]) -> str:
    lines = [HEAD + (QUICK if results.quick else ""), *table(results), ""]
    for name, result in results.rows.items():
        lines += [*_section(BY_NAME[name], result), *drawn.get(name, []), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(row: Row, result: RowResult) -> list[str]:
    stamp = result.stamp
    lines = [f'<a id="{row.name}"></a>', "", f"## {row.title}", ""]
    if _busy(result):
        lines += [
            (
                f"**Disturbed.** Other work had the cores ({_others(stamp)} before the row). What is true of the program is "
                "not to be read from these figures."
            ),
            "",
        ]
    lines += [line for note in result.measured.notes for line in (note, "")]
    lines += [*_rounds(result.measured.rounds), ""]
    versions = ", ".join(f"{name} {version}" for name, version in stamp.versions.items())
    lines += [
        (
            f"Commit `{stamp.commit}`, {stamp.at}, {stamp.seconds / 60:.0f} min; {stamp.machine}; "
            f"{_others(stamp)} before the row. {versions}."
        ),
        "",
    ]
    return lines


def _rounds(rounds: list[dict[str, Any]]) -> list[str]:
    """Return the rounds as a table: what each has, in the order it first comes."""
    flat = [_flat(one) for one in rounds]
    heads = list(dict.fromkeys(key for one in flat for key in one))
    if not heads:
        return []
    lines = [f"| {' | '.join(head.replace('_', ' ') for head in heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(str(one.get(head, '')) for head in heads)} |" for one in flat]
    return lines


def _flat(one: dict[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in one.items():
        if isinstance(value, dict):
            flat[key] = ", ".join(f"{name} {_number(inner)}" for name, inner in value.items())
        else:
            flat[key] = _number(value)
    return flat


def _number(value: object) -> str:
    if isinstance(value, list):
        return f"{_number(median(value))} ({_number(min(value))}–{_number(max(value))})" if value else ""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def _busy(result: RowResult) -> bool:
    stamp = result.stamp
    return stamp.load_before >= LOADED if stamp.busy_before is None else stamp.busy_before >= BUSY


def _others(stamp: Stamp) -> str:
    """Return what else ran before a row."""
    return f"load {stamp.load_before:.1f}" if stamp.busy_before is None else f"{stamp.busy_before:.2f} cores busy"


def _figure(result: RowResult, name: str) -> Figure | None:
    return next((one for one in result.measured.figures if one.name == name), None)


def _told(found: Figure, gate: Gate) -> str:
    unit = f" {gate.unit}" if gate.unit else ""
    value = f"**{_precise(found.value)}{unit}**"
    return value if found.low == found.high else f"{value} ({_precise(found.low)}–{_precise(found.high)})"


def _precise(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _word(met: bool | None) -> str:  # noqa: FBT001 -- a verdict is all it tells
    return "" if met is None else "met" if met else "missed"
