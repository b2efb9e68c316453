"""Plots as SVG, worked out here and drawn by ``plots.html``: lines over time, bars, a histogram, a value beside its target.

Widths are in percent and heights in pixels, so a plot fills whatever room it has and its text keeps its size. Colours are
classes, so a plot follows light and dark. Every plot has its values as a table behind it, for those who cannot see it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

HEIGHT: Final = 172
TOP: Final = 18
"""Pixels above the largest value: room for the label of a target."""

BOTTOM: Final = 22
"""Pixels below the axis: room for its labels."""

INNER: Final = HEIGHT - TOP - BOTTOM
BOX: Final = 1000
"""Lines are drawn in a box of so many units each way, stretched over the room there is."""

MOST_LABELS: Final = 5
"""Below bars, on a narrow screen."""

Value = float | None
Told = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Series:
    """One line or kind of bar: its name, and a value for each step; None where there is none."""

    name: str
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Target:
    """A level to compare with, drawn as a line that carries its label."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Label:
    """Words at a place: ``x`` in percent, ``y`` in pixels, ``anchor`` as SVG has it; a line goes with some."""

    text: str
    x: str = "0"
    y: str = "0"
    anchor: str = "start"
    line_y: str = "0"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a series: ``x`` and ``width`` in percent, ``y`` and ``height`` in pixels."""

    series: int
    x: str
    width: str
    y: str
    height: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What is drawn. ``rows`` are the steps' names with every series' value as text; ``tips`` their places and tooltips."""

    name: str
    described: str
    first: str
    series: Sequence[str]
    latest: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]
    tips: Sequence[tuple[str, str]]
    scale: Sequence[Label]
    below: Sequence[Label]
    column: str
    """The width of one step, in percent."""

    paths: Sequence[str] = ()
    bars: Sequence[Bar] = ()
    targets: Sequence[Label] = ()
    marks: Sequence[Label] = ()
    height: int = HEIGHT
    top: int = TOP
    inner: int = INNER
    box: int = BOX


@dataclass(frozen=True, slots=True)
class Meter:
    """A value beside its target; both as percent of the room."""

    text: str
    met: bool
    value: str
    target: str


@dataclass(frozen=True, slots=True)
class _Axis:
    """The vertical axis: its ticks, and where a value lies between 0 (bottom) and 1 (top)."""

    ticks: Sequence[float]
    place: Callable[[float], float] = field(repr=False)

    def y(self, value: float) -> float:
        """Return a value's height in pixels from the top."""
        return TOP + INNER * (1 - self.place(value))

    def scale(self, told: Told) -> list[Label]:
        """Return the ticks as labels, each with its line on the middle of a pixel, where it is sharp."""
        return [Label(told(tick), y=_short(self.y(tick)), line_y=_sharp(self.y(tick))) for tick in self.ticks]


def lines(
    name: str,
    steps: Sequence[str],
    series: Sequence[Series],
    told: Told,
    *,
    targets: Sequence[Target] = (),
    logarithmic: bool = False,
    described: str = "",
) -> Plot:
    """Return lines over equal steps in time."""
    levels = [one.value for one in targets]
    axis = _axis([value for one in series for value in one.values], levels, logarithmic=logarithmic)
    rows = _rows(steps, series, told)
    return Plot(
        name=name,
        described=described,
        first="Time",
        series=[one.name for one in series],
        latest=[_latest(one, told) for one in series],
        rows=rows,
        tips=_tips(rows, series),
        scale=axis.scale(told),
        below=_ends(steps),
        column=_short(100 / max(len(steps), 1)),
        paths=[_path(axis, one.values) for one in series],
        targets=_levels(axis, targets),
    )


def bars(
    name: str, steps: Sequence[str], series: Sequence[Series], told: Told, *, first: str = "Time", described: str = ""
) -> Plot:
    """Return bars over equal steps, those of one step upon each other."""
    sums = [math.fsum(one.values[step] or 0 for one in series) for step in range(len(steps))]
    axis = _axis(sums, [])
    width = 100 / max(len(steps), 1)
    drawn = []
    for step in range(len(steps)):
        upon = 0.0
        for number, one in enumerate(series, start=1):
            value = one.values[step] or 0
            if value > 0:
                drawn.append(_bar(axis, step * width, width, (upon, upon + value), number))
            upon += value
    rows = _rows(steps, series, told)
    return Plot(
        name=name,
        described=described,
        first=first,
        series=[one.name for one in series],
        latest=[""] * len(series),
        rows=rows,
        tips=_tips(rows, series),
        scale=axis.scale(told),
        below=_ends(steps),
        column=_short(width),
        bars=drawn,
    )


def histogram(
    name: str, bounds: Sequence[float], counts: Sequence[int], told: Told, *, marks: Sequence[Target] = (), described: str = ""
) -> Plot:
    """Return the shares of counts below each bound; ``counts`` has one more, for what lies above. Marks stand upright."""
    whole = sum(counts)
    used = [place for place, count in enumerate(counts) if count] or [0]
    low, high = max(0, used[0] - 1), min(len(counts) - 1, max(used[-1] + 1, used[0] + 6))
    shares = [100 * count / whole if whole else 0.0 for count in counts[low : high + 1]]
    steps = [f"≤ {told(bounds[place])}" if place < len(bounds) else f"> {told(bounds[-1])}" for place in range(low, high + 1)]
    axis = _axis(shares, [])
    width = 100 / len(shares)
    rows = [(step, [_share(share)]) for step, share in zip(steps, shares, strict=True)]
    return Plot(
        name=name,
        described=described,
        first="Up to",
        series=["Share"],
        latest=[""],
        rows=rows,
        tips=_tips(rows, ()),
        scale=axis.scale(_share),
        below=_between(steps),
        column=_short(width),
        bars=[_bar(axis, place * width, width, (0, share), 1) for place, share in enumerate(shares) if share],
        marks=[_mark(one.label, _within(bounds, low, one.value) * width, turn) for turn, one in enumerate(marks)],
    )


def meter(name: str, value: float, target: float, told: Told) -> Meter:
    """Return one value with its target, from 0 to a quarter above the larger of both."""
    largest = 1.25 * max(value, target, 1e-9)
    text = f"{name}: {told(value)}, target {told(target)}"
    return Meter(text, value >= target, _short(100 * value / largest), _short(100 * target / largest))


def _axis(values: Sequence[Value], levels: Sequence[float], *, logarithmic: bool = False) -> _Axis:
    known = [value for value in values if value is not None]
    if logarithmic:
        low = math.floor(math.log10(max(min([*known, 1.0]), 0.1)))
        high = math.ceil(math.log10(max([*known, *levels, 10.0]) * 1.05))
        return _Axis(
            [10.0**power for power in range(low, high + 1)],
            lambda value: (math.log10(max(value, 10.0**low)) - low) / (high - low),
        )
    largest = max([*known, *levels, 0.0]) or 1.0
    step = _round_step(largest / 4)
    count = math.ceil(largest / step - 1e-9)
    return _Axis([step * tick for tick in range(count + 1)], lambda value: value / (step * count))


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2, 2.5 and 5 times a power of ten that is not below."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= least * (1 - 1e-9))


def _path(axis: _Axis, values: Sequence[Value]) -> str:
    width = BOX / max(len(values), 1)
    path, pen = [], "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{_short((place + 0.5) * width)} {_short(BOX * (1 - axis.place(value)))}")
        if pen == "M" and (place + 1 == len(values) or values[place + 1] is None):
            path.append(f"h{_short(width / 2)}")  # a value without neighbours would be a line of no length
        pen = "L"
    return "".join(path)


def _bar(axis: _Axis, x: float, width: float, span: tuple[float, float], series: int) -> Bar:
    gap = min(0.14 * width, 0.6)
    top, bottom = axis.y(span[1]), axis.y(span[0])
    return Bar(series, _short(x + gap), _short(width - 2 * gap), _short(top), _short(max(bottom - top, 1)))


def _levels(axis: _Axis, targets: Sequence[Target]) -> list[Label]:
    """Return the targets' lines; the highest carries its label above, the others below, where it is not in its way."""
    highest = max((one.value for one in targets), default=0.0)
    return [
        Label(one.label, y=_short(axis.y(one.value) + (-5 if one.value == highest else 13)), line_y=_sharp(axis.y(one.value)))
        for one in targets
    ]


def _mark(text: str, at: float, turn: int) -> Label:
    return Label(text, _short(at), str(TOP - 3 + 14 * turn), "end" if at > 60 else "start")


def _rows(steps: Sequence[str], series: Sequence[Series], told: Told) -> list[tuple[str, Sequence[str]]]:
    return [(step, [_told(one.values[place], told) for one in series]) for place, step in enumerate(steps)]


def _tips(rows: Sequence[tuple[str, Sequence[str]]], series: Sequence[Series]) -> list[tuple[str, str]]:
    width = 100 / max(len(rows), 1)
    names = [f"{one.name}: " for one in series] if len(series) > 1 else [""]
    return [
        (_short(place * width), "\n".join([step, *map(str.__add__, names, values)]))
        for place, (step, values) in enumerate(rows)
    ]


def _told(value: Value, told: Told) -> str:
    return "–" if value is None else told(value)


def _latest(series: Series, told: Told) -> str:
    return next((told(value) for value in reversed(series.values) if value is not None), "–")


def _ends(steps: Sequence[str]) -> list[Label]:
    """Return labels at the left end, in the middle and at the right end of the axis, as far as there are steps."""
    if not steps:
        return []
    ends = [Label(steps[0], "0"), Label(steps[-1], "100", anchor="end")]
    if len(steps) > 2:
        ends.insert(1, Label(steps[len(steps) // 2], "50", anchor="middle"))
    return ends if len(steps) > 1 else [Label(steps[0], "50", anchor="middle")]


def _between(steps: Sequence[str]) -> list[Label]:
    """Return labels below the bars, as many as there is room for."""
    width = 100 / len(steps)
    every = -(-len(steps) // MOST_LABELS)
    return [
        Label(step, _short((place + 0.5) * width), anchor="middle")
        for place, step in enumerate(steps)
        if place % every == every // 2
    ]


def _within(bounds: Sequence[float], low: int, value: float) -> float:
    """Return where a value lies among the bars, the first of which ends at the bound ``low``."""
    for place, bound in enumerate(bounds):
        if value <= bound:
            below = bounds[place - 1] if place else 0.0
            return place - low + (value - below) / (bound - below)
    return len(bounds) - low + 0.5


def _share(value: float) -> str:
    return f"{value:.0f}\u202f%" if value >= 10 or value == int(value) else f"{value:.1f}\u202f%"


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _sharp(value: float) -> str:
    return _short(math.floor(value) + 0.5)
