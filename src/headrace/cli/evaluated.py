"""How an evaluation looks on the screen."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from headrace.evaluation.results import Result
from headrace.evaluation.runs import Cost, Report


def show_results(console: Console, report: Report) -> None:
    """Print the table of all candidates, and their differences from the baseline."""
    console.print(
        f"{report.targets:,} targets, {report.unseen_targets:,} new to their session; "
        f"learned {report.events_learned_per_s:,.0f} events/s",
        highlight=False,
    )
    heads = ("HR@20", "MRR@20", "NDCG@20", "unseen HR", "unseen MRR", "coverage", "popularity", "answers/s", "p50 µs", "p99 µs")
    table = _table("recipe", "index", *heads)
    for one in report.results:
        table.add_row(one.version, one.index, *_cells(one))
    console.print(table)
    for one in report.results:
        for versus in one.versus:
            sure = "" if versus.low > 0 or versus.high < 0 else "  (may be chance)"
            console.print(
                f"{one.recipe} - {versus.baseline}, {one.index}, {versus.targets} {versus.figure}: "
                f"{versus.mean:+.4f} [{versus.low:+.4f}, {versus.high:+.4f}]{sure}",
                markup=False,
                highlight=False,
            )


def show_newcomers(console: Console, report: Report) -> None:
    """Print how items fare that a frozen index does not know."""
    if not any(one.newcomers.items for one in report.results):
        return
    table = _table(
        "new items",
        "index",
        "items",
        "shown",
        "events until shown",
        "9 of 10",
        "% of places",
        "% first",
        "% of targets",
        "their HR@20",
    )
    for one in report.results:
        new = one.newcomers
        until = ("-" if one is None else f"{one:g}" for one in (new.events_until_shown, new.events_until_nine_of_ten_shown))
        shares = (f"{100 * share:.1f}" for share in (new.share_of_places, new.share_of_first_places, new.share_of_targets))
        counts = (f"{new.items:,}", f"{new.shown:,}")
        table.add_row(one.recipe, one.index, *counts, *until, *shares, f"{new.hit_rate:.4f}")
    console.print(table)


def show_cold(console: Console, report: Report) -> None:
    """Print how items fare of which nothing is known but what the catalogue says, where any was shown or withheld."""
    if not any(one.cold.shown for one in report.results):
        return
    heads = ("targets", "shown", "% of places", "% of targets", "their HR@20", "HR@20 of the others")
    table = _table("cold items", "index", *heads)
    for one in report.results:
        cold = one.cold
        shares = (f"{100 * share:.1f}" for share in (cold.share_of_places, cold.share_of_targets))
        table.add_row(
            one.recipe, one.index, f"{cold.targets:,}", f"{cold.shown:,}", *shares, f"{cold.hit_rate:.4f}", f"{cold.others:.4f}"
        )
    console.print(table)


def show_ablation(console: Console, costs: Sequence[Cost]) -> None:
    """Print what each part is worth, the dearest first behind the whole recipe."""
    table = _table("taken out", "HR@20", "points lost")
    for one in [costs[0], *sorted(costs[1:], key=lambda one: -one.lost)]:
        table.add_row(one.change, f"{one.hit_rate:.4f}", f"{one.lost:.2f}")
    console.print(table)


def _cells(one: Result) -> list[str]:
    quality = (one.all_targets.hit_rate, one.all_targets.mrr, one.all_targets.ndcg, one.unseen.hit_rate, one.unseen.mrr)
    speed = (one.speed.predictions_per_s, one.speed.p50_us, one.speed.p99_us)
    return [f"{value:.4f}" for value in (*quality, one.coverage, one.popularity_bias)] + [f"{value:,.0f}" for value in speed]


def _table(*heads: str) -> Table:
    table = Table(*heads)
    for column in table.columns[1:]:
        column.justify = "right"
    return table
