"""Drawings as SVG by matplotlib, the optional extra ``plots``: no browser, no script."""

from io import StringIO
from math import log10

from benchmarks.results import Plot
from headrace.evaluation.page import matplotlib


def svg(plot: Plot) -> str:
    """Return a drawing; raises ``NoPlots`` where matplotlib is not installed."""
    drawing = matplotlib()
    figure = drawing.figure.Figure(figsize=(7.2, 3.8), layout="constrained")
    axes = figure.add_subplot()
    for name, points in plot.curves.items():
        kept = [point for point in points if plot.kind == "time" or point[0] < 100]
        xs = [_nines(x) if plot.kind == "latency" else x for x, _ in kept]
        axes.plot(xs, [y for _, y in kept], label=name, lw=1.4)
    if plot.kind == "latency":
        ticks = (0, 50, 90, 99, 99.9, 99.99)
        axes.set_xticks([_nines(tick) for tick in ticks], [f"p{tick:g}" for tick in ticks])
        axes.set_yscale("log")
    else:
        axes.set_xlabel("minutes")
        axes.set_ylim(bottom=0)
    axes.set_ylabel(plot.unit)
    axes.set_title(plot.title, fontsize=10)
    axes.grid(visible=True, alpha=0.3)
    if len(plot.curves) > 1:
        axes.legend(fontsize=8)
    drawn = StringIO()
    with drawing.rc_context({"svg.hashsalt": "headrace", "svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    return "\n".join(line.rstrip() for line in text[text.index("<svg") :].splitlines()) + "\n"


def _nines(percentile: float) -> float:
    """Return where a percentile stands on an axis that gives every nine the same room."""
    return -log10(1 - percentile / 100)
