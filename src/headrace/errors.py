"""The three errors that change behaviour; anything else is a bug and stops the process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One offending field: its path (``items[2].position``; empty for the whole body) and what is wrong with it."""

    path: str
    message: str


class Rejected(Exception):
    """The client's mistake: answered with a 4xx, never retried, nothing stored.

    ``status`` is the HTTP status, ``title`` a fixed sentence for the kind of mistake, ``violations`` every offending field.
    """

    def __init__(self, status: int, title: str, violations: tuple[Violation, ...] = ()) -> None:
        detail = "; ".join(f"{v.path}: {v.message}" if v.path else v.message for v in violations)
        super().__init__(f"{title}: {detail}" if detail else title)
        self.status = status
        self.title = title
        self.violations = violations


class Poison(Exception):
    """A record that can never be applied: dead-lettered alone, its neighbours count.

    ``error_type`` is a short stable name (``bad_json``, ``id_conflict``) that dead letters are grouped by.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class Unavailable(Exception):
    """Something we depend on is away or refuses for now: back off and retry, answer 503, never blame the data.

    ``what`` names the part (``postgres``, ``kafka``), ``retry_after_s`` is a fair wait in seconds.
    """

    def __init__(self, what: str, reason: str, *, retry_after_s: int = 1) -> None:
        super().__init__(f"{what} is unavailable: {reason}")
        self.what = what
        self.retry_after_s = retry_after_s
