"""How a worker reads, leases and brakes."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How a worker goes through the log."""

    group_id: str = "reco-stream-worker-v1"
    """The worker group: it has its own positions and its own generation of features."""

    auto_offset_reset: Literal["earliest", "latest"] = "earliest"
    """Where a group without positions starts."""

    poll_timeout_ms: int = 1000
    """How long one poll of Kafka may wait for records, in milliseconds."""

    max_poll_records: int = 500
    """How many records of a topic are taken into one transaction at most."""

    lease_ms: int = 5000
    """A worker silent for so many milliseconds has lost its partitions."""

    idle_poll_ms: int = 20
    """How long a worker with nothing to read waits before it looks again, in milliseconds."""

    kept_generation_hours: int = 24
    """So many hours a generation is followed after its readers have left it: the way back."""

    brake_run: int = 100
    """So many poisonous records in a row halt their partition."""

    brake_ratio: float = 0.5
    """A partition halts when more than this share of its last 1000 records was poisonous."""

    niceness: int = 10
    """By so much a worker process gives way to others on its machine: to answering and to the door before all."""
