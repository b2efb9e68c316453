"""What a person sees while it runs: one line that moves, and the lines that stay."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status


class Progress:
    """Says what is being done; on a terminal with a spinner, elsewhere with a line for what matters. A context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._row = ""

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._console.is_terminal:
            self._status = self._console.status("…")
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the line."""
        if self._status is not None:
            self._status.stop()

    def row(self, name: str) -> None:
        """Say which row is being measured."""
        self._row = name

    def say(self, words: str) -> None:
        """Say something that stays."""
        self._console.print(words, highlight=False, markup=False)

    def step(self, words: str) -> None:
        """Say what goes on now; elsewhere than on a terminal it is a line as well."""
        if self._status is not None:
            self._status.update(f"{self._row}: {words}")
        else:
            self.say(f"  {self._row}: {words}")

    def part(self, words: str, done: int, whole: int) -> None:
        """Say how far something long has come; only on a terminal."""
        if self._status is not None:
            self._status.update(f"{self._row}: {words} {done:,} of {whole:,}")
