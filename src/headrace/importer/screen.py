"""How an import looks: a progress bar on a terminal, a line now and then elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from headrace.clock import Clock
from headrace.importer.outcome import SHOWN_ON_SCREEN, Outcome, Refusal
from headrace.importer.rows import Source
from headrace.importer.taking import Planned

_SECONDS_BETWEEN_LINES: Final = 5.0


class _Gauge(Protocol):
    def show(self, words: str, done: int, size: int) -> None: ...


class Screen:
    """Tells a person how an import goes; everything it writes goes to one console."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._gauge: _Gauge | None = None
        self._began = clock.monotonic()
        self._refusals = 0

    def say(self, words: str) -> None:
        """Write a line, above the bar if there is one."""
        self._console.print(words, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def gauge(self) -> Iterator[None]:
        """Show a bar for as long as this lasts."""
        self._began = self._clock.monotonic()
        if not self._console.is_terminal:
            self._gauge = _LineGauge(self.say, self._clock)
            yield
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            self._gauge = _BarGauge(progress)
            yield
        self._gauge = None

    def surveying(self, source: Source) -> None:
        """Show that a file is being looked through."""
        self._show(f"looking through {source.name}", source.position, source.size)

    def advanced(self, file: Planned, outcome: Outcome) -> None:
        """Show how far the file is taken in."""
        rate = outcome.read / max(self._clock.monotonic() - self._began, 0.001)
        words = f"{file.source.name}  {outcome.read:,} rows  {rate:,.0f} rows/s"
        self._show(words, file.source.position, file.source.size)

    def waiting(self, reason: str, seconds: float) -> None:
        """Say that the batch is sent again in so many seconds."""
        self.say(f"waiting: {reason}; trying again in {seconds:g} s (Ctrl-C stops; what was acknowledged stays)")

    def draining(self, left: int, most: int) -> None:
        """Show how many records the stream has still to apply, out of the most there were."""
        self._show(f"applying  {left:,} records left", most - left, most)

    def exporting(self, done: int, size: int) -> None:
        """Show how many items are read, out of about how many there are."""
        self._show(f"reading  {done:,} items", min(done, size), size)

    def refused(self, refusal: Refusal) -> None:
        """Show a refused row; after the last of those that are shown, say so."""
        self.say(f"refused: {refusal.file}, {refusal.number}: {refusal.reason}")
        self._refusals += 1
        if self._refusals == SHOWN_ON_SCREEN:
            self.say("more refused rows are counted, not shown (--errors FILE keeps them all)")

    def _show(self, words: str, done: int, size: int) -> None:
        if self._gauge is not None:
            self._gauge.show(words, done, size)


class _BarGauge:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._size = 0

    def show(self, words: str, done: int, size: int) -> None:
        if self._task is None or done < self._progress.tasks[0].completed or size != self._size:
            # Another file or phase: its time left is reckoned from its own beginning.
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task("", total=size)
            self._size = size
        self._progress.update(self._task, description=escape(words), completed=done)


class _LineGauge:
    def __init__(self, say: Callable[[str], None], clock: Clock) -> None:
        self._say = say
        self._clock = clock
        self._next = clock.monotonic() + _SECONDS_BETWEEN_LINES

    def show(self, words: str, done: int, size: int) -> None:
        now = self._clock.monotonic()
        if now >= self._next:
            self._next = now + _SECONDS_BETWEEN_LINES
            self._say(f"{words}  {100 * done / size if size else 100:.0f} %")
