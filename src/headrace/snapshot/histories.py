"""Users' histories in memory: a bounded LRU over the tables, current by the changelog, ahead of it by what we acknowledged.

A miss is one point query; misses of the same moment share it. What this replica has just acknowledged for a user is pending
until the changelog brings it, and stands in that user's very next answer here.
"""

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable
from operator import attrgetter
from typing import Final

from headrace import telemetry
from headrace.errors import Poison, Unavailable
from headrace.events.types import Impression, UserEvent
from headrace.features import history
from headrace.features.changes import HistoryState
from headrace.features.history import Entry
from headrace.snapshot import packed
from headrace.snapshot.packed import UNREAD, Remembered
from headrace.snapshot.sessions import Sessions

MOST_PENDING: Final = 50
"""Acknowledged events of one user that wait for the changelog; beyond it the oldest are left to the changelog alone."""

LOAD_TIMEOUT_S: Final = 0.25

_LARGEST: Final = 2**31 - 2
_when: Final = attrgetter("ts_ms")

Load = Callable[[Collection[str]], Awaitable[list[HistoryState]]]


class Histories:
    """The histories of the users asked for lately; ``size`` entries each, at most ``most`` users.

    ``numbers`` are the picture's: what is held of a user names items by them.
    """

    def __init__(self, load: Load, numbers: dict[str, int], *, size: int, most: int) -> None:
        self._load = load
        self._numbers = numbers
        self._size = size
        self._most = most
        self.sessions = Sessions(most=most)
        self._held: OrderedDict[str, bytes] = OrderedDict()
        """Packed histories, the least recently used first; ``UNREAD`` for a user of whom only pending events are known."""
        self._pending: dict[str, list[Entry]] = {}
        self._missing: dict[str, asyncio.Future[Remembered]] = {}
        self._loading: dict[str, HistoryState | None] = {}
        """Users whose histories are being read, each with what the changelog said of them meanwhile."""
        self._loader: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return how many users are held."""
        return len(self._held)

    def users(self) -> list[str]:
        """Return the users that are held, the one asked for least lately first."""
        return list(self._held)

    def held(self, user_id: str) -> Remembered | None:
        """Return what is remembered of the user if it is in memory; None on a miss. Never waits."""
        stored = self._held.get(user_id)
        if not stored:
            return None
        self._held.move_to_end(user_id)
        return self._merged(user_id, stored)

    async def of(self, user_id: str) -> Remembered:
        """Return what is remembered of the user; on a miss after one query shared with other misses.

        Where the tables are away or slow, what memory has is returned: the pending events, or nothing.
        """
        found = self.held(user_id)
        if found is not None:
            return found
        try:
            return await asyncio.wait_for(asyncio.shield(self._ask(user_id)), LOAD_TIMEOUT_S)
        except (Unavailable, TimeoutError) as error:
            telemetry.log.debug("history_not_loaded", reason=str(error))
        return self._merged(user_id, self._held.get(user_id, UNREAD))

    async def warm(self, users: Collection[str]) -> None:
        """Read what is remembered of these users ahead of time; what cannot be read now is read when it is asked for."""
        asked = [self._ask(user_id) for user_id in users if not self._held.get(user_id)]
        if asked:
            await asyncio.wait(asked)  # leaves the reading itself alone when it is cancelled: others may wait for it too

    async def of_session(self, session_id: str) -> Remembered:
        """Return the events that name this session, of whichever users; none where nobody remembers it."""
        session = packed.key(session_id)
        found = [await self.of(user_id) for user_id in self.sessions.users(session_id)]
        steps = [step for one in found for step in one.steps() if step.session == session]
        return packed.last(sorted(steps, key=_when), self._size)

    def acknowledged(self, event: UserEvent) -> None:
        """Note an event that this replica's door has just acknowledged."""
        if isinstance(event, Impression):
            return
        if event.session_id is not None:
            self.sessions.note(event.session_id, event.user_id)
        stored = self._place(event.user_id)
        entry = history.entry_of(event)
        waiting = self._pending.get(event.user_id, [])
        if any(other.event_id == entry.event_id for other in waiting):
            return
        if packed.holds(stored, packed.key(entry.event_id)):
            return
        self._pending[event.user_id] = [*waiting, entry][-MOST_PENDING:]

    def inherit(self, other: "Histories") -> None:
        """Take over what another cache still has pending, so that a swap forgets nothing acknowledged."""
        self.sessions = other.sessions
        for user_id, entries in other.pending():
            self._place(user_id)
            self._pending[user_id] = entries

    def pending(self) -> list[tuple[str, list[Entry]]]:
        """Return, per user, the acknowledged events that the changelog has not brought yet."""
        return [(user_id, list(entries)) for user_id, entries in self._pending.items()]

    def waiting(self, user_id: str) -> list[Entry]:
        """Return those of one user."""
        return list(self._pending.get(user_id, ()))

    def apply(self, states: Collection[HistoryState]) -> None:
        """Take in what the changelog says of users that are held; others are read when they are asked for."""
        for state in states:
            if state.user_id in self._loading:
                self._loading[state.user_id] = state
            newest = self._store(state) if state.user_id in self._held else history.newest(state.entries)
            if newest is not None and newest.session_id is not None:
                self.sessions.note(newest.session_id, state.user_id)

    def _place(self, user_id: str) -> bytes:
        """Make the user the one most recently used, in the place of the least, and return what is held of them."""
        stored = self._held.get(user_id)
        if stored is not None:
            self._held.move_to_end(user_id)
            return stored
        self._held[user_id] = UNREAD
        while len(self._held) > self._most:
            gone, _ = self._held.popitem(last=False)
            self._pending.pop(gone, None)
        telemetry.SNAPSHOT_USERS.set(len(self._held))
        return UNREAD

    def _store(self, state: HistoryState) -> Entry | None:
        """Hold a state that is no older than what is held, and return its newest entry."""
        user_id = state.user_id
        entries = history.decode(state.entries)
        newest = entries[-1] if entries else None
        if state.applied < packed.applied(self._held[user_id]):
            return newest
        self._held[user_id] = packed.packed_entries(entries, self._number_of, state.applied)
        waiting = self._pending.pop(user_id, None)
        if waiting:
            known = {entry.event_id for entry in entries}
            oldest = entries[0].ts_ms if len(entries) >= self._size else -1
            waiting = [entry for entry in waiting if entry.event_id not in known and entry.ts_ms > oldest]
            if waiting:
                self._pending[user_id] = waiting
        return newest

    def _merged(self, user_id: str, stored: bytes) -> Remembered:
        waiting = self._pending.get(user_id)
        if not waiting:
            return packed.remembered(stored) if stored else packed.last([], self._size)
        steps = packed.steps(stored)
        for entry in waiting:
            steps.insert(bisect_right(steps, entry.ts_ms, key=_when), packed.step_of(entry, self._number_of))
            del steps[: -self._size]
        return packed.last(steps, self._size)

    def _number_of(self, item_id: str) -> int:
        """Return the picture's number of an item; for one that it does not know yet one below 0, of its own."""
        number = self._numbers.get(item_id)
        return number if number is not None else -1 - (hash(item_id) & _LARGEST)

    def _ask(self, user_id: str) -> asyncio.Future[Remembered]:
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
                    found, guilty = await self._read(list(asked))
                except Unavailable as error:
                    _fail(asked.values(), error)
                except BaseException as error:  # a bug of ours, or the end: it ends this one, and whoever waits hears of it
                    _fail(asked.values(), error)
                    raise
                else:
                    for user_id, future in asked.items():
                        if user_id in guilty:
                            _fail([future], guilty[user_id])
                            continue
                        self._place(user_id)
                        self._store(found.get(user_id) or HistoryState(user_id, -1, "[]"))
                        if (news := self._loading[user_id]) is not None:
                            self._store(news)
                        if not future.done():
                            # Whole, not by way of memory: so many users may have been asked for that this one is let go of.
                            future.set_result(self._merged(user_id, self._held[user_id]))
                finally:
                    self._loading = {}
        except asyncio.CancelledError as error:
            _fail(self._missing.values(), error)
            self._missing = {}
            raise
        finally:
            # Whoever asked while a bug of ours ended this one has a loader as well.
            self._loader = asyncio.create_task(self._load_missing()) if self._missing else None

    async def _read(self, users: list[str]) -> tuple[dict[str, HistoryState], dict[str, Poison]]:
        """Return the stored histories, and of users whom no table can hold why: halve until the guilty one stands alone."""
        try:
            return {state.user_id: state for state in await self._load(users)}, {}
        except Poison as poison:
            if len(users) == 1:
                return {}, {users[0]: poison}
        half = len(users) // 2
        found, guilty = await self._read(users[:half])
        more, others = await self._read(users[half:])
        return found | more, guilty | others


def _fail(asked: Iterable[asyncio.Future[Remembered]], error: BaseException) -> None:
    for future in asked:
        if not future.done():
            future.set_exception(error)
            future.exception()  # nobody may be waiting any more
