"""What became of the rows: the counts, and the refused rows with their reasons."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

import msgspec

SHOWN_ON_SCREEN: Final = 20


class Refusal(NamedTuple):
    """A row that did not go in: its file, its number there, why, and what it holds."""

    file: str
    number: int
    reason: str
    values: Mapping[str, object]


@dataclass(slots=True)
class Outcome:
    """The counts of one import. ``read`` = new + duplicates + skipped + refused + what is still under way.

    ``too_old`` are the refused rows that only the age rule kept out; ``moved_still_old`` went in although they are older
    than the door admits after their times were moved; ``conflicts`` are the refused rows whose id was taken; ``unmapped``
    counts, by type, the refused rows whose event type means nothing here.
    """

    read: int = 0
    new: int = 0
    duplicates: int = 0
    skipped: int = 0
    refused: int = 0
    too_old: int = 0
    conflicts: int = 0
    moved_still_old: int = 0
    unmapped: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False
    broken: str | None = None


@dataclass(slots=True)
class Refusals:
    """Keeps the refused rows: the first 20 to the screen, all to a file of JSON Lines where one was asked for."""

    show: Callable[[Refusal], None]
    errors: BinaryIO | None = None
    _shown: int = field(default=0, init=False)

    def add(self, refusal: Refusal) -> None:
        """Record one refused row."""
        if self._shown < SHOWN_ON_SCREEN:
            self._shown += 1
            self.show(refusal)
        if self.errors is not None:
            line = {"file": refusal.file, "line": refusal.number, "reason": refusal.reason, "row": refusal.values}
            self.errors.write(msgspec.json.encode(line, enc_hook=str) + b"\n")
