"""Keeps the picture true: builds it from one consistent read, then applies the very writes the worker committed."""

import asyncio
from dataclasses import dataclass
from typing import Final

from headrace import telemetry
from headrace.clock import Clock
from headrace.errors import Unavailable
from headrace.features.changes import Changes
from headrace.snapshot.histories import Histories
from headrace.snapshot.picture import Picture
from headrace.snapshot.port import Generations, Tables
from headrace.snapshot.settings import SnapshotSettings

CHANGES_AT_ONCE: Final = 20
LOOK_FOR_FLIP_S: Final = 0.5
LONGEST_BACKOFF_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class View:
    """A picture with the histories of the same generation; swapped whole."""

    picture: Picture
    histories: Histories


class _Behind(Exception):
    """The changelog no longer has what the picture needs next: build it anew."""


class Follower:
    """Loads and follows the live generation for as long as it runs."""

    def __init__(self, generations: Generations, settings: SnapshotSettings, clock: Clock) -> None:
        self._generations = generations
        self._settings = settings
        self._clock = clock
        self._view: View | None = None
        self._trouble: str | None = None

    @property
    def view(self) -> View | None:
        """Return what requests are answered from; None until the first load."""
        return self._view

    @property
    def trouble(self) -> str | None:
        """Return why the picture is not being kept fresh just now; None while it is."""
        return self._trouble

    @property
    def age_ms(self) -> int | None:
        """Return the milliseconds since the picture last agreed with the tables; None before there is one."""
        return None if self._view is None else max(0, self._clock.now_ms() - self._view.picture.as_of_ms)

    async def run(self) -> None:
        """Follow until cancelled. Lives through every ``Unavailable``: the old picture stands meanwhile."""
        backoff_s = 0.1
        tables: Tables | None = None
        look_again = 0.0
        while True:
            try:
                if tables is None or self._clock.monotonic() >= look_again:
                    tables = await self._look(tables)
                    look_again = self._clock.monotonic() + LOOK_FOR_FLIP_S
                if tables is not None and self._view is not None:
                    await self._follow(tables, self._view)
                self._trouble = None if tables is not None else "no generation of features yet: no worker has started"
                backoff_s = 0.1
                await asyncio.sleep(self._settings.poll_ms / 1000)
            except Unavailable as error:
                if self._trouble is None:
                    telemetry.log.warning("snapshot_stale", reason=str(error))
                self._trouble = error.what
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)
            except _Behind:
                telemetry.log.warning("snapshot_reloads", reason="the changelog no longer reaches back far enough")
                tables = None
            if self._view is not None:
                telemetry.SNAPSHOT_AGE.set(self.age_ms or 0)

    async def _look(self, current: Tables | None) -> Tables | None:
        """Return the live tables; where they are not those of the picture, load them aside and swap."""
        tables = await self._generations.live()
        if tables is None:
            return None
        if current is None or current.generation != tables.generation:
            self._view = await self._load(tables)
            return tables
        return current

    async def _load(self, tables: Tables) -> View:
        picture = Picture(tables.generation, tables.rules, most_neighbours=self._settings.neighbours)
        picture.as_of_ms = self._clock.now_ms()
        async with tables.reading() as reading:
            async for items in reading.items():
                picture.put_items(items)
                await asyncio.sleep(0)
            async for pairs in reading.pairs():
                picture.put_pairs(pairs)
                await asyncio.sleep(0)
            picture.links.tighten()
            picture.version = dict(reading.standing.next_change)
            picture.newest_ts_ms = reading.standing.newest_ts_ms
        histories = Histories(
            tables.histories, picture.numbers, size=tables.rules.settings.history_size, most=self._settings.cached_users
        )
        if self._view is not None:
            histories.inherit(self._view.histories)
        telemetry.SNAPSHOT_RELOADS.inc()
        self._measure(picture)
        telemetry.log.info("snapshot_loaded", generation=tables.generation, items=len(picture), pairs=picture.pairs)
        return View(picture, histories)

    async def _follow(self, tables: Tables, view: View) -> None:
        """Bring the picture to where the tables stand now.

        Under load they will have moved on by then: that is the next round's, or no round would ever end.
        """
        picture = view.picture
        asked_ms = self._clock.now_ms()
        standing = await tables.standing()
        while behind := {p: n for p, n in picture.version.items() if standing.next_change.get(p, 0) > n}:
            found = await tables.changes(behind, limit=CHANGES_AT_ONCE)
            for partition, number, changes in found:
                if number != picture.version[partition]:
                    raise _Behind
                self._apply(view, changes)
                picture.version[partition] = number + 1
                # Requests are answered between two batches, not after all of them.
                await asyncio.sleep(0)
            if not found:
                raise _Behind
            self._measure(picture)
        picture.as_of_ms = asked_ms

    def _apply(self, view: View, changes: Changes) -> None:
        view.picture.apply(changes)
        view.histories.apply(changes.histories)
        now_ms = self._clock.now_ms()
        for received_ms in changes.received_ms:
            telemetry.EVENT_TO_VISIBLE.observe(max(0, now_ms - received_ms))

    @staticmethod
    def _measure(picture: Picture) -> None:
        telemetry.SNAPSHOT_ITEMS.set(len(picture))
        telemetry.SNAPSHOT_PAIRS.set(picture.pairs)
