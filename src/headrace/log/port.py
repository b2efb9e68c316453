"""What a log promises, whichever keeps it: the embedded Postgres or Kafka.

Each topic has the same number of partitions. Offsets in a (topic, partition) are contiguous from 0 and become readable in
order: whoever has read up to offset n has seen every record below n. A position is the next offset to read.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

from headrace.errors import Poison


class Topic(StrEnum):
    """The kinds of record; their outward names are settings. The order is that of stored positions: append only."""

    INTERACTION = "interaction"
    WATCH = "watch"
    IMPRESSION = "impression"
    CATALOGUE = "catalogue"


TOPICS: Final = tuple(Topic)
OUTWARD: Final = {
    Topic.INTERACTION: "reco_interaction",
    Topic.WATCH: "reco_watch",
    Topic.IMPRESSION: "reco_impression",
    Topic.CATALOGUE: "reco_catalogue",
}
"""What the topics are called outwardly where the settings say nothing else."""

TOPIC_NUMBER: Final = {topic: number for number, topic in enumerate(TOPICS)}


LARGEST_READ_BYTES: Final = 8 * 1024 * 1024
"""How many bytes of records one read hands over, so that a backlog of large records does not fill a worker's memory."""


class Verdict(StrEnum):
    """What became of an appended event: taken, known already, or known with another payload."""

    OK = "ok"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


class NewRecord(NamedTuple):
    """A record to append. ``id_hash`` and ``payload_hash`` (16 bytes each) tell duplicates from conflicts.

    ``kept`` says that the id must be remembered for good: an import older than the age the door admits.
    """

    topic: Topic
    key: str
    value: bytes
    timestamp_ms: int
    id_hash: bytes
    payload_hash: bytes
    kept: bool = False


class StoredRecord(NamedTuple):
    """A record as read back; ``timestamp_ms`` is when it was appended.

    ``logged_at`` is the offset it had in its log, where it is read from an archive, which has an order of its own.
    """

    topic: Topic
    partition: int
    offset: int
    key: str | None
    value: bytes
    timestamp_ms: int
    logged_at: int | None = None

    @property
    def place(self) -> int:
        """Return the offset that it has or had in its log."""
        return self.offset if self.logged_at is None else self.logged_at


class PartitionsDiffer(Exception):
    """The log has another number of partitions than is asked for; the message says what to set or to run."""


class Misplaced(Exception):
    """A position behind the end of the log, which was made anew or lost its tail; waiting there would be for ever."""


class Reader(Protocol):
    """Read records by position."""

    def name(self, topic: Topic) -> str:
        """Return what a topic is called outwardly: in metrics, dead letters and pages."""
        ...

    async def read(self, partition: int, positions: Mapping[Topic, int], *, limit: int) -> list[StoredRecord]:
        """Return at most ``limit`` records a topic from these positions on; empty where there is nothing new.

        Within a topic the records ascend by offset, and are contiguous as far as the log has them: a hole is one that the log
        itself has (retention; on Kafka also what other producers' transactions leave), once a second read has shown it again.
        Of each topic come no more bytes than its equal share of ``LARGEST_READ_BYTES``, but at least the next record.
        Never waits for records to come. Raises ``Unavailable``, and ``Misplaced`` for a position behind the end.
        """
        ...


class Log(Reader, Protocol):
    """Append records, read them back by position."""

    @property
    def identity(self) -> str:
        """Return which log this is: positions mean nothing in another one. Raises ``Unavailable`` where it is not known yet."""
        ...

    @property
    def partitions(self) -> int:
        """Return how many partitions every topic has."""
        ...

    async def append(self, records: Sequence[NewRecord], *, atomic: bool) -> list[Verdict]:
        """Append durably and return one verdict a record, in order.

        When this returns, every ``OK`` record survives any crash. A duplicate or conflict is not appended. With ``atomic``,
        one conflict keeps the whole call from being appended: the others then read ``OK`` but are not stored.
        Raises ``Unavailable``; the caller then knows nothing of the outcome and may send the same records again.

        What this instance has acknowledged lately it knows. What another took at the same moment the embedded log knows as
        well; on Kafka both may say ``OK`` and store it, and the stream, which remembers all ids, counts it once.
        """
        ...

    async def append_each(self, records: Sequence[NewRecord]) -> list[Verdict | Poison]:
        """Append records that have nothing to do with each other, and return what became of each, in order.

        One that the store refuses has its ``Poison`` there, and keeps none of the others from its place. Otherwise as
        ``append`` without ``atomic``, also in that it raises ``Unavailable``; some may be stored then.
        """
        ...

    async def has_news(self, positions: Mapping[int, Mapping[Topic, int]]) -> set[int]:
        """Return the partitions that may have records at or behind these positions; cheap, for asking many times a second.

        A partition named without need costs a ``read``; one that has news is named soon. Raises ``Unavailable``.
        """
        ...

    async def ends(self) -> dict[tuple[Topic, int], int]:
        """Return the position behind the last record of every topic and partition. Raises ``Unavailable``."""
        ...

    async def begins(self) -> dict[tuple[Topic, int], int]:
        """Return the oldest position still kept of every topic and partition. Raises ``Unavailable``."""
        ...

    async def close(self) -> None:
        """Finish what was accepted and let go of all resources. Idempotent."""
        ...


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a user or item: our own hash, the same in every client and for every topic."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") % partitions
