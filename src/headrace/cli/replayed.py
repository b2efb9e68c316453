"""Generations on the screen: how far each is, and where their recommendations differ."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from headrace.wiring.comparing import Compared
from headrace.wiring.replays import Line

BAR: Final = 24
SHOWN: Final = 10


def table(found: Sequence[Line]) -> Table:
    """Return the generations as a table."""
    shown = Table("generation", "group", "state", "from", "", "applied", "left", "events/s", "time left")
    for column in shown.columns[5:]:
        column.justify = "right"
    for one in found:
        state = "read" if one.read else "way back" if one.way_back and one.state == "followed" else one.state
        if one.halted_partitions:
            state += f", {one.halted_partitions} partitions halted"
        began = "log" if one.began_with == "log" else f"archive of {one.source}"
        bar = ProgressBar(total=max(1, one.applied + one.left), completed=one.applied, width=BAR)
        left = "-" if one.seconds_left is None else _span(one.seconds_left)
        cells = (f"{one.applied:,}", f"{one.left:,}", f"{one.events_per_s:,.0f}", left)
        shown.add_row(str(one.generation), one.group, state, began, bar, *cells)
    return shown


def show_difference(console: Console, compared: Compared) -> None:
    """Print how the recommendations of two generations differ."""
    before, after, found = compared.live, compared.generation, compared.difference
    console.print(
        f"generation {after} against {before}, the live one; {found.users:,} users with a history, recipe {compared.recipe}",
        markup=False,
        highlight=False,
    )
    for name, (was, now) in compared.settings.items():
        console.print(f"counted with {name} {now:g} instead of {was:g}", highlight=False)
    table = Table("equal lists", "mean overlap", "rank-biased overlap")
    table.add_row(f"{100 * found.equal:.1f} %", f"{100 * found.overlap:.1f} %", f"{found.rank_biased_overlap:.4f}")
    console.print(table)
    for one in found.changed:
        beside = Table(
            "place", f"generation {before}", f"generation {after}", title=f"{one.user_id}: {one.overlap:.0%} in common"
        )
        for place in range(min(SHOWN, max(len(one.before), len(one.after)))):
            beside.add_row(str(place), *(items[place] if place < len(items) else "" for items in (one.before, one.after)))
        console.print(beside)
    if found.gained or found.lost:
        moved = Table("item", f"lists of {before}", f"lists of {after}", title="gained and lost most")
        for item in (*found.gained, *found.lost):
            moved.add_row(item.item_id, str(item.before), str(item.after))
        console.print(moved)


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
