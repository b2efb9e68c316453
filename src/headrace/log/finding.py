"""Looks for the record of one event among those that are not applied yet: by reading on, as a worker would."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headrace.events import codec
from headrace.log.port import Log, StoredRecord, Topic

MOST: Final = 20_000
"""Records that are read at most: the rest of a longer backlog is told as not looked at."""

AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found: the record, or how many records it passed without, and how many it left."""

    record: StoredRecord | None
    passed: int
    left: int


async def find(log: Log, event_id: str, positions: Mapping[int, Mapping[Topic, int]], *, most: int = MOST) -> Look:
    """Look for an event's record at or behind these positions, by partition. Raises ``Unavailable`` and ``Misplaced``."""
    ends = await log.ends()
    passed = left = 0
    for partition, standing in positions.items():
        at = dict(standing)
        while behind := {topic: position for topic, position in at.items() if position < ends.get((topic, partition), 0)}:
            if passed >= most:
                left += sum(ends[topic, partition] - position for topic, position in behind.items())
                break
            records = await log.read(partition, behind, limit=min(AT_ONCE, most - passed))
            for record in records:
                if codec.event_id_of(record.value) == event_id:
                    return Look(record, passed, 0)
                at[record.topic] = record.offset + 1
            passed += len(records)
            if not records:
                break  # what else is numbered there, transactions on Kafka, is nobody's record
    return Look(None, passed, left)
