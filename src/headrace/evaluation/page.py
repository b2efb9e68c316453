"""The page with plots: one HTML file, its pictures inside it as SVG, nothing loaded from anywhere.

Matplotlib draws them: it needs no browser, no script and no network, and its SVG can be read in ten years. It is not needed to
serve, so it is the optional dependency ``plots``.
"""

from collections.abc import Sequence
from html import escape
from io import StringIO
from typing import Any, Final

from headrace.evaluation.results import Point, Result

_STYLE: Final = """body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}figure{display:inline-block;margin:1rem 1rem 1rem 0}figcaption{color:#555}"""


class NoPlots(ImportError):
    """The plotting library is not installed; the message says how to get it."""


Curve = tuple[str, Sequence[Point]]
"""A legend and its points."""


def page(title: str, results: Sequence[Result], ages: Sequence[Point]) -> str:
    """Return the whole page. ``ages`` are hit rates against the age of the index. Raises ``NoPlots``."""
    named = [(f"{one.recipe}, {one.index}", one) for one in results]
    figures = [
        ("by length of the list", plot([(name, one.by_length) for name, one in named], "length of the list")),
        ("by length of the history", plot([(name, one.by_history) for name, one in named], "events before, in the session")),
        ("by age of the wanted item", plot([(name, one.by_item_age) for name, one in named], "since the item's first event")),
        (
            "by events of the wanted item",
            plot([(name, one.by_item_events) for name, one in named], "events of the item before"),
        ),
    ]
    if ages:
        figures.append(
            ("against the age of the index", plot([(results[0].recipe, ages)], "index frozen before the test window"))
        )
    drawn = "".join(f"<figure>{svg}<figcaption>HR@20 {escape(caption)}</figcaption></figure>" for caption, svg in figures)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{_table(results)}{drawn}</html>\n"
    )


def plot(curves: Sequence[Curve], label: str) -> str:
    """Return an SVG of hit rates over labelled points; points without targets are left out. Raises ``NoPlots``."""
    drawing = matplotlib()
    figure = drawing.figure.Figure(figsize=(5.6, 3.4), layout="constrained")
    axes = figure.add_subplot()
    ticks = list(dict.fromkeys(point.label for _, points in curves for point in points))
    for name, points in curves:
        kept = [point for point in points if point.targets]
        axes.plot(
            [ticks.index(point.label) for point in kept], [point.hit_rate for point in kept], marker="o", ms=3, label=name
        )
    axes.set_xticks(range(len(ticks)), ticks, fontsize=8)
    axes.set_xlabel(label)
    axes.set_ylabel("HR@20" if label != "length of the list" else "HR")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    if len(curves) > 1:
        axes.legend(fontsize=8)
    drawn = StringIO()
    with drawing.rc_context({"svg.hashsalt": "headrace", "svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    svg = drawn.getvalue()
    return svg[svg.index("<svg") :]


def matplotlib() -> Any:  # noqa: ANN401 -- a module
    """Return the plotting library; raises ``NoPlots``."""
    try:
        import matplotlib  # noqa: PLC0415, ICN001 -- optional, and half a second to load
        import matplotlib.figure  # noqa: PLC0415 -- as above
    except ImportError as error:
        raise NoPlots(
            "the page needs matplotlib, which is pinned with the developer's packages:"
            " ./venv/bin/python -m pip install --require-hashes -r requirements/dev.txt"
        ) from error
    return matplotlib


def _table(results: Sequence[Result]) -> str:
    heads = (
        "recipe",
        "index",
        "HR@20",
        "MRR@20",
        "NDCG@20",
        "unseen HR@20",
        "unseen MRR@20",
        "coverage",
        "popularity",
        "p50 µs",
        "p99 µs",
    )
    rows = [
        (
            one.version,
            one.index,
            *(f"{value:.4f}" for value in (one.all_targets.hit_rate, one.all_targets.mrr, one.all_targets.ndcg)),
            *(f"{value:.4f}" for value in (one.unseen.hit_rate, one.unseen.mrr, one.coverage, one.popularity_bias)),
            *(f"{value:.0f}" for value in (one.speed.p50_us, one.speed.p99_us)),
        )
        for one in results
    ]
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>{cells}</table>"
