"""Whose events a session has: so that a visitor whom nobody knows yet is answered from what they did a moment ago.

Histories are kept by user. A session remembers which users' events named it, learned from what the door acknowledges and from
the changelog. A replica that starts reads the ends of the archives once, as many acts as it may hold users: so the sessions of
before go on, no request waits for a query of its own, and no write pays for an index by session. A session that was silent
for longer than that many acts of all is not found again.
"""

from collections import OrderedDict
from typing import Final

MOST_USERS: Final = 4
"""How many users one session is remembered for; the latest stay."""


class Sessions:
    """The users of the sessions heard of lately, at most ``most`` sessions; a session is held by the hash of its id."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._users: OrderedDict[int, str | tuple[str, ...]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many sessions are remembered."""
        return len(self._users)

    def note(self, session_id: str, user_id: str) -> None:
        """Remember that this user's events name this session."""
        session = hash(session_id)
        known = self._users.get(session)
        if known is None:
            self._users[session] = user_id
            if len(self._users) > self._most:
                self._users.popitem(last=False)
            return
        if known != user_id and user_id not in (users := _several(known)):
            self._users[session] = (*users, user_id)[-MOST_USERS:]
        self._users.move_to_end(session)

    def users(self, session_id: str) -> tuple[str, ...]:
        """Return the users whose events name this session; none for one that nobody remembers."""
        return _several(self._users.get(hash(session_id), ()))


def _several(users: str | tuple[str, ...]) -> tuple[str, ...]:
    return (users,) if isinstance(users, str) else users
