"""Where Postgres is and how many connections it is given."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The one database of a deployment."""

    url: str | None = None
    """A ``postgresql://`` URL; None until the embedded Postgres has started and its URL is filled in."""

    pool_min: int = 1
    """How many connections a process keeps open."""

    pool_max: int = 10
    """How many connections a process opens at most."""
