"""Postgres' errors are told apart by what to do next."""

import json
import unittest

import asyncpg

from headrace.errors import Poison, Unavailable
from headrace.store.errors import told_apart
from headrace.store.pool import DRIVERS_POOL


def becomes(error: BaseException) -> type[BaseException]:
    """Return the class that an error leaves as."""
    try:
        with told_apart():
            raise error  # noqa: TRY301 - that is what it is for
    except BaseException as left:  # noqa: BLE001 - its class is the answer
        return type(left)


class ThePool(unittest.TestCase):
    """What the driver's pool says by itself."""

    def test_a_postgres_that_is_away_is_told_in_one_line(self) -> None:
        """The pool tries again by itself; a traceback each time would bury what matters."""
        with self.assertLogs(DRIVERS_POOL) as logs:
            try:
                json.loads("{")
            except ValueError:
                DRIVERS_POOL.warning("Failed to restore the pool connection floor", exc_info=True)
        self.assertNotIn("Traceback", "".join(logs.output))


class ToldApart(unittest.TestCase):
    """Later, never, or a bug."""

    def test_failures_of_the_infrastructure_are_unavailable(self) -> None:
        """Try again later."""
        for error in (
            asyncpg.ConnectionDoesNotExistError("x"),
            asyncpg.DeadlockDetectedError("x"),
            asyncpg.SerializationError("x"),
            asyncpg.DiskFullError("x"),
            asyncpg.TooManyConnectionsError("x"),
            asyncpg.LockNotAvailableError("x"),
            asyncpg.QueryCanceledError("x"),
            asyncpg.AdminShutdownError("x"),
            asyncpg.CannotConnectNowError("x"),
            asyncpg.PostgresIOError("x"),
            asyncpg.InternalServerError("x"),
            asyncpg.IdleInTransactionSessionTimeoutError("x"),
            asyncpg.InvalidCatalogNameError("x"),
            asyncpg.InvalidPasswordError("x"),
            asyncpg.InternalClientError("x"),
            asyncpg.InterfaceError("the underlying connection is closed"),
            ConnectionRefusedError(),
            FileNotFoundError(),
            TimeoutError(),
        ):
            with self.subTest(type(error).__name__):
                self.assertIs(becomes(error), Unavailable)

    def test_values_that_are_refused_are_poison(self) -> None:
        """No retry helps, and other values are unharmed."""
        for error in (
            asyncpg.DataError("x"),
            asyncpg.NumericValueOutOfRangeError("x"),
            asyncpg.CharacterNotInRepertoireError("x"),
            asyncpg.CheckViolationError("x"),
            asyncpg.NotNullViolationError("x"),
            asyncpg.ProgramLimitExceededError("x"),
        ):
            with self.subTest(type(error).__name__):
                self.assertIs(becomes(error), Poison)

    def test_our_own_bugs_stay_what_they_are(self) -> None:
        """A missing table or a wrong statement stops the process."""
        for error in (
            asyncpg.UndefinedTableError("x"),
            asyncpg.PostgresSyntaxError("x"),
            asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
            KeyError("x"),
        ):
            with self.subTest(type(error).__name__):
                self.assertIs(becomes(error), type(error))

    def test_who_may_do_what_is_an_operators_to_mend(self) -> None:
        """A missing right, an unknown user or database: told in one line and tried again, never a traceback."""
        for error in (
            asyncpg.InsufficientPrivilegeError("x"),
            asyncpg.InvalidAuthorizationSpecificationError("x"),
            asyncpg.InvalidCatalogNameError("x"),
        ):
            with self.subTest(type(error).__name__):
                self.assertIs(becomes(error), Unavailable)

    def test_what_the_driver_says_after_it_lost_count_is_unavailable(self) -> None:
        """Rolling back on a connection that the server has ended is no misuse of ours."""
        error = asyncpg.InterfaceError("cannot perform operation: another operation is in progress")
        error.__context__ = asyncpg.InternalClientError("cannot switch to state 21; another operation (2) is in progress")
        self.assertIs(becomes(error), Unavailable)

    def test_ours_pass_through(self) -> None:
        """What was told apart already is not touched."""
        for error in (Poison("bad_json", "x"), Unavailable("log", "x")):
            self.assertIs(becomes(error), type(error))
