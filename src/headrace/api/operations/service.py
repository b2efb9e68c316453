"""The routes of operation: how the service is, and which targets and limits it holds."""

from typing import Final

from headrace.api import answers, services
from headrace.api.operations.operation import Operation
from headrace.api.targets import BASELINE_PARAMETERS
from headrace.api.window import RecoMetrics

_TARGETS: Final = {"ctr_at_20_pct": 8.0, "avg_watch_time_sec": 35, "catalog_coverage_at_20_pct": 60.0}

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/contract",
        tag="operation",
        summary="Read the targets and every limit in force",
        answer=answers.ContractAnswer,
    ),
    Operation(
        method="GET",
        path="/metrics/reco",
        tag="operation",
        summary="Read how fast and how reliably answers were given lately",
        description="Over the answers of `/reco` and `/recommend` of this process, in a bounded window. "
        "An empty window reads 0 everywhere and meets its targets.",
        answer=RecoMetrics,
    ),
    Operation(
        method="GET",
        path="/metrics/prometheus",
        tag="operation",
        summary="Scrape the metrics of the API and the workers",
    ),
    Operation(
        method="GET",
        path="/analytics/baseline",
        tag="operation",
        summary="Read the KPI figures beside their targets",
        parameters=BASELINE_PARAMETERS,
        answer=answers.BaselineAnswer,
        refusals=(422, 503),
        reply={
            "kpi_targets": _TARGETS,
            "metrics": {
                "window_days": 7,
                "requests": 120,
                "impressions": 2400,
                "watches": 300,
                "watched_impressions": 240,
                "ctr_at_20_pct": 10.0,
                "avg_watch_time_sec": 41.2,
                "catalog_coverage_at_20_pct": 63.5,
            },
        },
    ),
    Operation(
        method="GET",
        path="/stream/worker",
        tag="operation",
        summary="Read how the workers are",
        description="True figures, wherever the workers run.",
        answer=services.WorkerFigures,
        refusals=(503,),
    ),
    Operation(
        method="GET",
        path="/healthz",
        tag="operation",
        summary="Ask whether the process lives",
        answer=answers.Health,
        reply={"status": "ok"},
    ),
    Operation(
        method="GET",
        path="/readyz",
        tag="operation",
        summary="Ask whether answers can be given",
        description="`degraded` answers from memory and names what is away; 503 means there is no picture to answer from.",
        answer=services.Readiness,
        refusals=(503,),
        reply={"status": "degraded", "missing": ["postgres"], "snapshot_age_ms": 60210},
    ),
)
