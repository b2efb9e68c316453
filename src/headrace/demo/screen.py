"""How a demonstration looks: a live picture on a terminal, a line every few seconds elsewhere, a summary at the end."""

import asyncio
from collections.abc import Callable
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from headrace.demo.figures import Figures, GroupFigures
from headrace.demo.meter import sparkline

TITLE: Final = "headrace demo: these viewers, their tastes and their clicks are SIMULATED; the API and what it learns are real"
_PICTURE_EVERY_S: Final = 0.5
_LINE_EVERY_S: Final = 5.0


async def follow(console: Console, look: Callable[[], Figures], seconds: float, over: asyncio.Event) -> None:
    """Show the figures again and again until it is over."""
    console.print(TITLE, markup=False, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        while not await _passed(over, _LINE_EVERY_S):
            console.print(line(look()), markup=False, highlight=False, soft_wrap=True)
        return
    with Live(picture(look(), seconds), console=console, transient=True, auto_refresh=False) as live:
        while not await _passed(over, _PICTURE_EVERY_S):
            live.update(picture(look(), seconds), refresh=True)


def line(figures: Figures) -> str:
    """Return the figures on one line."""
    return (
        f"{figures.seconds:5.0f} s  {figures.events_per_s:.0f} events/s  {figures.requests_per_s:.0f} /reco/s"
        f" (p50 {_ms(figures.reco_p50_ms)}, p99 {_ms(figures.reco_p99_ms)})"
        f"  visible p50 {_ms(figures.event_to_visible_p50_ms)}, p99 {_ms(figures.event_to_visible_p99_ms)}"
        f"  CTR@20 learned {_pct(figures.learned.last_window_pct)}, popular only {_pct(figures.control.last_window_pct)}"
        + (f"  errors {sum(figures.errors.values())}" if figures.errors else "")
    )


def picture(figures: Figures, seconds: float) -> Group:
    """Return the figures as a picture of a few lines."""
    rates = Table.grid(padding=(0, 3))
    rates.add_row("time", f"{figures.seconds:.0f} of {seconds:.0f} s", "", "")
    rates.add_row("events", f"{figures.events_per_s:.0f} /s", f"{figures.events:,} acknowledged", "")
    reco = f"p50 {_ms(figures.reco_p50_ms)}", f"p99 {_ms(figures.reco_p99_ms)}"
    rates.add_row("/reco", f"{figures.requests_per_s:.0f} /s", *reco)
    lag = f"p50 {_ms(figures.event_to_visible_p50_ms)}", f"p99 {_ms(figures.event_to_visible_p99_ms)}"
    rates.add_row("event to visible", f"{figures.visible_events:,} events", *lag)
    errors = [Text(f"{count} x {kind}", style="red") for kind, count in sorted(figures.errors.items())]
    return Group(rates, _groups(figures), *errors)


def summary(figures: Figures) -> Group:
    """Return what a demonstration ends with."""
    words = Table.grid(padding=(0, 3))
    words.add_row(
        "simulated", f"{figures.viewers} viewers, {figures.items} items, seed {figures.seed}, {figures.seconds:.0f} s"
    )
    words.add_row("events", f"{figures.events:,} acknowledged, {figures.events_per_s:.0f} /s")
    reco = f"p50 {_ms(figures.reco_p50_ms)}, p99 {_ms(figures.reco_p99_ms)}"
    words.add_row("/reco", f"{figures.requests:,} asked, {figures.requests_per_s:.0f} /s, {reco}")
    lag = f"p50 {_ms(figures.event_to_visible_p50_ms)}, p99 {_ms(figures.event_to_visible_p99_ms)}"
    words.add_row("event to visible", f"{lag}, {figures.visible_events:,} events")
    for kind, count in sorted(figures.errors.items()):
        words.add_row("error", f"{count} x {kind}")
    return Group(words, _groups(figures))


def _groups(figures: Figures) -> Table:
    known = [window for group in (figures.learned, figures.control) for window in group.windows_pct if window is not None]
    highest = max(known, default=0.0)
    table = Table("CTR@20", "each 10 s", "first", "last", "whole", box=None, padding=(0, 3, 0, 0))
    for name, group, style in (("learned", figures.learned, "green"), ("popular only", figures.control, "yellow")):
        table.add_row(name, Text(sparkline(group.windows_pct, highest), style=style), *_row(group))
    return table


def _row(group: GroupFigures) -> tuple[str, str, str]:
    return _pct(group.first_window_pct), _pct(group.last_window_pct), _pct(group.ctr_at_20_pct)


def _ms(number: float | None) -> str:
    return "-" if number is None else f"{number:.1f} ms"


def _pct(number: float | None) -> str:
    return "-" if number is None else f"{number:.1f} %"


async def _passed(over: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(over.wait(), seconds)
    except TimeoutError:
        return False
    return True
