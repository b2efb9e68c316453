"""*Live*: how the whole loop is doing now, against what it is held to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from headrace import telemetry
from headrace.api.services import BaselineMetrics
from headrace.api.targets import ERROR_RATE_PCT, RECO_P95_MS, RECO_P99_MS, KpiTargets
from headrace.console import plots
from headrace.console.desk import Desk, Page, attempt
from headrace.console.plots import Meter, Plot, Series, Target
from headrace.console.timeline import Span, quantiles
from headrace.console.words import milliseconds, number, percent
from headrace.errors import Unavailable
from headrace.log.port import Topic
from headrace.telemetry.spaces import Gauge

MINUTES: Final = (5, 15, 60)
STEPS: Final = 60
KPI_DAYS: Final = 7
_NOW_S: Final = 10
"""Seconds that the figures of this moment are taken over."""

_NAMES: Final = {
    Topic.INTERACTION: "Views, clicks, purchases",
    Topic.WATCH: "Watches",
    Topic.IMPRESSION: "Impressions",
    Topic.CATALOGUE: "Catalogue changes",
}


async def show(desk: Desk, request: Request) -> Response:
    """Answer with the figures as they are; ``minutes`` says how far back, ``values`` which plot is a table as well."""
    asked = request.query_params.get("minutes", "")
    minutes = int(asked) if asked in {str(one) for one in MINUTES} else MINUTES[0]
    services, timeline = desk.services, desk.timeline
    lately = timeline.recently(60 * minutes)
    context: dict[str, Any] = {
        "minutes": minutes,
        "choices": [(one, f"{one} min") for one in MINUTES],
        "shown": request.query_params.get("values", ""),
        "ready": services.readiness(),
        "now": timeline.recently(_NOW_S),
        "lately": lately,
        "lag": timeline.lag_records,
        "lag_ms": timeline.lag_ms,
        "letters": _gauge(telemetry.DEAD_LETTERS_OPEN),
        "visible": _visible(lately.visible),
        "p99_ms": RECO_P99_MS,
        "error_pct": ERROR_RATE_PCT,
    }
    if desk.shows(request, "plots"):
        kpis = await attempt(services.baseline(KPI_DAYS))
        context |= {
            "drawn": _drawn(timeline.span(60 * minutes, STEPS), lately.visible),
            "kpis": kpis,
            "goals": None if isinstance(kpis, Unavailable) else _goals(kpis),
            "kpi_days": KPI_DAYS,
            "workers": await attempt(services.worker_figures()),
        }
    return desk.page(request, "live.html", page=PAGE, **context)


def _drawn(span: Span, visible: NDArray[np.int64]) -> dict[str, Plot]:
    return {
        "events": _events(span),
        "asked": _asked(span),
        "latency": _latency(span),
        "visible": _visible_plot(visible),
        "lag": _lag(span),
    }


def _events(span: Span) -> Plot:
    seen = [Series(_NAMES[topic], _values(column)) for topic, column in zip(Topic, span.events.T, strict=True)]
    # The catalogue seldom changes: its line stands there only when it did.
    series = [one for one in seen if one.name != _NAMES[Topic.CATALOGUE] or any(one.values)]
    return plots.lines("Events a second", _times(span), series, number, described="One line for each kind of event.")


def _asked(span: Span) -> Plot:
    return plots.lines("Answers a second", _times(span), [Series("/reco and /recommend", _values(span.asked))], number)


def _latency(span: Span) -> Plot:
    series = [Series(name, _values(column)) for name, column in zip(("p50", "p95", "p99"), span.latency.T, strict=True)]
    targets = [
        Target(f"target p99 {RECO_P99_MS} ms", RECO_P99_MS),
        Target(f"target p95 {RECO_P95_MS} ms", RECO_P95_MS),
    ]
    return plots.lines(
        "Latency of answers",
        _times(span),
        series,
        milliseconds,
        targets=targets,
        logarithmic=True,
        described="Median, 95th and 99th percentile on a logarithmic scale, with both targets.",
    )


def _visible(counts: NDArray[np.int64]) -> tuple[float, float] | None:
    """Return p50 and p99 of the time until an event is visible; None where there was none."""
    if not counts.sum():
        return None
    bounds = np.array(telemetry.EVENT_TO_VISIBLE.bounds)
    p50, p99 = (float(quantiles(bounds, counts[None, :], share)[0]) for share in (0.5, 0.99))
    return p50, p99


def _visible_plot(counts: NDArray[np.int64]) -> Plot:
    found = _visible(counts)
    marks = (
        []
        if found is None
        else [Target(f"{name} {milliseconds(value)}", value) for name, value in zip(("p50", "p99"), found, strict=True)]
    )
    return plots.histogram(
        "From an event to an answer that reflects it",
        telemetry.EVENT_TO_VISIBLE.bounds,
        counts.tolist(),
        milliseconds,
        marks=marks,
        described="Share of events by the time it took." if marks else "No event yet.",
    )


def _lag(span: Span) -> Plot:
    return plots.lines("Events that wait to be applied", _times(span), [Series("waiting", _values(span.lag_records))], number)


def _goals(kpis: BaselineMetrics) -> list[tuple[str, str, str, Meter]]:
    targets = KpiTargets()

    def seconds(value: float) -> str:
        return f"{number(value)}\u202fs"

    rows = (
        ("CTR@20", kpis.ctr_at_20_pct, targets.ctr_at_20_pct, percent),
        ("Average watch time", kpis.avg_watch_time_sec, float(targets.avg_watch_time_sec), seconds),
        ("Catalogue coverage@20", kpis.catalog_coverage_at_20_pct, targets.catalog_coverage_at_20_pct, percent),
    )
    return [(name, told(value), told(target), plots.meter(name, value, target, told)) for name, value, target, told in rows]


def _times(span: Span) -> Sequence[str]:
    return [datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S") for ms in span.at_ms.tolist()]


def _values(row: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else value for value in row.tolist()]  # noqa: PLR0124 -- NaN alone is not itself


def _gauge(gauge: Gauge) -> float:
    """Return where a gauge without labels stands."""
    return next(sample.value for family in gauge.here().collect() for sample in family.samples)


PAGE: Final = Page(name="live", title="Live", key="l", show=show)
