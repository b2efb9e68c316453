"""What was found: the figures of each candidate, its difference from the baseline, and the curves behind the plots."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.evaluation import intervals, metrics
from headrace.evaluation.playing import Moments, Play, Played
from headrace.evaluation.tuning import hides_nothing

CUT: Final = 20
"""The length of list that the table tells of."""

_HISTORY: Final = ((1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, None))
_EVENTS: Final = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, 49), (50, None))
_HOURS: Final = ((0, 1), (1, 6), (6, 24), (24, 72), (72, 168), (168, 720), (720, None))
_HOUR_MS: Final = 3_600_000


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Quality over some of the targets."""

    targets: int
    hit_rate: float
    mrr: float
    ndcg: float


class Point(msgspec.Struct, frozen=True):
    """One point of a curve: what it is about, over how many targets, and the hit rate at 20."""

    label: str
    targets: int
    hit_rate: float


class Versus(msgspec.Struct, frozen=True, kw_only=True):
    """How much better than the baseline, with the paired 95 % interval; ``unseen`` over targets new to their session."""

    baseline: str
    figure: str
    targets: str
    mean: float
    low: float
    high: float


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """How long one ranking took, without the history's look-up, in microseconds."""

    predictions_per_s: float
    p50_us: float
    p99_us: float


class Newcomers(msgspec.Struct, frozen=True, kw_only=True):
    """How items fare that a frozen index does not know: those first met behind its end.

    ``events_until_shown`` is how often an item had been met when a list held it first, in the median and for nine of ten, over
    those first met while lists were being asked for. ``share_of_places`` is their share of the first 20 places, and
    ``share_of_targets`` what they deserve of these.
    """

    items: int
    shown: int
    events_until_shown: float | None
    events_until_nine_of_ten_shown: float | None
    share_of_places: float
    share_of_first_places: float
    share_of_targets: float
    hit_rate: float


class Cold(msgspec.Struct, frozen=True, kw_only=True):
    """How items fare of which nothing is known but what the catalogue says: never met, or withheld.

    ``shown`` are those that stood in any list, ``share_of_places`` is their share of all places, ``share_of_targets`` what they
    deserve of these; ``others`` is the hit rate over all other targets.
    """

    targets: int
    shown: int
    share_of_places: float
    share_of_targets: float
    hit_rate: float
    others: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate."""

    recipe: str
    version: str
    index: str
    all_targets: Figures
    unseen: Figures
    coverage: float
    popularity_bias: float
    speed: Speed
    versus: list[Versus]
    by_length: list[Point]
    by_history: list[Point]
    by_item_age: list[Point]
    by_item_events: list[Point]
    newcomers: Newcomers
    cold: Cold


def result_of(play: Play, one: Played, index: str, baseline: Played | None = None) -> Result:
    """Return what one candidate's answers are worth."""
    moments = play.moments
    shown = [items[:CUT] for items in one.lists]
    seconds = float(one.seconds.sum())
    p50, p99 = np.percentile(one.seconds, (50, 99)) * 1e6
    everywhere = np.ones(len(moments), np.bool_)
    # A recipe that hides what was seen is told by its unseen targets; over all of them the curves would hide its quality.
    fair = everywhere if hides_nothing(one.candidate.recipe) else ~moments.seen
    return Result(
        recipe=one.candidate.recipe.name,
        version=one.candidate.recipe.version,
        index=index,
        all_targets=_figures(one.ranks),
        unseen=_figures(one.ranks[~moments.seen]),
        coverage=metrics.coverage(shown, len(play.items)),
        popularity_bias=metrics.popularity_bias(shown, play.events),
        speed=Speed(predictions_per_s=len(one.ranks) / seconds if seconds else 0.0, p50_us=float(p50), p99_us=float(p99)),
        versus=[] if baseline is None or baseline is one else _versus(one, baseline, moments),
        by_length=[_point(str(k), one.ranks[fair], k) for k in range(1, CUT + 1)],
        by_history=_buckets(one, moments.revealed, _HISTORY, fair),
        by_item_age=[
            _point("never met", one.ranks[fair & (moments.met == 0)], CUT),
            *_buckets(one, moments.age_ms // _HOUR_MS, _HOURS, fair & (moments.met > 0), unit=" h"),
        ],
        by_item_events=_buckets(one, moments.met, _EVENTS, fair),
        newcomers=_newcomers(play, one),
        cold=_cold(moments, one),
    )


def _figures(ranks: metrics.Ranks) -> Figures:
    return Figures(
        targets=len(ranks),
        hit_rate=metrics.hit_rate(ranks, CUT),
        mrr=metrics.mean_reciprocal_rank(ranks, CUT),
        ndcg=metrics.ndcg(ranks, CUT),
    )


def _versus(one: Played, baseline: Played, moments: Moments) -> list[Versus]:
    found = []
    for targets, mask in (("all", np.ones(len(moments), np.bool_)), ("unseen", ~moments.seen)):
        for figure, values in (("hit_rate", _hits), ("mrr", metrics.reciprocal)):
            ours, theirs = values(one.ranks[mask], CUT), values(baseline.ranks[mask], CUT)
            paired = intervals.paired(ours, theirs, moments.session[mask])
            found.append(
                Versus(
                    baseline=baseline.candidate.name,
                    figure=figure,
                    targets=targets,
                    mean=paired.mean,
                    low=paired.low,
                    high=paired.high,
                )
            )
    return found


def _hits(ranks: metrics.Ranks, k: int) -> NDArray[np.float64]:
    return ((ranks > 0) & (ranks <= k)).astype(np.float64)


def _point(label: str, ranks: metrics.Ranks, k: int) -> Point:
    return Point(label, len(ranks), metrics.hit_rate(ranks, k))


def _buckets(
    one: Played,
    values: NDArray[np.int64],
    edges: Sequence[tuple[int, int | None]],
    mask: NDArray[np.bool_],
    unit: str = "",
) -> list[Point]:
    points = []
    for low, high in edges:
        # Hours are half-open, counts are whole: 3 to 4 holds both.
        top = np.inf if high is None else high - 1 if unit else high
        label = f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"
        points.append(_point(label + unit, one.ranks[mask & (values >= low) & (values <= top)], CUT))
    return points


def _newcomers(play: Play, one: Played) -> Newcomers:
    moments = play.moments
    target_is_new = moments.item >= play.known
    until: dict[int, int] = {}
    places = first = total = 0
    for place, items in enumerate(one.lists):
        total += len(items)
        for position, item in enumerate(items):
            if item >= play.known:
                places += 1
                first += position == 0
                until.setdefault(item, int(play.met_at(item, place)))
    # Lists were asked for from the split on: of what was met before, nobody saw when it could first be shown.
    watched = [events for item, events in until.items() if item >= len(play.events)]
    median, nine_of_ten = np.percentile(watched, (50, 90)).tolist() if watched else (None, None)
    return Newcomers(
        items=len(play.items) - play.known,
        shown=len(until),
        events_until_shown=median,
        events_until_nine_of_ten_shown=nine_of_ten,
        share_of_places=places / total if total else 0.0,
        share_of_first_places=first / len(one.lists) if one.lists else 0.0,
        share_of_targets=float(target_is_new.mean()) if len(moments) else 0.0,
        hit_rate=metrics.hit_rate(one.ranks[target_is_new], CUT),
    )


def _cold(moments: Moments, one: Played) -> Cold:
    places = sum(map(len, one.lists))
    return Cold(
        targets=int(moments.cold.sum()),
        shown=len(one.cold_shown),
        share_of_places=float(one.cold_places.sum()) / places if places else 0.0,
        share_of_targets=float(moments.cold.mean()) if len(moments) else 0.0,
        hit_rate=metrics.hit_rate(one.ranks[moments.cold], CUT),
        others=metrics.hit_rate(one.ranks[~moments.cold], CUT),
    )
