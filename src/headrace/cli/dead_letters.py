"""``headrace dead-letters``: what could not be applied, why, and what becomes of it."""

import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from headrace import config, wiring
from headrace.cli import envelopes
from headrace.cli.chosen import Space
from headrace.cli.complaints import Complaint
from headrace.cli.database import over_database
from headrace.errors import Poison
from headrace.stream.letters import Cause, Choice, Letter, Position, State
from headrace.stream.redriving import Outcome, Told
from headrace.wiring import DeadLetters

T = TypeVar("T")

Positions = Annotated[
    list[str] | None,
    typer.Argument(metavar="[POSITION]...", help="Where they were: TOPIC:PARTITION:OFFSET.", show_default=False),
]
OfCause = Annotated[
    str | None,
    typer.Option("--cause", help="All of one cause: its handle, error_type, or whole text.", metavar="CAUSE"),
]
Every = Annotated[bool, typer.Option("--all", help="All that are open.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def dead_letters() -> None:
    """List, show, redrive or drop the records that could not be applied.

    A record that can never be applied (no JSON, a missing field, another event's id) is put aside as a dead letter, and the
    stream goes on. Here you look at them, grouped by what they died of, and send them again once the cause is mended.

        headrace dead-letters list                              what they died of, how many of each
        headrace dead-letters show reco_watch:3:17              one of them, and what to do
        headrace dead-letters redrive --cause wrong_schema      through the log again; each counts once
        headrace dead-letters drop --cause bad_json             give them up

    A position is TOPIC:PARTITION:OFFSET. The group is the one that KAFKA_WORKER_GROUP_ID names.
    """


def list_(
    *,
    state: Annotated[
        State | None, typer.Option("--state", help="Only letters in this state; without it, those that are open.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Letters in any state.")] = False,
    as_json: AsJson = False,
    space: Space = None,
) -> None:
    """List dead letters by what they died of, the most frequent cause first.

    Reasons that differ only in quoted values and numbers are one cause. Each has a handle to call it by, and one of its
    letters as an example.

        headrace dead-letters list
        headrace dead-letters list --state redriven
        headrace dead-letters list --all --json
    """
    choice = Choice(state=None if every else state or State.OPEN)
    causes: list[Cause] = _with_letters(space, lambda dead: dead.causes(choice))
    if as_json:
        typer.echo(envelopes.json_of({"causes": [envelopes.cause_as_json(one) for one in causes]}))
    elif causes:
        envelopes.show_causes(causes)
    else:
        typer.echo("No dead letters." if every else f"No dead letters that are {state or State.OPEN}.")


def show(
    positions: Positions = None,
    *,
    cause: OfCause = None,
    most: Annotated[int, typer.Option("--most", min=1, max=1000, help="How many at most.")] = 5,
    raw: Annotated[bool, typer.Option("--raw", help="Print the bytes of one record and nothing else, to mend them.")] = False,
    as_json: AsJson = False,
    space: Space = None,
) -> None:
    """Show dead letters whole: where each was, why it died, its payload, what became of it, and what to do.

    A payload that is no text is shown in hex. One that was cut is read from the log again for --raw, if that still has it.

        headrace dead-letters show reco_watch:3:17
        headrace dead-letters show --cause 3f9a1c --most 20
        headrace dead-letters show reco_watch:3:17 --raw > mended.json
    """
    choice = _choice(positions, cause, every=False, state=None)
    if raw:
        sys.stdout.buffer.write(_with_letters(space, lambda dead: _raw(dead, choice)))
        return
    found, counted = _with_letters(space, lambda dead: _found(dead, choice, most))
    if as_json:
        typer.echo(envelopes.json_of([envelopes.letter_as_json(one, counted) for one in found]))
        return
    for one in found:
        envelopes.show_letter(one, counted)


def redrive(
    positions: Positions = None,
    *,
    cause: OfCause = None,
    every: Every = False,
    payload: Annotated[
        Path | None, typer.Option("--payload", help="The mended record, for one position.", exists=True, dir_okay=False)
    ] = None,
    as_json: AsJson = False,
    space: Space = None,
) -> None:
    """Send records through the log again, once they can be applied; each counts once.

    A record that still cannot be applied is refused, and nothing of it enters the log. Exits with 1 when any was refused.
    A record may be mended: its payload is then the file's, with an event_id of its own where that was the trouble.

        headrace dead-letters redrive --cause wrong_schema          as they are, after an upgrade
        headrace dead-letters redrive reco_watch:3:17 reco_watch:3:18
        headrace dead-letters redrive reco_watch:3:17 --payload mended.json
        headrace dead-letters redrive --all --json
    """
    # One that is named is told about, whatever state it is in; a cause means what is open.
    choice = _choice(positions, cause, every=every, state=None if positions else State.OPEN)
    if payload is not None and (choice.positions is None or len(choice.positions) != 1):
        raise Complaint("--payload mends one record: name its position")
    mended = None if payload is None else payload.read_bytes()
    told = _with_letters(space, lambda dead: _redrive(dead, choice, mended))
    outcomes = Counter(one.outcome for one in told)
    if as_json:
        letters = [{"position": str(one.position), "outcome": one.outcome, "reason": envelopes.reason(one)} for one in told]
        counts = {str(outcome): outcomes[outcome] for outcome in Outcome}
        typer.echo(envelopes.json_of(counts | {"letters": letters}))
    else:
        envelopes.show_outcomes(told)
    if outcomes[Outcome.REFUSED]:
        raise typer.Exit(1)


def drop(
    positions: Positions = None,
    *,
    cause: OfCause = None,
    every: Every = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    space: Space = None,
) -> None:
    """Give dead letters up: they are no longer open, and cannot be redriven.

    Their rows stay, with the time.

    headrace dead-letters drop reco_watch:3:17
    headrace dead-letters drop --cause bad_json --yes
    """
    choice = _choice(positions, cause, every=every, state=State.OPEN)
    number = sum(one.count for one in _with_letters(space, lambda dead: dead.causes(choice)))
    if not number:
        raise Complaint(_nothing(choice))
    if not yes:
        if not sys.stdin.isatty():
            raise Complaint(f"this would drop {_letters(number)}; say --yes")
        they = "It" if number == 1 else "They"
        typer.confirm(f"Drop {_letters(number)}? {they} can no longer be redriven.", abort=True, err=True)
    dropped = _with_letters(space, lambda dead: dead.drop(choice))
    typer.echo(envelopes.json_of({"dropped": dropped}) if as_json else f"Dropped {_letters(dropped)}.")
    if dropped < number:
        typer.echo(
            f"Not {_letters(number - dropped)}: settled meanwhile, or being redriven (redrive carries that through).", err=True
        )


PARTS: Final[Mapping[str, Callable[..., None]]] = {"list": list_, "show": show, "redrive": redrive, "drop": drop}


def _with_letters(space: str | None, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    return over_database(config.read(space=space), wiring.dead_letters, work)


def _choice(positions: list[str] | None, cause: str | None, *, every: bool, state: State | None) -> Choice:
    if bool(positions) + (cause is not None) + every != 1:
        raise Complaint("say which ones: positions (TOPIC:PARTITION:OFFSET), or --cause CAUSE, or --all of redrive and drop")
    try:
        return Choice([Position.parse(one) for one in positions] if positions else None, cause, state)
    except ValueError as error:
        raise Complaint(f"{error}: a position is TOPIC:PARTITION:OFFSET, as in reco_watch:3:17") from error


async def _found(dead: DeadLetters, choice: Choice, most: int) -> tuple[list[Letter], dict[bytes, Position]]:
    found, counted = await dead.page(choice, after=None, limit=most)
    if not found:
        raise Complaint(_nothing(choice))
    return found, dict(counted)


async def _raw(dead: DeadLetters, choice: Choice) -> bytes:
    found, _ = await _found(dead, choice, 2)
    if len(found) != 1:
        raise Complaint("--raw prints one record: name its position")
    try:
        return await dead.whole(found[0])
    except Poison as poison:
        raise Complaint(f"{found[0].position}: {poison}") from poison


async def _redrive(dead: DeadLetters, choice: Choice, payload: bytes | None) -> list[Told]:
    told = await dead.redrive(choice, payload=payload)
    if not told:
        raise Complaint(_nothing(choice))
    missing = sorted(set(choice.positions or ()) - {one.position for one in told})
    return [*told, *(Told(one, Outcome.REFUSED, "there is no dead letter of this position") for one in missing)]


def _letters(number: int) -> str:
    return f"{number:,} dead letter{'' if number == 1 else 's'}"


def _nothing(choice: Choice) -> str:
    which = "there" if choice.positions else f"with the cause {choice.cause!r}" if choice.cause else "at all"
    return f"no {'' if choice.state is None else f'{choice.state} '}dead letter {which}; headrace dead-letters list"
