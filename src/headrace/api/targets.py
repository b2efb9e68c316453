"""The floor this service is held to: KPI and service targets, as ``/contract`` publishes them."""

from typing import Final

import msgspec

from headrace.api.query import Parameter, a_number

RECO_P95_MS: Final = 120
RECO_P99_MS: Final = 200
ERROR_RATE_PCT: Final = 1.0

BASELINE_PARAMETERS: Final[dict[str, Parameter[int]]] = {
    "days": a_number("days", "How many days back the figures reach.", 30, 7)
}


class KpiTargets(msgspec.Struct, frozen=True, kw_only=True):
    """What the recommendations are to reach, at least."""

    ctr_at_20_pct: float = 8.0
    avg_watch_time_sec: int = 35
    catalog_coverage_at_20_pct: float = 60.0


class SlaTargets(msgspec.Struct, frozen=True, kw_only=True):
    """How fast and how reliably ``/reco`` answers, at least."""

    reco_p95_ms: int = RECO_P95_MS
    reco_p99_ms: int = RECO_P99_MS
    error_rate_pct: float = ERROR_RATE_PCT
