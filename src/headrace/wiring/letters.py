"""What an operator needs to deal with dead letters, by a command or on a page."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headrace.clock import Clock
from headrace.intake import Intake
from headrace.store.generations import Generation
from headrace.stream.letters import Cause, Choice, Letter, Letters, Position, State
from headrace.stream.redriving import Outcome, Redriver, Told
from headrace.wiring.ground import Ground, main_of
from headrace.wiring.works import Work, Works

AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The letters of the configured group's generation, and the way back into the log. Every method raises ``Unavailable``."""

    letters: Letters
    redriver: Redriver
    clock: Clock

    async def causes(self, choice: Choice) -> list[Cause]:
        """Return the causes of the chosen letters, the most frequent first."""
        return await self.letters.causes(choice)

    async def page(
        self, choice: Choice, *, after: Position | None, limit: int
    ) -> tuple[list[Letter], Mapping[bytes, Position]]:
        """Return the chosen letters behind a position, and where the events of those that were redriven count by now."""
        found = await self.letters.page(choice, after=after, limit=limit)
        return found, await self.letters.counted([one.redriven_id for one in found if one.redriven_id is not None])

    async def whole(self, letter: Letter) -> bytes:
        """Return all bytes of a letter's record; raises ``Poison`` where nobody has them any more."""
        return await self.redriver.whole(letter)

    async def redrive(
        self, choice: Choice, *, payload: bytes | None = None, tell: Callable[[int], None] = lambda _: None
    ) -> list[Told]:
        """Send the chosen letters through the log again and return what became of each; see ``stream.redriving``.

        ``payload`` stands in for the bytes of all of them; ``tell`` hears how many are done.
        """
        told: list[Told] = []
        async for letters in self._each(choice):
            told.extend(await self.redriver.redrive(letters, payload=payload))
            tell(len(told))
        return told

    async def drop(self, choice: Choice, *, tell: Callable[[int], None] = lambda _: None) -> int:
        """Give the chosen letters up and return how many of them were open; ``tell`` hears how many are done."""
        dropped = 0
        async for letters in self._each(choice):
            positions = [one.position for one in letters]
            dropped += len(await self.letters.settle(positions, State.DROPPED, self.clock.now_ms()))
            tell(dropped)
        return dropped

    async def _each(self, choice: Choice) -> AsyncIterator[Sequence[Letter]]:
        """Yield the chosen letters, some at a time."""
        after = None
        while page := await self.letters.page(choice, after=after, limit=AT_ONCE):
            yield page
            after = page[-1].position


def letters_of(ground: Ground, generation: Generation) -> DeadLetters:
    """Return the dead letters of a generation."""
    letters = ground.letters(generation)
    return DeadLetters(letters, Redriver(letters, ground.log, Intake(ground.log, ground.clock), ground.clock), ground.clock)


class Postroom:
    """The dead letters of the group's main generation as a page deals with them: what takes a while goes on without it.

    Every method raises ``Unavailable``.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.works = Works(ground.clock)

    async def causes(self, state: State | None) -> list[Cause]:
        """Return what the letters in this state, or all, died of, the most frequent first."""
        return await (await self._letters()).causes(Choice(state=state))

    async def page(self, choice: Choice, *, after: Position | None, limit: int) -> list[Letter]:
        """Return the chosen letters behind a position."""
        return (await (await self._letters()).page(choice, after=after, limit=limit))[0]

    async def letter(self, position: Position) -> tuple[Letter, Position | None] | None:
        """Return a letter, and where its event counts if it was redriven and does; None where there is no such letter."""
        found, counted = await (await self._letters()).page(Choice([position]), after=None, limit=1)
        if not found:
            return None
        return found[0], None if found[0].redriven_id is None else counted.get(found[0].redriven_id)

    async def whole(self, letter: Letter) -> bytes:
        """Return all bytes of a letter's record; raises ``Poison`` where nobody has them any more."""
        return await (await self._letters()).whole(letter)

    async def redrive(self, position: Position, payload: bytes | None) -> Told | None:
        """Send one record through the log again, mended or as it is; None where there is no such letter."""
        told = await (await self._letters()).redrive(Choice([position]), payload=payload)
        return told[0] if told else None

    async def drop(self, position: Position) -> bool:
        """Give one letter up; False where none is open there."""
        return bool(await (await self._letters()).drop(Choice([position], state=State.OPEN)))

    async def redrive_all(self, cause: Cause) -> Work:
        """Send all open records of a cause through the log again; ``found`` is what was not appended. Raises ``Refused``."""
        letters = await self._letters()

        async def job(work: Work) -> str:
            def tell(done: int) -> None:
                work.words = f"{done:,} of {cause.count:,} looked at"

            told = await letters.redrive(Choice(cause=cause.handle, state=State.OPEN), tell=tell)
            work.found = [one for one in told if one.outcome is not Outcome.REDRIVEN]
            counts = Counter(one.outcome for one in told)
            return ", ".join(f"{counts[one]:,} {one}" for one in Outcome if counts[one]) or "none was open any more"

        return self.works.begin("letters", f"redriving {cause.cause}", job)

    async def drop_all(self, cause: Cause) -> Work:
        """Give all open letters of a cause up. Raises ``Refused``."""
        letters = await self._letters()

        async def job(work: Work) -> str:
            def tell(done: int) -> None:
                work.words = f"{done:,} of {cause.count:,} dropped"

            return f"{await letters.drop(Choice(cause=cause.handle, state=State.OPEN), tell=tell):,} dropped"

        return self.works.begin("letters", f"dropping {cause.cause}", job)

    async def _letters(self) -> DeadLetters:
        return letters_of(self._ground, await main_of(self._ground))
