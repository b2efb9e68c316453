"""Who there is to look at: those who acted last, and those whose names begin so."""

from dataclasses import dataclass
from typing import Final

from headrace.errors import Unavailable
from headrace.store import generations
from headrace.store.generations import Generation
from headrace.store.operations import Acted, recent_users, users_like
from headrace.wiring.ground import Ground

ACTS: Final = 2000
"""Records at the end of the archive that are looked through for those who acted last."""


@dataclass(frozen=True, slots=True)
class People:
    """The users of the generation that answers are made from. Every method raises ``Unavailable``."""

    ground: Ground

    async def recent(self, limit: int) -> list[Acted]:
        """Return who acted last, the latest first, with what they did then."""
        ground = self.ground
        return await recent_users(ground.database, await self._live(), space=ground.space, acts=ACTS, users=limit)

    async def like(self, beginning: str, limit: int) -> list[str]:
        """Return users with a history whose names begin so, in the order of their bytes."""
        ground = self.ground
        return await users_like(ground.database, await self._live(), space=ground.space, beginning=beginning, users=limit)

    async def _live(self) -> Generation:
        live = await generations.live(self.ground.database, self.ground.space)
        if live is None:
            raise Unavailable("people", "there are no features yet: they are made when a worker starts")
        return live
