"""Users' histories in memory: a bounded LRU over the tables, current by the changelog, ahead of it by what we acknowledged.

A miss is one point query; misses of the same moment share it. What this replica has just acknowledged for a user is pending
until the changelog brings it, and stands in that user's very next answer here.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from headrace import telemetry
from headrace.errors import Unavailable
from headrace.events.types import Event, Impression
from headrace.features import history
from headrace.features.changes import HistoryState
from headrace.features.history import Entry, History
from headrace.snapshot.sessions import Sessions

MOST_PENDING: Final = 50
"""Acknowledged events of one user that wait for the changelog; beyond it the oldest are left to the changelog alone."""

LOAD_TIMEOUT_S: Final = 0.25

Load = Callable[[Collection[str]], Awaitable[list[HistoryState]]]


@dataclass(slots=True)
class _Held:
    stored: History | None = None
    applied: int = -1
    pending: list[Entry] = field(default_factory=list)
    merged: History | None = None


class Histories:
    """The histories of the users asked for lately; ``size`` entries each, at most ``most`` users."""

    def __init__(self, load: Load, *, size: int, most: int) -> None:
        self._load = load
        self._size = size
        self._most = most
        self.sessions = Sessions(most=most)
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._missing: dict[str, asyncio.Future[History]] = {}
        self._loading: dict[str, HistoryState | None] = {}
        """Users whose histories are being read, each with what the changelog said of them meanwhile."""
        self._loader: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return how many users are held."""
        return len(self._held)

    def held(self, user_id: str) -> History | None:
        """Return the user's history if it is in memory, oldest first; None on a miss. Never waits."""
        held = self._held.get(user_id)
        if held is None or held.stored is None:
            return None
        self._held.move_to_end(user_id)
        return self._merge(held)

    async def of(self, user_id: str) -> History:
        """Return the user's history, oldest first; on a miss after one query shared with other misses.

        Where the tables are away or slow, what memory has is returned: the pending events, or nothing.
        """
        found = self.held(user_id)
        if found is not None:
            return found
        try:
            return await asyncio.wait_for(asyncio.shield(self._ask(user_id)), LOAD_TIMEOUT_S)
        except (Unavailable, TimeoutError) as error:
            telemetry.log.debug("history_not_loaded", reason=str(error))
        held = self._held.get(user_id)
        return self._merge(held) if held is not None else []

    async def of_session(self, session_id: str) -> History:
        """Return the events that name this session, oldest first, of whichever users; none where nobody remembers it."""
        found = [await self.of(user_id) for user_id in self.sessions.users(session_id)]
        entries = [entry for one in found for entry in one if entry.session_id == session_id]
        return sorted(entries, key=lambda entry: entry.ts_ms)[-self._size :]

    def acknowledged(self, event: Event) -> None:
        """Note an event that this replica's door has just acknowledged."""
        if isinstance(event, Impression):
            return
        if event.session_id is not None:
            self.sessions.note(event.session_id, event.user_id)
        held = self._place(event.user_id)
        entry = history.entry_of(event)
        known = held.stored or ()
        if any(other.event_id == entry.event_id for other in (*known, *held.pending)):
            return
        held.pending = [*held.pending, entry][-MOST_PENDING:]
        held.merged = None

    def inherit(self, other: "Histories") -> None:
        """Take over what another cache still has pending, so that a swap forgets nothing acknowledged."""
        self.sessions = other.sessions
        for user_id, entries in other.pending():
            self._place(user_id).pending = entries

    def pending(self) -> list[tuple[str, list[Entry]]]:
        """Return, per user, the acknowledged events that the changelog has not brought yet."""
        return [(user_id, list(held.pending)) for user_id, held in self._held.items() if held.pending]

    def apply(self, states: Collection[HistoryState]) -> None:
        """Take in what the changelog says of users that are held; others are read when they are asked for."""
        for state in states:
            if state.user_id in self._loading:
                self._loading[state.user_id] = state
            held = self._held.get(state.user_id)
            if held is not None:
                self._store(held, state)
            newest = history.decode(state.entries)[-1:]
            if newest and newest[0].session_id is not None:
                self.sessions.note(newest[0].session_id, state.user_id)

    def _place(self, user_id: str) -> _Held:
        held = self._held.get(user_id)
        if held is None:
            held = self._held[user_id] = _Held()
            while len(self._held) > self._most:
                self._held.popitem(last=False)
            telemetry.SNAPSHOT_USERS.set(len(self._held))
        self._held.move_to_end(user_id)
        return held

    def _store(self, held: _Held, state: HistoryState) -> None:
        if state.applied < held.applied:
            return
        held.stored = history.decode(state.entries)
        held.applied = state.applied
        if held.pending:
            known = {entry.event_id for entry in held.stored}
            oldest = held.stored[0].ts_ms if len(held.stored) >= self._size else -1
            held.pending = [entry for entry in held.pending if entry.event_id not in known and entry.ts_ms > oldest]
        held.merged = None

    def _merge(self, held: _Held) -> History:
        if held.merged is None:
            merged: History = held.stored or []
            for entry in held.pending:
                merged = history.insert(merged, entry, self._size)
            held.merged = merged
        return held.merged

    def _ask(self, user_id: str) -> asyncio.Future[History]:
        asked = self._missing.get(user_id)
        if asked is None:
            asked = self._missing[user_id] = asyncio.get_running_loop().create_future()
            if self._loader is None:
                self._loader = asyncio.create_task(self._load_missing())
        return asked

    async def _load_missing(self) -> None:
        try:
            while self._missing:
                asked, self._missing = self._missing, {}
                self._loading = dict.fromkeys(asked)
                try:
                    found = {state.user_id: state for state in await self._load(list(asked))}
                except BaseException as error:
                    _fail(asked.values(), error)
                    if not isinstance(error, Unavailable):
                        raise
                else:
                    for user_id, future in asked.items():
                        held = self._place(user_id)
                        self._store(held, found.get(user_id) or HistoryState(user_id, -1, "[]"))
                        if (news := self._loading[user_id]) is not None:
                            self._store(held, news)
                        if not future.done():
                            # Whole, not by way of memory: so many users may have been asked for that this one is let go of.
                            future.set_result(self._merge(held))
                finally:
                    self._loading = {}
        finally:
            self._loader = None


def _fail(asked: Iterable[asyncio.Future[History]], error: BaseException) -> None:
    for future in asked:
        if not future.done():
            future.set_exception(error)
            future.exception()  # nobody may be waiting any more
