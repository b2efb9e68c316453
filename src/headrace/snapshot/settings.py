"""How much of the tables is held in memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SnapshotSettings:
    """The picture in memory that requests are answered from."""

    neighbours: int = 200
    """How many of an item's strongest neighbours are kept."""

    cached_users: int = 100_000
    """How many users' histories are kept; the least recently asked for go first."""

    unknown_items: bool = True
    """Whether an item that the catalogue never heard of is shown."""

    content: bool = True
    """Whether what the catalogue says of items is indexed, so that alike ones are found."""

    poll_ms: int = 25
    """How often the changelog is looked at, in milliseconds."""
