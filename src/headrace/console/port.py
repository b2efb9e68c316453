"""What the pages of operators ask for: whoever fills this in decides what stands behind them. All raise ``Unavailable``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from headrace.features.settings import FeatureSettings
from headrace.serving.watching import Answering
from headrace.store.flips import Replica
from headrace.store.generations import Beginning
from headrace.store.operations import Acted
from headrace.stream.letters import Cause, Choice, Letter, Position, State
from headrace.stream.redriving import Told
from headrace.wiring.replays import Line
from headrace.wiring.streaming import Standing
from headrace.wiring.works import Work, Works


class Stream(Protocol):
    """Partitions, generations and replays. What cannot be done as things are raises ``Refused``."""

    works: Works

    @property
    def features(self) -> FeatureSettings:
        """Return how a new generation would count unless told otherwise."""
        ...

    async def standing(self, number: int | None = None) -> Standing:
        """Return where a generation's partitions stand; without a number, the main one's."""
        ...

    async def resume(self, number: int | None, partitions: Sequence[int] | None) -> list[int]:
        """Let halted partitions go on, all or these, and return them."""
        ...

    async def generations(self) -> list[Line]:
        """Return all generations, with how far and how fast each is."""
        ...

    async def replicas(self) -> list[Replica]:
        """Return the API processes that live."""
        ...

    async def start(self, beginning: Beginning, features: FeatureSettings) -> int:
        """List a new generation that counts so, and return its number."""
        ...

    async def compare(self, number: int, recipe: str | None, *, users: int) -> Work:
        """Begin to compare a generation with the live one."""
        ...

    async def flip(self, number: int, *, force: bool) -> Work:
        """Begin to move all readers to a generation."""
        ...

    async def back(self) -> Work:
        """Begin to move all readers to the generation before."""
        ...

    async def drop(self, number: int) -> Work:
        """Begin to take a generation away."""
        ...


class DeadLetters(Protocol):
    """The records that could not be applied, and their way back."""

    works: Works

    async def causes(self, state: State | None) -> list[Cause]:
        """Return what the letters in this state, or all, died of."""
        ...

    async def page(self, choice: Choice, *, after: Position | None, limit: int) -> list[Letter]:
        """Return the chosen letters behind a position."""
        ...

    async def letter(self, position: Position) -> tuple[Letter, Position | None] | None:
        """Return a letter, and where its event counts if it was redriven and does."""
        ...

    async def whole(self, letter: Letter) -> bytes:
        """Return all bytes of a letter's record; raises ``Poison`` where nobody has them any more."""
        ...

    async def redrive(self, position: Position, payload: bytes | None) -> Told | None:
        """Send one record through the log again, mended or as it is."""
        ...

    async def drop(self, position: Position) -> bool:
        """Give one letter up; False where none is open there."""
        ...

    async def redrive_all(self, cause: Cause) -> Work:
        """Begin to send all open records of a cause through the log again; ``found`` tells those that were not."""
        ...

    async def drop_all(self, cause: Cause) -> Work:
        """Begin to give all open letters of a cause up."""
        ...


class People(Protocol):
    """Who there is to look at."""

    async def recent(self, limit: int) -> list[Acted]:
        """Return who acted last, the latest first."""
        ...

    async def like(self, beginning: str, limit: int) -> list[str]:
        """Return users whose names begin so."""
        ...


class Recipes(Protocol):
    """The recipe that answers, and the choice of it."""

    @property
    def folder(self) -> Path | None:
        """Return the operator's folder of recipes."""
        ...

    @property
    def answering(self) -> Answering:
        """Return which recipe answers in this process, and why."""
        ...

    async def choose(self, name: str | None) -> None:
        """Make a recipe the default; None leaves it to the setting. Raises ``RecipeError``."""
        ...
