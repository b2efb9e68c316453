"""What features want written: a few kinds of addition, summed up by key, so that a batch touches each row once."""

from dataclasses import dataclass, field
from typing import Final

from headrace.events.items import Item
from headrace.features.history import History

HOUR_MS: Final = 3_600_000


@dataclass(slots=True)
class ItemSum:
    """What is added to an item: events counted, their weight, the weight forward-decayed, and decayed visits."""

    events: int = 0
    weight: int = 0
    decayed: float = 0.0
    visits: float = 0.0


@dataclass(slots=True)
class PairSum:
    """What is added to an unordered pair (low, high): meetings counted, and the decayed strength of each direction."""

    meetings: int = 0
    low_to_high: float = 0.0
    high_to_low: float = 0.0


@dataclass(slots=True)
class HourSum:
    """What is added to an hour's outcomes: see ``features.outcomes``."""

    requests: int = 0
    shown: int = 0
    followed: int = 0
    watches: int = 0
    watch_seconds: float = 0.0


Pair = tuple[str, str]
FollowUp = tuple[str, str, str]
"""(request_id, user_id, item_id): an act of this user on this item that names the request."""


@dataclass(slots=True)
class Writes:
    """Additions of a whole batch, pre-aggregated by key; histories are whole, because their owner is alone with them."""

    items: dict[str, ItemSum] = field(default_factory=dict)
    pairs: dict[Pair, PairSum] = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)
    hours: dict[int, HourSum] = field(default_factory=dict)
    shown_days: set[tuple[int, str]] = field(default_factory=set)
    catalogue: dict[str, list[tuple[str, Item | None]]] = field(default_factory=dict)
    """By item, after each change (named by its event_id) what it is: the last is what stays."""

    def item(self, item_id: str) -> ItemSum:
        """Return the sum of an item, made on first use."""
        found = self.items.get(item_id)
        if found is None:
            found = self.items[item_id] = ItemSum()
        return found

    def pair(self, source: str, target: str, forward: float, backward: float) -> None:
        """Add one meeting: ``forward`` to source -> target and ``backward`` to target -> source."""
        if source < target:
            key = (source, target)
        else:
            key = (target, source)
            forward, backward = backward, forward
        found = self.pairs.get(key)
        if found is None:
            self.pairs[key] = PairSum(1, forward, backward)
            return
        found.meetings += 1
        found.low_to_high += forward
        found.high_to_low += backward

    def hour(self, ts_ms: int) -> HourSum:
        """Return the sum of the hour that holds this time, made on first use."""
        number = ts_ms // HOUR_MS
        found = self.hours.get(number)
        if found is None:
            found = self.hours[number] = HourSum()
        return found
