"""Items as somebody looks at them: the picture in memory, and the tables for what memory does not have."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from headrace import telemetry
from headrace.console.shelf import Acts, Course, Item, Neighbour, Standing
from headrace.errors import Unavailable
from headrace.snapshot.follower import Follower
from headrace.snapshot.picture import Picture
from headrace.store.items import PostgresItems, Span
from headrace.wiring.ground import Ground

HOUR_MS: Final = 3_600_000
COUNTED_AT_ONCE: Final = 2_000
"""Records counted before an answer, so that what has just happened is in it."""

COUNTED_AFTERWARDS: Final = 20_000
"""Records counted in one transaction afterwards."""


class Items:
    """Answers what is known of items; ``count`` goes on with what an answer did not wait for."""

    def __init__(self, ground: Ground, follower: Follower) -> None:
        self._ground = ground
        self._follower = follower
        self._held: PostgresItems | None = None
        self._wanted = asyncio.Event()

    def popular(self, most: int) -> list[Item]:
        """Return the items of the largest weight."""
        picture = self._picture()
        return [Item(picture.ids[number], None, int(picture.events[number])) for number in picture.popular()[:most].tolist()]

    def standing(self, item_id: str) -> Standing | None:
        """Return how an item stands in the picture."""
        picture = self._picture()
        number = picture.numbers.get(item_id)
        if number is None:
            return None
        decayed = picture.decayed
        visible = picture.catalogue.visible(np.array([number], np.int32))
        return Standing(
            events=int(picture.events[number]),
            weight=float(decayed[number]) / picture.now_factor,
            visits=float(picture.visits[number]) / picture.now_factor,
            rank=int(np.count_nonzero(decayed > decayed[number])) + 1 if decayed[number] > 0 else 0,
            items=int(np.count_nonzero(decayed)),
            shown=visible is None or bool(visible[0]),
        )

    def neighbours(self, item_id: str, most: int) -> list[Neighbour]:
        """Return an item's neighbours as answers know them."""
        picture = self._picture()
        number = picture.numbers.get(item_id)
        if number is None:
            return []
        beside = picture.neighbours(number)
        best = np.lexsort((beside.items, -beside.strengths))[:most]
        now = picture.now_factor
        return [
            Neighbour(picture.ids[other], meetings, strength / now, self._back(picture, other, number, now))
            for other, meetings, strength in zip(
                beside.items[best].tolist(), beside.meetings[best].tolist(), beside.strengths[best].tolist(), strict=True
            )
        ]

    async def find(self, beginning: str, most: int) -> list[Item]:
        """Return items whose id or title begins like this."""
        return [Item(*found) for found in await self._tables().find(beginning, most)]

    async def titles(self, items: Sequence[str]) -> Mapping[str, str]:
        """Return the titles of those that have one."""
        return await self._tables().titles(items)

    async def course(self, item_id: str, spans: int, hours: int) -> Course:
        """Return the acts of spans that end with the newest event: history that was imported ends when it ended."""
        tables = self._tables()
        await tables.count(COUNTED_AT_ONCE)
        last = self._picture().newest_ts_ms // HOUR_MS // hours
        first = max(0, last - spans + 1)
        found = {one.number: one for one in await tables.spans(item_id, first * hours, (last + 1) * hours, hours)}
        remaining, whole = await tables.left()
        if remaining:
            self._wanted.set()
        return Course(
            hours, [_acts(found.get(number), number, hours) for number in range(first, last + 1)], _share(remaining, whole)
        )

    async def count(self) -> None:
        """Count what was asked for and is not counted yet, for as long as it runs; half of the time at most."""
        while True:
            await self._wanted.wait()
            started = self._ground.clock.monotonic()
            try:
                if not await self._tables().count(COUNTED_AFTERWARDS):
                    self._wanted.clear()
            except Unavailable as error:
                telemetry.log.warning("hours_not_counted", reason=str(error))
                self._wanted.clear()
            await asyncio.sleep(self._ground.clock.monotonic() - started)

    def _picture(self) -> Picture:
        view = self._follower.view
        if view is None:
            raise Unavailable("snapshot", self._follower.trouble or "it is being loaded")
        return view.picture

    def _tables(self) -> PostgresItems:
        """Return the tables of the generation that answers are made from; reading their queries takes a millisecond, once."""
        generation = self._picture().generation
        if self._held is None or self._held.generation != generation:
            self._held = PostgresItems(self._ground.database, space=self._ground.space, generation=generation)
        return self._held

    @staticmethod
    def _back(picture: Picture, other: int, number: int, now: float) -> float | None:
        beside = picture.neighbours(other)
        place = np.flatnonzero(beside.items == number)
        return float(beside.strengths[place[0]]) / now if len(place) else None


def _acts(found: Span | None, number: int, hours: int) -> Acts:
    at_ms = number * hours * HOUR_MS
    return Acts(at_ms, 0, 0, 0, 0) if found is None else Acts(at_ms, found.views, found.clicks, found.purchases, found.watches)


def _share(remaining: int, whole: int) -> float:
    return 1 - remaining / whole if whole else 1.0
