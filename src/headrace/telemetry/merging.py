"""Several workers' metrics as one page: counters and histograms summed, gauges added or, for lags, the worst."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

WORST: Final = ("_lag_ms",)
"""Endings of gauges of which the largest counts."""


class _Merged:
    """A collector over pages of metrics."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def merge(pages: Iterable[tuple[str, bool]]) -> str:
    """Return one page of metrics from (page, alive); a worker that is gone still counts in counters, not in gauges."""
    merged: dict[str, tuple[Metric, dict[tuple[str, tuple[tuple[str, str], ...]], float]]] = {}
    for page, alive in pages:
        for family in text_string_to_metric_families(page):
            _, sums = merged.setdefault(family.name, (family, {}))
            for sample in family.samples:
                if sample.name.endswith("_created") or (family.type == "gauge" and not alive):
                    continue
                key = (sample.name, tuple(sorted(sample.labels.items())))
                worst = family.type == "gauge" and family.name.endswith(WORST)
                old = sums.get(key, 0.0)
                sums[key] = max(old, sample.value) if worst else old + sample.value
    families = []
    for family, sums in merged.values():
        metric = Metric(family.name, family.documentation, family.type)
        for (name, labels), value in sums.items():
            metric.add_sample(name, dict(labels), value)
        families.append(metric)
    registry = CollectorRegistry()
    registry.register(_Merged(families))
    return generate_latest(registry).decode()
