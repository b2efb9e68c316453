"""Percentiles out of a Prometheus histogram: what happened between two readings of it."""

from collections.abc import Mapping
from math import inf
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

HISTOGRAM: Final = "reco_event_to_visible_ms"

Buckets = Mapping[float, float]


def buckets_in(page: str, name: str = HISTOGRAM, *, space: str | None = None) -> dict[float, float]:
    """Return upper bound → count at or below it, summed over all processes; empty where there is none.

    Figures of the default space have no label of it. Raises ``ValueError`` if the page is not Prometheus text.
    """
    found: dict[float, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == f"{name}_bucket" and sample.labels.get("space") == space:
                bound = float(sample.labels["le"])
                found[bound] = found.get(bound, 0.0) + sample.value
    return found


def since(before: Buckets, now: Buckets) -> dict[float, float]:
    """Return the counts that came in between two readings; a counter that fell was restarted and counts from nought."""
    whole_before, whole_now = before.get(inf, 0.0), now.get(inf, 0.0)
    if whole_now < whole_before:
        return dict(now)
    return {bound: count - before.get(bound, 0.0) for bound, count in now.items()}


def quantile(part: float, counts: Buckets) -> float | None:
    """Return the value below which this part (0..1) of the counts lies, interpolated inside its bucket; None for no counts.

    The same reckoning as Prometheus' ``histogram_quantile``: what lies above the last finite bound is given as that bound.
    """
    bounds = sorted(counts)
    total = counts[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    wanted = part * total
    lower, below = 0.0, 0.0
    for bound in bounds:
        if counts[bound] >= wanted:
            if bound == inf:
                return lower
            inside = counts[bound] - below
            return lower + (bound - lower) * ((wanted - below) / inside if inside else 1.0)
        lower, below = bound, counts[bound]
    return lower
