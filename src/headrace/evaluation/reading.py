"""Reads files of events into memory, through the importer and the contract: what is played is what an import takes in."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from headrace.clock import Clock
from headrace.events.contract import Contract
from headrace.events.items import Item, ItemChange
from headrace.events.types import Event, Interaction, Watch
from headrace.importer.catalogue.columns import ItemFile
from headrace.importer.catalogue.loading import ItemLoader
from headrace.importer.loading import Loader, Pace
from headrace.importer.mapping import Mode
from headrace.importer.outcome import Outcome, Refusal, Refusals
from headrace.importer.rows import Source
from headrace.importer.survey import Surveyed
from headrace.importer.taking import Planned
from headrace.log.port import Verdict

Tell = Callable[[Source], None]


@dataclass(slots=True)
class _Shelf:
    """A door that keeps what it is told of items."""

    items: dict[str, Item] = field(default_factory=dict)

    async def accept(self, events: Sequence[Event], *, atomic: bool = True, history: bool = False) -> list[Verdict]:  # noqa: ARG002 -- the door's signature
        changes = [event for event in events if isinstance(event, ItemChange)]
        self.items |= {change.item_id: change.put for change in changes if change.put is not None}
        return [Verdict.OK] * len(events)


@dataclass(slots=True)
class _Collected:
    """A door that keeps what it is given, in file order."""

    acts: list[Interaction | Watch] = field(default_factory=list)

    async def accept(self, events: Sequence[Event], *, atomic: bool = True, history: bool = False) -> list[Verdict]:  # noqa: ARG002 -- the door's signature
        self.acts += [event for event in events if isinstance(event, Interaction | Watch)]
        return [Verdict.OK] * len(events)


@dataclass(frozen=True, slots=True)
class _Watching:
    tell: Tell

    def advanced(self, file: Planned, outcome: Outcome) -> None:  # noqa: ARG002 -- the watcher's signature
        self.tell(file.source)

    def waiting(self, reason: str, seconds: float) -> None:
        """Never called: memory is never away."""


def read(
    files: Sequence[Surveyed], contract: Contract, clock: Clock, refused: Callable[[Refusal], None], tell: Tell
) -> tuple[list[Interaction | Watch], Outcome]:
    """Return the files' events in file order, judged as history, and what became of their rows."""
    door = _Collected()
    loader = Loader(contract, door, clock, Pace(Mode.HISTORY), Refusals(refused), _Watching(tell), max_age_ms=0)
    outcome = asyncio.run(loader.load(files))
    return door.acts, outcome


def catalogue(file: ItemFile, refused: Callable[[Refusal], None], tell: Tell) -> dict[str, Item]:
    """Return the items of a file, as an import takes them in."""
    door = _Shelf()
    numbers = count()
    asyncio.run(ItemLoader(door, lambda: f"item {next(numbers):08}", Refusals(refused), _Watching(tell)).load([file]))
    return door.items
