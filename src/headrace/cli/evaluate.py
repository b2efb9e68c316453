"""``headrace evaluate``: how good the answers are, on a file of events."""

import gc
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from headrace import config
from headrace.cli import asked
from headrace.cli.chosen import Space
from headrace.cli.complaints import Complaint
from headrace.cli.evaluated import show_ablation, show_cold, show_newcomers, show_results
from headrace.clock import SystemClock
from headrace.config import Settings
from headrace.evaluation import page as pages
from headrace.evaluation import protocol, runs, tuning, variants
from headrace.evaluation.playing import Stage, Tell
from headrace.evaluation.protocol import NothingToPredict, Step
from headrace.evaluation.reading import catalogue as read_catalogue
from headrace.evaluation.reading import read
from headrace.events.contract import Contract
from headrace.events.items import Item
from headrace.importer.catalogue.columns import ItemOptions, look_through
from headrace.importer.mapping import Mode, Options
from headrace.importer.mapping import options as read_options
from headrace.importer.opening import Format, opened
from headrace.importer.outcome import Refusal
from headrace.importer.rows import Source, Unusable
from headrace.importer.survey import survey
from headrace.importer.times import TimeFormat
from headrace.pipeline import Recipe
from headrace.serving.warming import warm


def evaluate(
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="Files of events, as `headrace import` reads them.")],
    *,
    recipe: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A recipe's name or its file; may be repeated.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="NAME", help="Tell differences from this recipe, with intervals.")
    ] = None,
    frozen: Annotated[
        bool | None, typer.Option("--frozen/--streaming", help="Only the frozen index, or only the live one; else both.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="Where the test begins: 24h before the end, a share of the events (0.88), a time, a file.")
    ] = "24h",
    sample: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask only in the sessions named there, one a line.")
    ] = None,
    about: Annotated[int | None, typer.Option(min=1, help="Draw whole sessions until there are about so many targets.")] = None,
    frozen_days: Annotated[
        float, typer.Option(min=0, help="End the frozen index so many days before the test; items met since are the new ones.")
    ] = 0.0,
    feature: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Another feature setting, as window=100; may be repeated.")
    ] = None,
    catalogue: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A file of items, as `headrace items import` reads them, known from the start."),
    ] = None,
    withhold: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="SHARE", help="Learn nothing of this share of the items: they stay new for ever."),
    ] = 0.0,
    ablate: Annotated[bool, typer.Option("--ablate", help="Take each part out in turn and tell what it costs.")] = False,
    sweep: Annotated[
        bool,
        typer.Option("--sweep", help="Tune recipe and feature settings on a window before the split; the test stays unseen."),
    ] = False,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write everything that was found there, as JSON.")] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with plots there, as HTML.")] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Which column holds a field; may be repeated.")
    ] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", metavar="THEIRS=OURS", help="What an event type is; may be repeated.")
    ] = None,
    event_type: Annotated[str | None, typer.Option(metavar="KIND", help="The event type of every row.")] = None,
    ts_format: Annotated[TimeFormat, typer.Option(help="How times are written.")] = TimeFormat.AUTO,
    file_format: Annotated[Format | None, typer.Option("--format", help="The files' format.")] = None,
    space: Space = None,
) -> None:
    """Measure how good the answers are, by playing a file through the very code that answers.

    Events are taken in time order; behind the split each is predicted from what its session did before, then learned. Nothing
    is stored, and no database is needed.

        headrace evaluate clicks.parquet
        headrace evaluate clicks.parquet --recipe revisits --baseline default --page report.html
        headrace evaluate ratings.csv --event-type view --split 0.88 --feature window=100 --feature history_size=1000
        headrace evaluate clicks.parquet --sweep
    """
    clock = SystemClock()
    settings = config.read(space=space)
    console = Console(width=None if sys.stdout.isatty() else 150)
    shelf = settings.serving.recipes
    if sweep and (baseline or ablate or json or page or len(recipe or []) > 1):
        raise Complaint("--sweep tunes one recipe and tests nothing: leave out --baseline, --ablate, --json and --page")
    chosen = [asked.recipe(name, shelf) for name in recipe or [settings.serving.recipe]]
    compared = None if baseline is None else asked.recipe(baseline, shelf)
    try:
        stage = Stage(asked.features(settings.features, feature or []), settings.snapshot.neighbours)
        options = read_options(map_ or [], type_ or [], event_type, ts_format, Mode.HISTORY)
        if page is not None:
            pages.matplotlib()  # where there is none, that is told before the work
        asked.writable("--json", json)
        asked.writable("--page", page)
        with ExitStack() as stack:
            steps, names = _steps(stack, data, options, file_format, settings, stage, console)
            items = {} if catalogue is None else _items(stack, catalogue, console)
        stage = replace(stage, catalogue=items, withheld=withhold)
        split_ms = asked.split(split, steps)
        only = None if sample is None else asked.sessions(sample, names)
        # What was read stays: the collector need not walk through it again and again.
        gc.collect()
        gc.freeze()
        warm()  # no ranking's time is a compiler's
        if sweep:
            _sweep(chosen[0], steps, names, split_ms, stage, console)
            return
        course = protocol.course(steps, names, split_ms, only=only, about=about, frozen_days=frozen_days)
        run = runs.Run(course, stage, clock)
        with _bar(console, "playing") as tell:
            report = run.report(chosen, compared, _indexes(frozen), tell, ages=page is not None or json is not None)
        show_results(console, report)
        show_newcomers(console, report)
        show_cold(console, report)
        if ablate:
            with _bar(console, "taking parts out") as tell:
                report.ablation = run.ablation(chosen[0], tell)
            show_ablation(console, report.ablation)
    except (pages.NoPlots, Unusable, NothingToPredict, tuning.TestWindow) as error:
        raise Complaint(str(error)) from None
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    if page is not None:
        page.write_text(pages.page(f"headrace evaluate {' '.join(data)}", report.results, report.ages), encoding="utf-8")


def _steps(
    stack: ExitStack,
    data: list[str],
    options: Options,
    file_format: Format | None,
    settings: Settings,
    stage: Stage,
    console: Console,
) -> tuple[list[Step], list[str]]:
    clock = SystemClock()
    sources = [stack.enter_context(opened(name, file_format, sys.stdin.buffer)) for name in data]
    with _bar(console, "reading") as tell:
        files = [survey(source, options, lambda source: tell(source.position, source.size)) for source in sources]

        def refused(refusal: Refusal) -> None:
            console.print(f"refused: {refusal.file}, {refusal.number}: {refusal.reason}", markup=False)

        contract = Contract(settings.limits, clock)
        acts, outcome = read(files, contract, clock, refused, lambda source: tell(source.position, source.size))
    if outcome.broken is not None:
        raise Unusable(outcome.broken)
    steps, names = protocol.steps_of(acts, stage.features.session_gap_ms)
    console.print(
        f"{outcome.read:,} rows, {outcome.refused:,} refused, {outcome.skipped:,} skipped; "
        f"{len(steps):,} steps in {len(names):,} sessions",
        highlight=False,
    )
    return steps, names


def _items(stack: ExitStack, name: str, console: Console) -> dict[str, Item]:
    source = stack.enter_context(opened(name, None, sys.stdin.buffer))
    with _bar(console, "reading the catalogue") as tell:

        def reading(source: Source) -> None:
            tell(source.position, source.size)

        def refused(refusal: Refusal) -> None:
            console.print(f"refused: {refusal.file}, {refusal.number}: {refusal.reason}", markup=False)

        return read_catalogue(look_through(source, ItemOptions(), reading), refused, reading)


def _indexes(frozen: bool | None) -> list[runs.Index]:  # noqa: FBT001 -- the option's value
    if frozen is None:
        return ["streaming", "frozen"]
    return ["frozen"] if frozen else ["streaming"]


def _sweep(recipe: Recipe, steps: list[Step], names: list[str], split_ms: int, stage: Stage, console: Console) -> None:
    course = tuning.window(steps, names, split_ms)
    days = (split_ms - course.split_ms) / protocol.DAY_MS
    console.print(f"tuning on {len(course.targets):,} targets of the {days:.2g} days before the test window", highlight=False)

    def say(found: tuning.Round) -> None:
        console.print(f"{found.change:40} {found.before:.4f} -> {found.value:.4f}", markup=False, highlight=False)

    with _bar(console, "tuning") as tell:
        best = tuning.sweep(recipe, course, split_ms, stage, SystemClock(), tell, say)
    changed = {
        name: value
        for name in variants.FEATURES_SWEPT
        if (value := getattr(best.features, name)) != getattr(stage.features, name)
    }
    if changed:
        flags = " ".join(f"--feature {name}={value:g}" for name, value in changed.items())
        console.print(f"# with {flags}: a generation of its own, see `headrace evaluate --help`", markup=False, highlight=False)
    console.print(variants.toml_of(best.recipe), markup=False, highlight=False)


@contextmanager
def _bar(console: Console, words: str) -> Iterator[Tell]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(words)
        yield lambda done, size: bar.update(task, completed=done, total=size)
