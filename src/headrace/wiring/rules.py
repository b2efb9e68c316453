"""Rule sets as the API sees them: kept in Postgres, made ready once a version, followed by every process."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from headrace import telemetry
from headrace.errors import Rejected, Unavailable, Violation
from headrace.rules.declared import RuleSet
from headrace.rules.kept import NONE, Keeper, Kept, Listed, Live, Stamp, named, reference
from headrace.rules.made import Rules, doubts
from headrace.serving.recommender import Recommender
from headrace.snapshot.follower import Follower

LOOK_S: Final = 0.4
"""How often a process looks whether any rule set has changed."""

MOST_READY: Final = 32
"""Versions kept ready beside the live one; those asked for least lately are made again."""

UNMADE: Final = (Rejected, ValueError, ArithmeticError, LookupError, TypeError, msgspec.MsgspecError)
"""What a version that was put before today's rules of the door may raise where it is made ready."""


class RuleSets:
    """Puts, finds and makes live rule sets of one space, and lays the live one over the recommender's answers."""

    def __init__(self, keeper: Keeper, follower: Follower, recommender: Recommender) -> None:
        self._keeper = keeper
        self._follower = follower
        self._recommender = recommender
        self._moved: int | None = None
        self._live: tuple[str, int] | None = None
        self._newest: dict[str, int] = {}
        self._ready: OrderedDict[tuple[str, int], Rules] = OrderedDict()
        self._looking = asyncio.Lock()

    async def look(self) -> None:
        """Lay over answers what is live now, if anything has changed. Raises ``Unavailable``."""
        async with self._looking:
            moved = await self._keeper.moved()
            if moved == self._moved:
                return
            standing = await self._keeper.standing()
            self._newest = dict(standing.newest)
            if standing.live != self._live:
                await self._lay(standing.live)
            self._moved = moved

    async def _lay(self, now: tuple[str, int] | None) -> None:
        """Lay a version over answers, or none. One that cannot be made ready is told, and what was laid stays."""
        kept = None
        try:
            if now is not None and (kept := await self._keeper.find(*now)) is None:
                raise Unavailable("rules", f"{_title(now)} is live, but not there")
            self._recommender.lay(None if kept is None else self._made(kept))
        except UNMADE as error:
            telemetry.log.error("rules_not_made", rules=_title(now), reason=str(error), still=_title(self._live))
            if self._moved is None:  # nothing was ever laid: no answer goes out without what it may be there to hide
                raise Unavailable("rules", f"{_title(now)} is live and cannot be made ready: {error}") from None
        else:
            telemetry.log.info("rules_live", before=_title(self._live), now=_title(now))
            self._live = now

    async def watch(self) -> None:
        """Look again and again, for as long as it runs. While Postgres is away, the last rules stand."""
        away = False
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
                away = False
            except Unavailable as error:
                if not away:
                    telemetry.log.warning("rules_not_looked_at", reason=str(error), still=_title(self._live))
                away = True

    async def find(self, text: str) -> tuple[Rules, ...]:
        """Return what to lay over an answer for ``NAME``, ``NAME@VERSION`` or ``none``.

        It waits only for a version that this process has not made ready before. Raises ``Rejected``, ``Unavailable``.
        """
        if text == NONE:
            return ()
        name, version = reference(text)
        wanted = self._newest.get(name) if version is None else version
        if wanted is not None and (ready := self._ready.get((name, wanted))) is not None:
            self._ready.move_to_end((name, wanted))
            return (ready,)
        kept = await self._keeper.find(name, version)
        if kept is None:
            raise Rejected(422, "There are no such rules", (Violation("rules", f"there is no rule set {text!r}"),))
        return (self._ready_for(kept),)

    async def put(self, name: str, rules: RuleSet) -> tuple[Kept, list[Violation]]:
        """Keep a new version, which is not live by that; return it with what does not fit the catalogue as it is.

        Raises ``Rejected``, ``Unavailable``.
        """
        version = await self._keeper.put(named(name), rules)
        kept = await self._keeper.find(name, version)
        if kept is None:
            raise Unavailable("postgres", "the version that was put is not there yet")
        await self.look()
        return kept, self.doubts(rules)

    async def kept(self, name: str, version: int | None = None) -> Kept | None:
        """Return a version, or the newest. Raises ``Unavailable``."""
        return await self._keeper.find(name, version)

    async def versions(self, name: str) -> Sequence[Stamp]:
        """Return the versions of a set, the newest first. Raises ``Unavailable``."""
        return await self._keeper.versions(name)

    async def listed(self) -> Sequence[Listed]:
        """Return every set with its newest version, by name. Raises ``Unavailable``."""
        return await self._keeper.listed()

    async def live(self) -> Live | None:
        """Return what is live. Raises ``Unavailable``."""
        return await self._keeper.live()

    async def make_live(self, name: str, version: int | None) -> Kept | None:
        """Make a version live, or the newest; return it, None where there is none.

        Raises ``Rejected`` for one that cannot be made ready, ``Unavailable``.
        """
        kept = await self._keeper.find(name, version)
        if kept is not None:
            self._ready_for(kept)
        if kept is None or not await self._keeper.make_live(name, kept.version):
            return None
        await self.look()
        return kept

    async def make_none_live(self, name: str | None = None) -> int | None:
        """Have none live, or none if a version of this set is; return which version was, None where nothing is changed.

        Raises ``Unavailable``.
        """
        was = await self._keeper.make_none_live(name)
        await self.look()
        return was

    async def take_away(self, name: str) -> bool:
        """Take a set away; return whether there was one. Raises ``Rejected`` while it is live, ``Unavailable``."""
        live = await self._keeper.live()
        if live is not None and live.kept.name == name:
            wrong = Violation("name", f"{name!r} is live: make another set live first, or none")
            raise Rejected(422, "The rule set is live", (wrong,))
        gone = await self._keeper.take_away(name)
        await self.look()
        return gone

    def doubts(self, rules: RuleSet) -> list[Violation]:
        """Return what an expression asks that no item can answer now: it is false there until the catalogue can."""
        view = self._follower.view
        return [] if view is None else doubts(rules, view.picture.catalogue.attributes)

    def _ready_for(self, kept: Kept) -> Rules:
        """Return a version made ready and held against the catalogue. Raises ``Rejected`` for one that cannot be."""
        try:
            made, view = self._made(kept), self._follower.view
            if view is not None:
                made.marks(view.picture)
        except UNMADE as error:
            raise Rejected(422, "The rule set cannot be made ready", (Violation("rules", f"{kept.title}: {error}"),)) from None
        return made

    def _made(self, kept: Kept) -> Rules:
        key = (kept.name, kept.version)
        made = self._ready.get(key) or Rules(kept.rules, kept.title)
        self._ready[key] = made
        self._ready.move_to_end(key)
        while len(self._ready) > MOST_READY:
            self._ready.popitem(last=False)
        return made


def _title(of: tuple[str, int] | None) -> str | None:
    return None if of is None else f"{of[0]}@{of[1]}"
