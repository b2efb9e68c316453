"""``headrace replay``: generations built anew beside the live one, and the readers moved between them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Final, TypeVar

import typer
from rich.console import Console
from rich.live import Live

from headrace import config, wiring
from headrace.cli import replayed
from headrace.cli.attachment import die_with_parent
from headrace.cli.chosen import Space
from headrace.cli.complaints import Complaint
from headrace.cli.database import over_database
from headrace.cli.envelopes import json_of
from headrace.wiring.comparing import Compared, other_settings
from headrace.wiring.replays import Flipped, NotFresh, Replays, lines

T = TypeVar("T")

LOOK_S: Final = 1.0
DROP_S: Final = 30.0


class Beginning(StrEnum):
    """Where the events of a replay come from."""

    ARCHIVE = "archive"
    LOG = "log"


Number = Annotated[
    int | None, typer.Argument(metavar="[N]", help="The generation; without it, the group's newest that is not read.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Patience = Annotated[float, typer.Option("--patience", min=1, help="How many seconds to wait for the API processes; 60.")]


def replay() -> None:
    """Build a new generation of features beside the live one, compare, flip to it, go back.

    A replay counts all events again, with the feature settings of this command's environment and this version's code, into
    tables of its own, while live ingest goes on. The workers that run do the work; nothing needs a restart.

        HEADRACE_FEATURE_WINDOW=5 headrace replay start     count again, by another window
        headrace replay status --watch                      how far it is, how long it takes
        headrace replay diff                                whose recommendations would change
        headrace replay flip                                answer from it, within a second
        headrace replay back                                answer from the one before again
        headrace replay drop 2                              take a generation away

    The group is the one that KAFKA_WORKER_GROUP_ID names.
    """


def start(
    *,
    beginning: Annotated[
        Beginning, typer.Option("--from", help="archive: what the main generation has counted; log: what the log still holds.")
    ] = Beginning.ARCHIVE,
    as_json: AsJson = False,
    space: Space = None,
) -> None:
    """Make a generation that counts by the settings of this environment; running workers build it.

    headrace replay start
    HEADRACE_FEATURE_HALF_LIFE_DAYS=7 headrace replay start
    headrace replay start --from log
    """
    made = _with_replays(space, lambda replays: replays.start(beginning.value))
    if as_json:
        typer.echo(json_of({"generation": made.number, "from": beginning.value, "source": made.source}))
        return
    came = f"the archive of generation {made.source}" if beginning is Beginning.ARCHIVE else "the log, from its beginning"
    typer.echo(f"Generation {made.number} is built from {came}, as soon as a worker runs. headrace replay status --watch")


def status(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Show it until all have caught up.")] = False,
    as_json: AsJson = False,
    space: Space = None,
) -> None:
    """Show all generations: how far each is, how fast, and how long it will take.

    headrace replay status
    headrace replay status --watch
    headrace replay status --json
    """
    _with_replays(space, lambda replays: _status(replays, watch=watch, as_json=as_json))


def diff(
    number: Number = None,
    *,
    users: Annotated[int, typer.Option(min=1, max=100_000, help="How many users to ask for; 500.")] = 500,
    recipe: Annotated[str | None, typer.Option(help="By which recipe; without it, the one that answers.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same users.")] = 1,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True, help="Stop when the parent process ends.")] = False,
    as_json: AsJson = False,
    space: Space = None,
) -> None:
    """Show where a generation's recommendations differ from the live ones, for a sample of users with a history.

    Both pictures are loaded in this process and asked by the same recipe; nothing is recorded.

        headrace replay diff
        headrace replay diff 2 --users 2000 --recipe revisits
    """
    if with_parent:
        die_with_parent()

    async def run(replays: Replays) -> Compared:
        chosen, live = await replays.recipe(recipe), await replays.live()
        other = await replays.newest() if number is None else await replays.standing(number)
        if other.number == live.number:
            raise Complaint(f"generation {live.number} is the live one; name another")
        found = await replays.compare(live, other, chosen, users=users, seed=seed, tell=_told)
        return Compared(live.number, other.number, chosen.version, found, other_settings(live, other))

    found = _with_replays(space, run)
    if as_json:
        told = asdict(found)
        typer.echo(json_of(told | told.pop("difference")))
    else:
        replayed.show_difference(Console(), found)


def flip(
    number: Number = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Though it has not caught up with the log.")] = False,
    patience: Patience = 60.0,
    as_json: AsJson = False,
    space: Space = None,
) -> None:
    """Answer from another generation: every API process loads it aside, then all move within a second, without an error.

    Refused where it has not caught up, and where an API process does not get ready; then nothing has changed.

        headrace replay flip
        headrace replay flip 2
    """

    async def run(replays: Replays) -> Flipped:
        target = (await replays.newest()).number if number is None else number
        try:
            return await replays.flip(target, force=force, patience_s=patience, tell=_told)
        except NotFresh as behind:
            raise Complaint(f"{behind}; --force takes it as it is") from behind

    _moved(_with_replays(space, run), as_json=as_json)


def back(*, patience: Patience = 60.0, as_json: AsJson = False, space: Space = None) -> None:
    """Answer from the generation before the last flip again.

    It is followed for a day after the flip (HEADRACE_STREAM_KEPT_GENERATION_HOURS), so it is as fresh as the other one.

        headrace replay back
    """

    async def run(replays: Replays) -> Flipped:
        target = await replays.way_back()
        return await replays.flip(target.number, force=False, patience_s=patience, tell=_told)

    _moved(_with_replays(space, run), as_json=as_json)


def drop(
    number: Annotated[int, typer.Argument(metavar="N", help="The generation.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    space: Space = None,
) -> None:
    """Take a generation away, with its tables. One that is being built is ended so.

    Never the live one, nor one that another is built from.

        headrace replay drop 2
    """
    if not yes:
        typer.confirm(f"Drop generation {number} with all its tables?", abort=True)
    _with_replays(space, lambda replays: replays.drop(number, patience_s=DROP_S))
    typer.echo(f"Generation {number} is gone.")


PARTS: Final[Mapping[str, Callable[..., None]]] = {
    "start": start,
    "status": status,
    "diff": diff,
    "flip": flip,
    "back": back,
    "drop": drop,
}


async def _status(replays: Replays, *, watch: bool, as_json: bool) -> None:
    before = await replays.progress()
    await asyncio.sleep(LOOK_S)
    now = await replays.progress()
    found = lines(before, now, LOOK_S)
    if as_json:
        typer.echo(json_of({"generations": [asdict(line) for line in found]}))
        return
    if not watch:
        Console().print(replayed.table(found))
        return
    with Live(replayed.table(found), console=Console(), auto_refresh=False) as screen:
        while any(line.state == "building" for line in found):
            await asyncio.sleep(LOOK_S)
            before, now = now, await replays.progress()
            found = lines(before, now, LOOK_S)
            screen.update(replayed.table(found), refresh=True)


def _moved(flipped: Flipped, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_of(asdict(flipped)))
        return
    typer.echo(
        f"Answers come from generation {flipped.now}; before from {flipped.before}. {flipped.replicas} API processes"
        f" held it ready after {flipped.ready_s:.1f} s and moved within {flipped.moved_s:.2f} s."
    )


def _told(words: str) -> None:
    typer.echo(words, err=True)


def _with_replays(space: str | None, work: Callable[[Replays], Awaitable[T]]) -> T:
    return over_database(config.read(space=space), wiring.replaying, work)
