"""What a row of the table is made of: a fault, what must hold, how it is tried, and what came of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from headrace import wiring
from tests.faults import oracle
from tests.faults.journal import Journal
from tests.faults.oracle import Judgement
from tests.faults.site import Site

LogKind = Literal["postgres", "kafka"]
DRAIN_S: Final = 600.0


@dataclass(slots=True)
class Tried:
    """One line of the table. ``how_often`` counts the faults that really struck; ``wrong`` is empty where the row holds."""

    how_often: int = 0
    acknowledged: int = 0
    counted: int = 0
    lost: int = 0
    doubled: int = 0
    dead_lettered: int = 0
    recovery_s: float | None = None
    """The longest time from the end of a fault until work went on; None where nothing had to recover."""

    wrong: list[str] = field(default_factory=list)
    note: str = ""

    def add(self, found: Judgement) -> None:
        """Take over what the oracle found."""
        self.acknowledged = found.acknowledged
        self.counted = found.counted
        self.lost = len(found.lost)
        self.doubled = len(found.doubled)
        self.dead_lettered = found.dead_letters
        self.wrong.extend(found.complaints())

    def hold(self, held: object, otherwise: str) -> None:
        """Note what is wrong unless it held."""
        if not held:
            self.wrong.append(otherwise)

    def recovered(self, seconds: float) -> None:
        """Note a recovery; the longest one is told."""
        self.recovery_s = max(seconds, self.recovery_s or 0.0)


@dataclass(frozen=True, slots=True)
class Trial:
    """The circumstances: which log, at what share of the stated size, from which seed."""

    log: LogKind
    scale: float = 1.0
    seed: int = 20

    def size(self, stated: int, least: int = 1) -> int:
        """Return a stated number at this trial's scale."""
        return max(least, min(stated, round(stated * self.scale)))

    def site(self, environment: dict[str, str] | None = None, *, durable: bool = True) -> Site:
        """Return a place to try a fault on, with this trial's log."""
        return Site(environment, durable=durable)


Try = Callable[[Trial], Awaitable[Tried]]


@dataclass(frozen=True, slots=True)
class Row:
    """A fault that is tried. ``elsewhere`` says why it is not tried on a log; ``idle`` that it mostly waits."""

    key: str
    fault: str
    must_hold: str
    attempt: Try
    elsewhere: dict[LogKind, str] = field(default_factory=dict)
    idle: bool = False


async def drain_and_judge(site: Site, journal: Journal, tried: Tried, *, within_s: float = DRAIN_S) -> None:
    """Wait until all is applied, then let the oracle decide. A worker must be alive."""
    async with wiring.looked_at(site.settings) as (ground, generation):
        await oracle.drained(ground, generation, within_s=within_s)
    tried.add(await oracle.judge(site.settings, journal))
