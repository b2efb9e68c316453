"""Postgres' errors, told apart by what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from headrace.errors import Poison, Unavailable

_OF_THE_INFRASTRUCTURE: Final = frozenset({"08", "25", "40", "53", "55", "57", "58", "XX"})
"""Connection, transaction state, rollback (deadlock), resources, locks, operator, system, internal."""

_OF_THE_DATA: Final = frozenset({"22", "23", "54"})
"""Data exception, integrity violation, a limit of the program (a key too long for its index)."""

_OF_THE_WAY_IN: Final = frozenset({"28", "3D"})
"""Who may come in, and to which database: an operator's to mend, while we wait."""

_OF_RIGHTS: Final = frozenset({"42501", "42704"})
"""Insufficient privilege; a server setting in the address that does not exist."""

_BROKEN: Final = (asyncpg.InternalClientError, asyncpg.PostgresConnectionError, OSError)


@contextmanager
def told_apart() -> Iterator[None]:
    """Turn a driver's error into ``Unavailable`` (retry) or ``Poison`` (a value Postgres refuses); others are bugs."""
    try:
        yield
    except asyncpg.PostgresError as error:
        kind = (error.sqlstate or "")[:2]
        if kind in _OF_THE_INFRASTRUCTURE:
            raise Unavailable("postgres", f"{type(error).__name__}: {error}") from error
        if kind in _OF_THE_DATA:
            raise Poison("refused_by_store", f"{type(error).__name__}: {error}") from error
        if kind in _OF_THE_WAY_IN or error.sqlstate in _OF_RIGHTS:
            raise Unavailable("postgres", f"{type(error).__name__}: {error}") from error
        raise
    except (OSError, TimeoutError) as error:
        raise Unavailable("postgres", f"{type(error).__name__}: {error}") from error
    except asyncpg.InternalClientError as error:
        raise Unavailable("postgres", str(error)) from error
    except asyncpg.InterfaceError as error:
        if isinstance(error, asyncpg.ClientConfigurationError):
            raise Unavailable("postgres", str(error)) from error
        if "clos" not in str(error) and not _follows_a_broken_connection(error):
            raise
        raise Unavailable("postgres", str(error)) from error


def _follows_a_broken_connection(error: BaseException) -> bool:
    """Tell whether the driver complains only because it lost count when the server ended the connection."""
    before = error.__context__
    return before is not None and (isinstance(before, _BROKEN) or _follows_a_broken_connection(before))
