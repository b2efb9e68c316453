"""What the commands on rule sets need: the tables that keep them, and what the catalogue can answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from headrace.clock import SystemClock
from headrace.config import Settings
from headrace.errors import Unavailable, Violation
from headrace.rules.declared import RuleSet
from headrace.rules.made import doubts
from headrace.snapshot.attributes import Attributes
from headrace.store.catalogue import PostgresCatalogue
from headrace.store.migrations import migrate_space
from headrace.store.rules import PostgresRules
from headrace.wiring.ground import grounded

AT_ONCE: Final = 1000
MOST_READ: Final = 20_000
"""So many items are looked at to tell whether an expression fits the catalogue."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The rule sets of a space, and its catalogue."""

    kept: PostgresRules
    catalogue: PostgresCatalogue

    async def doubts(self, rules: RuleSet) -> list[Violation] | None:
        """Return what of these rules no item can answer now; None where there is no catalogue. Raises ``Unavailable``."""
        attributes = Attributes()
        attributes.room_for(1)
        read, after = 0, ""
        try:
            while read < MOST_READ and (page := await self.catalogue.page(after, AT_ONCE)):
                for after, item in page:  # noqa: B007 -- the last one is where the next page begins
                    attributes.put(0, item)
                read += len(page)
        except Unavailable as error:
            if error.what != "catalogue":
                raise
        return doubts(rules, attributes) if read else None


@asynccontextmanager
async def ruling(settings: Settings) -> AsyncIterator[Ruling]:
    """Yield the rule sets of the settings' space, its tables brought up to date. Raises ``Unavailable``."""
    async with grounded(settings, SystemClock()) as ground:
        await migrate_space(ground.database, ground.space)
        yield Ruling(PostgresRules(ground.database, space=ground.space), PostgresCatalogue(ground.database, space=ground.space))
