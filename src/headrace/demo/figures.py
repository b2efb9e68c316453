"""The figures a demonstration ends with, and what is shown of them while it runs."""

import msgspec

from headrace.demo.meter import Group, ends
from headrace.demo.plan import Plan
from headrace.demo.theatre import Theatre


class GroupFigures(msgspec.Struct):
    """CTR@20 of one group, in percent: whole, in the first and the last ten seconds, and in every ten seconds."""

    shown: int
    taken: int
    ctr_at_20_pct: float | None
    first_window_pct: float | None
    last_window_pct: float | None
    windows_pct: list[float | None]


class Figures(msgspec.Struct):
    """Everything that was measured; times in milliseconds, rates per second of the last five seconds while it runs."""

    simulated: bool
    seed: int
    seconds: float
    viewers: int
    items: int
    requests: int
    events: int
    errors: dict[str, int]
    requests_per_s: float
    events_per_s: float
    reco_p50_ms: float | None
    reco_p99_ms: float | None
    visible_events: int
    event_to_visible_p50_ms: float | None
    event_to_visible_p99_ms: float | None
    learned: GroupFigures
    control: GroupFigures


def figures_of(plan: Plan, theatre: Theatre, *, final: bool) -> Figures:
    """Return the figures as they are now; the final rates are those of the whole time."""
    meter, lag, now_s = theatre.meter, theatre.lag, min(theatre.now_s, plan.seconds)
    requests_per_s, events_per_s = meter.per_second(theatre.now_s)
    if final:
        requests_per_s, events_per_s = meter.requests / max(now_s, 1.0), meter.events / max(now_s, 1.0)
    return Figures(
        simulated=True,
        seed=plan.seed,
        seconds=round(now_s, 1),
        viewers=plan.viewers,
        items=plan.items,
        requests=meter.requests,
        events=meter.events,
        errors=dict(meter.errors),
        requests_per_s=round(requests_per_s, 1),
        events_per_s=round(events_per_s, 1),
        reco_p50_ms=_rounded(meter.latency_ms(0.5)),
        reco_p99_ms=_rounded(meter.latency_ms(0.99)),
        visible_events=lag.events,
        event_to_visible_p50_ms=_rounded(lag.quantile_ms(0.5)),
        event_to_visible_p99_ms=_rounded(lag.quantile_ms(0.99)),
        learned=_group_figures(theatre, Group.LEARNED),
        control=_group_figures(theatre, Group.CONTROL),
    )


def _group_figures(theatre: Theatre, group: Group) -> GroupFigures:
    whole = theatre.meter.whole(group)
    windows = [_rounded(window) for window in theatre.meter.windows(group, theatre.now_s)]
    first, last = ends(windows)
    return GroupFigures(whole.shown, whole.taken, _rounded(whole.ctr_pct), first, last, windows)


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)
