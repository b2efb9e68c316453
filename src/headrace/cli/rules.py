"""``headrace rules``: rule sets put in versions, looked at, made live."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from headrace import config, wiring
from headrace.cli.chosen import Space
from headrace.cli.complaints import Complaint
from headrace.cli.database import over_database
from headrace.cli.envelopes import json_of
from headrace.errors import Rejected, Violation
from headrace.rules import declared
from headrace.rules.kept import Kept, named, reference
from headrace.wiring.ruling import Ruling

T = TypeVar("T")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file, or a JSON file as PUT /rules takes it.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The rule set.")]
Reference = Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="The rule set; without a version, the newest.")]


def rules() -> None:
    """List, show, check, put, make live or take away rule sets.

    A rule set says what a shop wants of every list: what is left out, raised, buried, pinned, and how much of one kind is too
    much. Each change is a new version; one version at most is live, and others are tried by /reco?rules=NAME@VERSION.

        headrace rules check summer.toml
        headrace rules put summer summer.toml
        headrace rules live summer
        headrace rules live --none
    """


def list_(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False, space: Space = None) -> None:
    """List the rule sets, and which is live.

    headrace rules list
    headrace rules list --json
    """
    found = _with(space, lambda ruling: ruling.kept.listed())
    if as_json:
        told = [
            {"name": one.newest.name, "version": one.newest.version, "made_at_ms": one.newest.made_at_ms, "live": one.live}
            for one in found
        ]
        typer.echo(json_of({"rules": told}))
        return
    table = Table("rule set", "version", "made", "live", "rules", "what it is for")
    for one in found:
        kept, live = one.newest, "" if one.live is None else f"@{one.live}"
        table.add_row(kept.name, f"@{kept.version}", _moment(kept.made_at_ms), live, str(kept.count), kept.about or "")
    Console().print(table)


def show(name: Reference, *, space: Space = None) -> None:
    """Show a version of a rule set as a TOML file.

    headrace rules show summer > summer.toml
    headrace rules show summer@3
    """
    kept = _found(_with(space, lambda ruling: ruling.kept.find(*_reference(name))), name)
    typer.echo(f"# {kept.title}, made {_moment(kept.made_at_ms)}\n{declared.to_toml(kept.rules)}", nl=False)


def check(
    file: File,
    *,
    syntax: Annotated[bool, typer.Option("--syntax", help="Look at the file alone, without a database.")] = False,
    space: Space = None,
) -> None:
    """Tell what is wrong with a file of rules, and what no item of the catalogue can answer.

    Exit code 1 where an expression asks what no item has: such a comparison is false for every item.

        headrace rules check summer.toml
        headrace rules check summer.toml --syntax
    """
    rules_in = _read(file)
    count = sum(1 for _ in rules_in.each())
    typer.echo(f"{file}: one rule, which can be read" if count == 1 else f"{file}: {count} rules, all can be read")
    if syntax:
        return
    doubts = _with(space, lambda ruling: ruling.doubts(rules_in))
    if doubts is None:
        typer.echo("There is no catalogue yet to hold them against.")
    elif _told(doubts):
        raise typer.Exit(1)


def put(
    name: Name,
    file: File,
    *,
    live: Annotated[bool, typer.Option("--live", help="Make it live at once.")] = False,
    space: Space = None,
) -> None:
    """Put a file of rules as the next version of a rule set.

    It is not live by that, unless asked for.

        headrace rules put summer summer.toml
        headrace rules put summer summer.toml --live
    """
    checked, rules_in = _named(name), _read(file)

    async def act(ruling: Ruling) -> tuple[int, list[Violation] | None]:
        version = await ruling.kept.put(checked, rules_in)
        if live:
            await ruling.kept.make_live(checked, version)
        return version, await ruling.doubts(rules_in)

    version, doubts = _with(space, act)
    state = "live" if live else f"not live; try it with /reco?rules={checked}@{version}"
    typer.echo(f"{checked}@{version} is there, {state}.")
    _told(doubts or [])


def live(
    name: Annotated[str | None, typer.Argument(metavar="[NAME[@VERSION]]", help="The rule set.", show_default=False)] = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="Have no rules live.")] = False,
    space: Space = None,
) -> None:
    """Lay a version of a rule set over every answer, in every process within a second.

    Going back is naming the former version.

        headrace rules live summer
        headrace rules live summer@2
        headrace rules live --none
    """
    if none == (name is not None):
        raise Complaint("write: headrace rules live NAME[@VERSION], or headrace rules live --none")
    if name is None:
        was = _with(space, lambda ruling: ruling.kept.make_none_live())
        typer.echo("No rules are live any more." if was else "No rules were live.")
        return
    wanted, version = _reference(name)

    async def act(ruling: Ruling) -> Kept | None:
        kept = await ruling.kept.find(wanted, version)
        return kept if kept is not None and await ruling.kept.make_live(kept.name, kept.version) else None

    typer.echo(f"{_found(_with(space, act), name).title} is live.")


def drop(name: Name, *, space: Space = None) -> None:
    """Take a rule set away. One that is live stays; versions can still be read by their numbers.

    headrace rules drop summer
    """

    async def act(ruling: Ruling) -> bool:
        live_now = await ruling.kept.live()
        if live_now is not None and live_now.kept.name == name:
            raise Complaint(f"{name} is live: make another rule set live first, or none (headrace rules live --none)")
        return await ruling.kept.take_away(name)

    if not _with(space, act):
        raise Complaint(f"there is no rule set {name}; headrace rules list")
    typer.echo(f"{name} was taken away.")


def _with(space: str | None, act: Callable[[Ruling], Awaitable[T]]) -> T:
    return over_database(config.read(space=space), wiring.ruling, act)


def _read(file: Path) -> declared.RuleSet:
    """Return the rules of a file, or complain of everything that is wrong with it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Complaint(f"{file} cannot be read: {error}") from None
    try:
        return declared.from_json(text.encode()) if file.suffix == ".json" else declared.from_toml(text)
    except Rejected as error:
        _told(error.violations)
        count = len(error.violations)
        raise Complaint(f"{file}: {'one mistake' if count == 1 else f'{count} mistakes'}; nothing was done") from None


def _reference(text: str) -> tuple[str, int | None]:
    try:
        return reference(text)
    except Rejected as error:
        raise Complaint(f"{text!r}: {error.violations[0].message}") from None


def _named(text: str) -> str:
    try:
        return named(text)
    except Rejected as error:
        raise Complaint(f"{text!r}: {error.violations[0].message}") from None


def _found(kept: Kept | None, text: str) -> Kept:
    if kept is None:
        raise Complaint(f"there is no rule set {text}; headrace rules list")
    return kept


def _told(wrong: "tuple[Violation, ...] | list[Violation]") -> bool:
    """Print what is wrong, a line each; return whether anything is."""
    for one in wrong:
        typer.echo(f"  {one.path}: {one.message}" if one.path else f"  {one.message}", err=True)
    return bool(wrong)


def _moment(ts_ms: int) -> str:
    return f"{datetime.fromtimestamp(ts_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


PARTS: Final[Mapping[str, Callable[..., None]]] = {
    "list": list_, "show": show, "check": check, "put": put, "live": live, "drop": drop,
}  # fmt: skip
