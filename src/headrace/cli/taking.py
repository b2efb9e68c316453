"""What the imports of events and of items have in common: the files, a bar, Ctrl-C, the wait for the stream, the exit code."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import typer

from headrace import telemetry
from headrace.cli.complaints import Complaint
from headrace.cli.database import database
from headrace.clock import Clock
from headrace.config import Settings
from headrace.importer.opening import Format, opened
from headrace.importer.outcome import Outcome, Refusals
from headrace.importer.ports import Drain
from headrace.importer.rows import Source, Unusable
from headrace.importer.screen import Screen
from headrace.importer.summary import summary
from headrace.importer.taking import File, Taker

_REFUSED: Final = 1
_USAGE: Final = 2
_INTERRUPTED: Final = 130


class Import(Protocol):
    """One call of a command that takes files in, after everything that can be said without the database has been said."""

    async def rehearse(self) -> Outcome:
        """Judge every row and show the first ones."""
        ...

    async def perform(self, settings: Settings, *, wait: bool) -> Outcome:
        """Take the files in, then wait until the stream has applied them."""
        ...


@dataclass(frozen=True, slots=True)
class Taking:
    """Takes files in before a person's eyes."""

    screen: Screen
    clock: Clock

    async def load(self, loader: Taker[File], files: Sequence[File], *, rehearsed: bool) -> Outcome:
        """Take the files in and tell the counts; Ctrl-C finishes the batch under way, twice gives it up."""
        began = self.clock.monotonic()
        with self.screen.gauge():
            loading = asyncio.create_task(loader.load(files))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._interrupt, loader, loading)
            with suppress(asyncio.CancelledError):
                await loading
        for line in summary(loader.outcome, self.clock.monotonic() - began, rehearsed=rehearsed):
            self.screen.say(line)
        return loader.outcome

    async def drain(self, drain: Drain, what: str) -> None:
        """Wait until all is applied, and say ``what`` is true then; Ctrl-C waits no longer."""
        most = 0

        def report(left: int) -> None:
            nonlocal most
            most = max(most, left)
            self.screen.draining(left, most)

        began = self.clock.monotonic()
        with self.screen.gauge():
            draining = asyncio.ensure_future(drain(report))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, draining.cancel)
            try:
                await draining
            except asyncio.CancelledError:
                self.screen.say("Not waiting any longer. All rows are in the log; a worker applies the rest.")
                return
        self.screen.say(f"applied: {what}, after {self.clock.monotonic() - began:.1f} s more")

    def _interrupt(self, loader: Taker[File], loading: "asyncio.Task[Outcome]") -> None:
        if loader.stopping:
            loader.outcome.interrupted = True
            loading.cancel()
            return
        loader.stop()
        self.screen.say("finishing the batch under way (Ctrl-C again: give it up)")


@contextmanager
def usable() -> Iterator[None]:
    """Tell of what is ``Unusable`` in its own words, and exit."""
    try:
        yield
    except Unusable as unusable:
        typer.echo(str(unusable), err=True)
        raise typer.Exit(_USAGE) from None


@contextmanager
def looked_through(
    names: Sequence[str],
    file_format: Format | None,
    errors: Path | None,
    screen: Screen,
    look: Callable[[Source], File],
    plan: Callable[[File], Iterable[str]],
) -> Iterator[tuple[list[File], Refusals]]:
    """Open files, look each through and say how it will be taken in; yield them, and where their refused rows go."""
    with ExitStack() as stack:
        sources = [stack.enter_context(opened(name, file_format, sys.stdin.buffer)) for name in names]
        with screen.gauge():
            files = [look(source) for source in sources]
        for line in (line for file in files for line in plan(file)):
            screen.say(line)
        yield files, Refusals(screen.refused, stack.enter_context(writable(errors)) if errors else None)


def done(run: Import, settings: Settings, *, rehearsed: bool, wait: bool) -> None:
    """Do it or rehearse it, and exit where not all rows are in."""
    if rehearsed:
        outcome = asyncio.run(run.rehearse())
    else:
        with database(settings) as ready:
            outcome = asyncio.run(run.perform(ready, wait=wait))
    if outcome.interrupted:
        raise typer.Exit(_INTERRUPTED)
    if outcome.refused or outcome.broken:
        raise typer.Exit(_REFUSED)


def quietly(settings: Settings) -> Settings:
    """Return the settings, logging set up for a person's screen: what a worker says at INFO belongs to a server's log."""
    quiet = "WARNING" if settings.telemetry.log_level == "INFO" else settings.telemetry.log_level
    telemetry.configure(replace(settings.telemetry, log_level=quiet))
    return settings


def writable(path: Path) -> BinaryIO:
    """Open a file to be written; raises ``Complaint``."""
    try:
        return path.open("wb")
    except OSError as error:
        raise Complaint(f"{path} cannot be written: {error.strerror}.") from None
