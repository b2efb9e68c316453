"""What the client was told of every event it sent: the one thing the oracle holds the product to."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256

from headrace.log.port import OUTWARD, Topic


class Told(IntEnum):
    """What the client heard of an event: a 4xx, nothing certain (5xx, reset, timeout), or a 2xx. The higher one stands."""

    REFUSED = 0
    UNKNOWN = 1
    OK = 2


@dataclass(slots=True)
class Journal:
    """Events by id, with what was told of them and the item they name; and the poison that was planted behind the door."""

    told: dict[str, Told] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)
    conflicting: set[str] = field(default_factory=set)
    """Items that only a second, other payload of a known id has named: none of them may count."""

    poison: Counter[tuple[Topic, bytes]] = field(default_factory=Counter)
    """Planted poison: topic and SHA-256 of the value."""

    names: Mapping[Topic, str] = field(default_factory=lambda: OUTWARD)
    """What the topics are called outwardly."""

    acknowledged: int = 0

    def note(self, event_id: str, item: str, told: Told) -> None:
        """Take down what was told. A refusal after an uncertain answer leaves it uncertain: the first send may have counted."""
        before = self.told.get(event_id)
        if before is None or told > before:
            self.acknowledged += told is Told.OK
            self.told[event_id] = told
            self.items[event_id] = item

    def plant(self, topic: Topic, value: bytes) -> None:
        """Take down a poisonous record that went into the log behind the door's back."""
        self.poison[topic, sha256(value).digest()] += 1

    def count(self, told: Told) -> int:
        """Return how many events this was told of."""
        return sum(one is told for one in self.told.values())

    @property
    def unknown(self) -> int:
        """Return of how many events nothing certain was heard to the end."""
        return self.count(Told.UNKNOWN)
