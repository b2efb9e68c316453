"""What an operator needs to deal with dead letters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from headrace.clock import Clock
from headrace.config import Settings
from headrace.intake import Intake
from headrace.stream.letters import Letters
from headrace.stream.redriving import Redriver
from headrace.wiring.processes import looked_at


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The letters of the configured group's generation, and the way back into the log."""

    letters: Letters
    redriver: Redriver
    clock: Clock


@asynccontextmanager
async def dead_letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    """Yield the dead letters of the configured group, which must be there already. Raises ``Unavailable``."""
    async with looked_at(settings) as (ground, generation):
        letters = ground.letters(generation)
        intake = Intake(ground.log, ground.clock)
        yield DeadLetters(letters, Redriver(letters, ground.log, intake, ground.clock), ground.clock)
