"""What stands behind the operators' pages of a world in which nothing has happened yet."""

from collections.abc import Sequence
from pathlib import Path

from headrace.clock import SystemClock
from headrace.errors import Unavailable
from headrace.features.projection import Rules
from headrace.features.settings import FeatureSettings
from headrace.serving import recipes
from headrace.serving.settings import ServingSettings
from headrace.serving.watching import Watcher
from headrace.store.flips import Replica
from headrace.store.generations import Beginning, Generation
from headrace.store.operations import Acted
from headrace.stream.letters import Cause, Choice, Letter, Position, State
from headrace.stream.redriving import Told
from headrace.wiring.replays import Line, Refused
from headrace.wiring.streaming import Standing
from headrace.wiring.works import Work, Works
from tests.api.world import World


class Kept:
    """Keeps the choice of a recipe in memory."""

    def __init__(self) -> None:
        self.name: str | None = None

    async def get(self) -> str | None:
        """Return it."""
        return self.name

    async def put(self, name: str | None) -> None:
        """Take it."""
        self.name = name


def watcher(folder: Path | None = None) -> Watcher:
    """Return a watcher over the package's recipes, and those of a folder."""
    return Watcher(ServingSettings(recipes=folder), Kept(), lambda _: None, recipes.named("default"))


class Quiet:
    """Away when the world is."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.works = Works(SystemClock())

    def _fail(self) -> None:
        if self._world.away is not None:
            raise Unavailable(self._world.away, "it is being restarted", retry_after_s=3)


class QuietStream(Quiet):
    """A stream in which nothing flows."""

    features = FeatureSettings()

    async def standing(self, number: int | None = None) -> Standing:
        """Return a generation without partitions."""
        self._fail()
        return Standing(Generation(number or 1, "group", Rules(FeatureSettings(), 0), 0), "postgres", [])

    async def resume(self, _number: int | None, _partitions: Sequence[int] | None) -> list[int]:
        """Return none: none was halted."""
        return []

    async def generations(self) -> list[Line]:
        """Return the one that is read."""
        self._fail()
        return [Line(1, "group", "followed", "log", None, True, False, 0, 0, 0.0, None, 0, {})]  # noqa: FBT003

    async def replicas(self) -> list[Replica]:
        """Return none."""
        self._fail()
        return []

    async def start(self, beginning: Beginning, features: FeatureSettings) -> int:
        """Refuse: there is nothing to count."""
        raise Refused(f"nothing to count from the {beginning} by {features.window}")

    async def compare(self, number: int, recipe: str | None, *, users: int) -> Work:
        """Refuse."""
        raise Refused(f"no generation {number} to compare for {users} by {recipe}")

    async def flip(self, number: int, *, force: bool) -> Work:
        """Refuse."""
        raise Refused(f"no generation {number}, force {force}")

    async def back(self) -> Work:
        """Refuse."""
        raise Refused("there is no way back")

    async def drop(self, number: int) -> Work:
        """Refuse."""
        raise Refused(f"no generation {number}")


class NoLetters(Quiet):
    """No dead letters."""

    async def causes(self, _state: State | None) -> list[Cause]:
        """Return none."""
        self._fail()
        return []

    async def page(self, _choice: Choice, *, after: Position | None, limit: int) -> list[Letter]:
        """Return none behind any, however many are wanted."""
        return [][:limit] if after is None else []

    async def letter(self, _position: Position) -> tuple[Letter, Position | None] | None:
        """Return none."""
        return None

    async def whole(self, letter: Letter) -> bytes:
        """Return what is kept."""
        return letter.payload

    async def redrive(self, _position: Position, _payload: bytes | None) -> Told | None:
        """Find none."""
        return None

    async def drop(self, _position: Position) -> bool:
        """Find none."""
        return False

    async def redrive_all(self, cause: Cause) -> Work:
        """Refuse."""
        raise Refused(cause.cause)

    async def drop_all(self, cause: Cause) -> Work:
        """Refuse."""
        raise Refused(cause.cause)


class Nobody(Quiet):
    """No people."""

    async def recent(self, limit: int) -> list[Acted]:
        """Return nobody."""
        self._fail()
        return [][:limit]

    async def like(self, beginning: str, limit: int) -> list[str]:
        """Return nobody."""
        return [beginning][:0][:limit]
