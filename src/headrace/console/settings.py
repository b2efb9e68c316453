"""Who may see the console."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """The console's door."""

    open: bool = False
    """Whether it answers to others than this machine; there are no keys yet."""

    hosts: tuple[str, ...] = ()
    """The names it may be called by, beside localhost and plain addresses."""
