"""Where two ways of answering differ: the same users' lists side by side, and which items gain or lose places."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

PERSISTENCE: Final = 0.9
"""The patience of rank-biased overlap's reader, who goes on to the next place with this probability."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One user's lists, before and after, best first."""

    user_id: str
    before: list[str]
    after: list[str]
    overlap: float


@dataclass(frozen=True, slots=True)
class Moved:
    """An item, and in how many of the lists it stood before and after."""

    item_id: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How two sets of lists differ: shares and means over users, the users that changed most, items that gained and lost."""

    users: int
    equal: float
    overlap: float
    rank_biased_overlap: float
    changed: list[Changed] = field(default_factory=list)
    gained: list[Moved] = field(default_factory=list)
    lost: list[Moved] = field(default_factory=list)


def difference(lists: Sequence[tuple[str, list[str], list[str]]], *, most: int) -> Difference:
    """Return how (user, before, after) differ, with at most ``most`` users and items named each way."""
    rows = [Changed(user, before, after, overlap(before, after)) for user, before, after in lists]
    by_rank = [rank_biased_overlap(row.before, row.after) for row in rows]
    was = Counter(item for row in rows for item in row.before)
    now = Counter(item for row in rows for item in row.after)
    items = [Moved(item, was[item], now[item]) for item in was | now]
    moved = sorted(items, key=lambda one: (one.after - one.before, one.item_id))
    users = len(rows)
    return Difference(
        users=users,
        equal=sum(row.before == row.after for row in rows) / users if users else 1.0,
        overlap=sum(row.overlap for row in rows) / users if users else 1.0,
        rank_biased_overlap=sum(by_rank) / users if users else 1.0,
        changed=sorted((row for row in rows if row.before != row.after), key=lambda row: row.overlap)[:most],
        gained=[one for one in reversed(moved) if one.after > one.before][:most],
        lost=[one for one in moved if one.after < one.before][:most],
    )


def overlap(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the share of the longer list that both have; 1 where both are empty."""
    longer = max(len(one), len(other))
    return len(set(one) & set(other)) / longer if longer else 1.0


def rank_biased_overlap(one: Sequence[str], other: Sequence[str], persistence: float = PERSISTENCE) -> float:
    """Return the extrapolated rank-biased overlap (Webber, Moffat, Zobel 2010, RBO_EXT) to the depth of the longer list.

    1 where the lists are equal, 0 where they share nothing; the first places count most.
    """
    depth = max(len(one), len(other))
    if not depth:
        return 1.0
    seen_one: set[str] = set()
    seen_other: set[str] = set()
    total = agreement = 0.0
    for place in range(depth):
        seen_one.update(one[place : place + 1])
        seen_other.update(other[place : place + 1])
        agreement = len(seen_one & seen_other) / (place + 1)
        total += agreement * persistence ** (place + 1)
    return agreement * persistence**depth + (1 - persistence) / persistence * total
