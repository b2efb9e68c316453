"""Keeps the picture true: builds it from one consistent read, then applies the very writes the worker committed."""

import asyncio
from dataclasses import dataclass
from typing import Final

from headrace import telemetry
from headrace.clock import Clock
from headrace.errors import Unavailable
from headrace.events.items import ItemChange
from headrace.events.types import Event
from headrace.features.changes import Changes
from headrace.snapshot import heap
from headrace.snapshot.histories import Histories
from headrace.snapshot.picture import Picture
from headrace.snapshot.port import Generations, Held, Pairs, Tables
from headrace.snapshot.settings import SnapshotSettings

CHANGES_AT_ONCE: Final = 20
LOOK_S: Final = 0.5
LOOK_BEFORE_FLIP_S: Final = 0.1
"""How often the live generation is looked for: usually, and while another one is held ready."""

LONGEST_BACKOFF_S: Final = 2.0
ITEMS_AT_ONCE: Final = 250
"""Items of the catalogue that are taken in between two answers: some 10 ms for their content."""

WARMED_AT_ONCE: Final = 50
"""Users whose histories are read between two answers."""


@dataclass(frozen=True, slots=True)
class View:
    """A picture with the histories of the same generation; swapped whole."""

    picture: Picture
    histories: Histories


@dataclass(slots=True)
class _Candidate:
    """The generation held ready beside the live one: where it comes from, and its view once it is as fresh as the live one."""

    tables: Tables
    task: "asyncio.Task[None] | None" = None
    view: View | None = None
    ready: bool = False


class _Behind(Exception):
    """The changelog no longer has what the picture needs next: build it anew."""


class Follower:
    """Loads and follows the live generation for as long as it runs, and beside it the one that is to be live next."""

    def __init__(self, generations: Generations, settings: SnapshotSettings, clock: Clock) -> None:
        self._generations = generations
        self._settings = settings
        self._clock = clock
        self._view: View | None = None
        self._trouble: str | None = None
        self._tables: Tables | None = None
        self._candidate: _Candidate | None = None
        self._look_again = 0.0

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

    def acknowledged(self, event: Event) -> None:
        """Note what this replica's door has just acknowledged, in what is read and in what is held ready."""
        for view in (self._view, self._candidate.view if self._candidate is not None else None):
            if view is None:
                continue
            if isinstance(event, ItemChange):
                view.picture.catalogue.acknowledged(event)
            else:
                view.histories.acknowledged(event)

    async def run(self) -> None:
        """Follow until cancelled. Lives through every ``Unavailable``: the old picture stands meanwhile."""
        backoff_s = 0.1
        try:
            while True:
                try:
                    if self._view is not None:
                        self._view.picture.catalogue.at(self._clock.now_ms())
                    if self._tables is None or self._clock.monotonic() >= self._look_again:
                        await self._look()
                    if self._tables is not None and self._view is not None:
                        await self._follow(self._tables, self._view)
                    waits_for = "no generation of features yet: no worker has started"
                    self._trouble = None if self._tables is not None else waits_for
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
                    self._tables = None
                if self._view is not None:
                    telemetry.SNAPSHOT_AGE.set(self.age_ms or 0)
                    telemetry.ATTRIBUTES_LEFT_OUT.set(len(self._view.picture.catalogue.attributes.left_out))
        finally:
            self._let_go()

    async def _look(self) -> None:
        """Swap to the live generation, loaded aside unless it is held ready already; hold the candidate."""
        wanted = await self._generations.look(self._held())
        waits_s = LOOK_S if wanted.candidate is None else LOOK_BEFORE_FLIP_S
        live = wanted.live
        if live is not None and (self._tables is None or self._tables.generation != live.generation):
            ready = self._candidate.view if self._candidate is not None and self._candidate.ready else None
            if self._tables is not None and ready is not None and ready.picture.generation == live.generation:
                self._view = ready
                self._measure(ready.picture)
            else:
                self._view = await self.load(live)
                self._measure(self._view.picture)
            self._view.picture.moved_s = self._clock.monotonic()
            if self._view is not ready:
                await asyncio.to_thread(heap.give_back)
            telemetry.log.info("generation_read", generation=live.generation)
            waits_s = 0.0  # whoever flips waits to hear of it
        self._tables = live
        candidate = wanted.candidate
        if self._candidate is not None and (candidate is None or candidate.generation != self._candidate.tables.generation):
            self._let_go()
        if candidate is not None and live is not None and self._candidate is None:
            self._candidate = _Candidate(candidate)
            self._candidate.task = asyncio.create_task(self._hold_ready(self._candidate))
        if self._candidate is not None and self._candidate.task is not None and self._candidate.task.done():
            self._candidate.task.result()  # it ends by a bug only
        self._look_again = self._clock.monotonic() + waits_s

    def _held(self) -> Held:
        if self._view is None:
            return Held()
        picture = self._view.picture
        candidate = self._candidate
        ready = candidate.tables.generation if candidate is not None and candidate.ready else None
        moved_ago_s = self._clock.monotonic() - picture.moved_s
        return Held(picture.generation, ready, picture.as_of_ms, picture.version, moved_ago_s)

    def _let_go(self) -> None:
        candidate, self._candidate = self._candidate, None
        if candidate is not None and candidate.task is not None:
            candidate.task.cancel()

    async def _hold_ready(self, candidate: _Candidate) -> None:
        """Load the candidate, warm the histories that the live one holds, and follow it until it is let go of."""
        while True:
            try:
                if candidate.view is None:
                    candidate.view = await self.load(candidate.tables)
                    await asyncio.to_thread(heap.give_back)
                    await self._warm(candidate.view.histories)
                await self._follow(candidate.tables, candidate.view, seen=False)
                candidate.ready = True
                await asyncio.sleep(self._settings.poll_ms / 1000)
            except Unavailable as error:
                candidate.ready = False
                telemetry.log.warning("candidate_waits", generation=candidate.tables.generation, reason=str(error))
                await asyncio.sleep(LONGEST_BACKOFF_S)
            except _Behind:
                candidate.ready, candidate.view = False, None

    async def _warm(self, histories: Histories) -> None:
        """Read the histories of the users that are held, so that the flip brings no wave of queries."""
        users = self._view.histories.users() if self._view is not None else []
        for start in range(0, len(users), WARMED_AT_ONCE):
            began = self._clock.monotonic()
            await histories.warm(users[start : start + WARMED_AT_ONCE])
            await asyncio.sleep(self._clock.monotonic() - began)

    async def load(self, tables: Tables) -> View:
        """Return a new view of these tables, with what is pending in the present one. Raises ``Unavailable``."""
        picture = Picture(
            tables.generation,
            tables.rules,
            most_neighbours=self._settings.neighbours,
            unknown_shown=self._settings.unknown_items,
            content=self._settings.content,
        )
        picture.as_of_ms = self._clock.now_ms()
        async with tables.reading() as reading:
            async for items in reading.items():
                picture.put_items(items)
                await asyncio.sleep(0)

            async def take(pairs: Pairs) -> None:
                picture.links.merge(*pairs)
                await asyncio.sleep(0)

            await reading.pairs(take)
            async for entries in reading.catalogue():
                for start in range(0, len(entries), ITEMS_AT_ONCE):
                    picture.catalogue.put(entries[start : start + ITEMS_AT_ONCE])
                    await asyncio.sleep(0)
            picture.links.tighten()
            picture.version = dict(reading.standing.next_change)
            picture.newest_ts_ms = reading.standing.newest_ts_ms
        histories = Histories(
            tables.histories, picture.numbers, size=tables.rules.settings.history_size, most=self._settings.cached_users
        )
        if self._view is not None:
            histories.inherit(self._view.histories)
            for change in self._view.picture.catalogue.pending():
                picture.catalogue.acknowledged(change)
        else:
            for session_id, user_id in await tables.sessions(self._settings.cached_users):
                histories.sessions.note(session_id, user_id)
        picture.catalogue.at(self._clock.now_ms())
        telemetry.SNAPSHOT_RELOADS.inc()
        telemetry.log.info("snapshot_loaded", generation=tables.generation, items=len(picture), pairs=picture.pairs)
        return View(picture, histories)

    async def _follow(self, tables: Tables, view: View, *, seen: bool = True) -> None:
        """Bring the picture to where the tables stand now; only what is ``seen`` by readers is measured.

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
                self._apply(view, changes, seen=seen)
                picture.version[partition] = number + 1
                picture.moved_s = self._clock.monotonic()
                # Requests are answered between two batches, not after all of them.
                await asyncio.sleep(0)
            if not found:
                raise _Behind
            if seen:
                self._measure(picture)
        picture.as_of_ms = asked_ms

    def _apply(self, view: View, changes: Changes, *, seen: bool) -> None:
        view.picture.apply(changes)
        view.histories.apply(changes.histories)
        if not seen:
            return
        now_ms = self._clock.now_ms()
        for received_ms in changes.received_ms:
            telemetry.EVENT_TO_VISIBLE.observe(max(0, now_ms - received_ms))

    @staticmethod
    def _measure(picture: Picture) -> None:
        telemetry.SNAPSHOT_GENERATION.set(picture.generation)
        telemetry.SNAPSHOT_ITEMS.set(len(picture))
        telemetry.SNAPSHOT_PAIRS.set(picture.pairs)
