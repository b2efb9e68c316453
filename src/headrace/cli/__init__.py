"""The command line: one command a file, imported only when it is called, so that ``headrace --help`` is quick."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from inspect import getdoc
from types import ModuleType
from typing import Annotated, Final

import typer

from headrace import __version__

EXAMPLES: Final = """A real-time recommender: every event changes the next answer, and counts exactly once.

    headrace run                                  Postgres, API and worker; Ctrl-C stops them
    headrace import clicks.csv --as-history       take in what happened before
    headrace demo                                 watch it learn from simulated viewers
    headrace verify                               prove that the features are what the events say
    headrace stream status                        how far the stream is
    headrace trace EVENT_ID                       what became of an event

Settings are environment variables: API_PORT=9000 headrace run. A wrong one is told before anything starts.
"""

# name: (module, function, what it does); a new command is one line here.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "run": ("headrace.cli.run", "run", "Start everything on this machine: Postgres, the API and a worker."),
    "api": ("headrace.cli.api", "api", "Start the API alone."),
    "worker": ("headrace.cli.worker", "worker", "Start one worker; several share the work."),
    "migrate": ("headrace.cli.migrate", "migrate", "Bring the database's tables up to date."),
    "import": ("headrace.cli.importing", "import_file", "Take in files of events."),
    "items": ("headrace.cli.items", "items", "Take items of a catalogue in from a file, or write the catalogue to one."),
    "demo": ("headrace.cli.demo", "demo", "Simulate viewers with hidden tastes, and watch the recommendations learn them."),
    "verify": (
        "headrace.cli.verify",
        "verify",
        "Recompute all features from the archive and compare them with the live tables.",
    ),
    "evaluate": (
        "headrace.cli.evaluate",
        "evaluate",
        "Measure how good the answers are, by playing a file through the very code that answers.",
    ),
    "recipes": (
        "headrace.cli.recipes",
        "recipes",
        "List the recipes that answers can be made with, show one as its file, or choose the one that answers.",
    ),
    "rules": (
        "headrace.cli.rules",
        "rules",
        "List, show, check, put, make live or take away rule sets.",
    ),
    "kafka": (
        "headrace.cli.kafka",
        "kafka",
        "Run one Kafka broker on loopback: start it, stop it, or tell where it is.",
    ),
    "replay": (
        "headrace.cli.replay",
        "replay",
        "Build a new generation of features beside the live one, compare, flip to it, go back.",
    ),
    "spaces": ("headrace.cli.spaces", "spaces", "List the spaces, or take one away."),
    "dead-letters": (
        "headrace.cli.dead_letters",
        "dead_letters",
        "List, show, redrive or drop the records that could not be applied.",
    ),
    "trace": (
        "headrace.cli.trace",
        "trace",
        "Show what became of an event: taken, applied, visible to answers; or why not.",
    ),
    "stream": (
        "headrace.cli.stream",
        "stream",
        "Show where each partition stands, let halted partitions go on, or move to another log.",
    ),
}


def build(words: Sequence[str]) -> typer.Typer:
    """Return the command line for these words: the command they name is real, the others are there for the help alone."""
    app = typer.Typer(
        name="headrace",
        help=_kept(EXAMPLES),
        rich_markup_mode=None,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(_options)
    called = next((word for word in words if word in COMMANDS), None)
    for name, (module, function, sentence) in COMMANDS.items():
        if name == called:
            _add(app, name, sentence, import_module(module), function)
        else:
            app.command(name, help=sentence, short_help=sentence)(_not_called)
    return app


def _add(app: typer.Typer, name: str, sentence: str, module: ModuleType, function: str) -> None:
    """Add a command; one whose module has ``PARTS`` is a group of them."""
    command: Callable[..., None] = getattr(module, function)
    parts: Mapping[str, Callable[..., None]] | None = getattr(module, "PARTS", None)
    if parts is None:
        app.command(name, help=_kept(getdoc(command) or sentence), short_help=sentence)(command)
        return
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)
    group.callback(help=_kept(getdoc(command) or sentence), short_help=sentence)(command)
    for part, does in parts.items():
        text = getdoc(does) or ""
        group.command(part, help=_kept(text), short_help=text.split("\n\n")[0])(does)
    app.add_typer(group, name=name)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line; what the user can mend is one clear line on stderr and exit code 2, never a traceback."""
    from headrace.cli.complaints import COMPLAINTS, told  # noqa: PLC0415 - the help does not need the database's modules

    words = sys.argv[1:] if words is None else words
    try:
        build(words)(list(words))
    except COMPLAINTS as error:
        for line in told(error):
            typer.echo(line, err=True)
        raise SystemExit(2) from None
    except BaseExceptionGroup as group:
        ours, others = group.split(COMPLAINTS)
        if ours is None or others is not None:
            raise
        for line in told(_innermost(ours)):
            typer.echo(line, err=True)
        raise SystemExit(2) from None


def _innermost(error: BaseException) -> BaseException:
    """Return the first error of what failed beside other work."""
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _version(given: bool) -> None:  # noqa: FBT001 - the option's value
    if given:
        typer.echo(f"headrace {__version__}")
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


def _kept(text: str) -> str:
    """Return a help text whose indented paragraphs, the examples, keep their lines."""
    return "\n\n".join(f"\b\n{part}" if part.startswith("    ") else part for part in text.split("\n\n"))


def _not_called() -> None:
    """Stand in the help for a command that is not called."""
