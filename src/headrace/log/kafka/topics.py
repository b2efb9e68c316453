"""The topics and their cluster: made where they are missing, refused where they do not fit, asked for their ends."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from hashlib import blake2b
from typing import Any, Final, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec, TopicDescription

from headrace import telemetry
from headrace.errors import Unavailable
from headrace.log.kafka.options import Options
from headrace.log.port import PartitionsDiffer

T = TypeVar("T")

LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]

ANSWER_S: Final = 10.0
MADE_WITHIN_S: Final = 30.0
ELECTED_S: Final = 10.0
MOVING: Final = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
}
LARGEST_FOREIGN_RECORD: Final = 2 * 1024 * 1024

Place = tuple[str, int]
"""A topic by its outward name, and a partition."""


class Topics:
    """Asks the cluster about topics. Every method raises ``Unavailable`` where it does not answer within seconds."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._made: AdminClient | None = None

    @property
    def _admin(self) -> AdminClient:
        if self._made is None:
            self._made = AdminClient(self._options)
        return self._made

    async def prepare(
        self, names: Sequence[str], *, partitions: int, same: Sequence[str], replication: int, retention_hours: int
    ) -> str:
        """Make the missing topics and return what the log of ``same`` is called: another one after a topic was made anew.

        Raises ``PartitionsDiffer`` where a topic of ``same`` has another number of partitions.
        """
        async with asyncio.timeout(None) as patience:
            patience.reschedule(asyncio.get_running_loop().time() + MADE_WITHIN_S)
            try:
                found = await self._described(names)
                while missing := [name for name in names if name not in found]:
                    await self._make(missing, partitions, replication, retention_hours)
                    found = await self._described(names)
            except TimeoutError as error:
                raise Unavailable("kafka", f"the topics {', '.join(names)} are not there yet") from error
        counts = {name: len(found[name].partitions) for name in same}
        if set(counts.values()) != {partitions}:
            raise PartitionsDiffer(_told(counts, partitions))
        await self.ends((name, partition) for name in same for partition in range(partitions))  # they have leaders
        cluster = await _answer(self._admin.describe_cluster(request_timeout=ANSWER_S))
        ids = " ".join(str(found[name].topic_id) for name in same)
        return f"kafka {cluster.cluster_id} {blake2b(ids.encode(), digest_size=6).hexdigest()}"

    async def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the position behind the last record that is not in an open transaction."""
        return await self._offsets(dict.fromkeys(places, LATEST))

    async def begins(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the oldest position that is kept."""
        return await self._offsets(dict.fromkeys(places, EARLIEST))

    async def delete(self, names: Sequence[str]) -> list[str]:
        """Delete topics with all their records, for good; return those that were there."""
        there = sorted(await self._described(names))
        for answer in self._admin.delete_topics(there, request_timeout=ANSWER_S).values() if there else ():
            try:
                await asyncio.wrap_future(answer)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise _unavailable(error) from error
        return there

    async def _offsets(self, wanted: Mapping[Place, OffsetSpec]) -> dict[Place, int]:
        if not wanted:
            return {}
        deadline = asyncio.get_running_loop().time() + ELECTED_S
        while True:
            try:
                return await self._asked(wanted)
            except _Moving as moving:
                if asyncio.get_running_loop().time() > deadline:
                    raise Unavailable("kafka", str(moving)) from moving
                self._made = None  # this client asks by the leaders it once knew, and does not look again
                await asyncio.sleep(0.1)

    async def _asked(self, wanted: Mapping[Place, OffsetSpec]) -> dict[Place, int]:
        asked = {TopicPartition(topic, partition): spec for (topic, partition), spec in wanted.items()}
        try:
            answers = self._admin.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_S)
        except KafkaException as error:
            raise _unavailable(error) from error
        found = await asyncio.gather(*(_answer(answer) for answer in answers.values()))
        if any(one.offset < 0 for one in found):
            # A broker that hangs: the client gives up on it without an error, and with its number for no offset.
            raise Unavailable("kafka", "no answer about where its topics end")
        return {(place.topic, place.partition): one.offset for place, one in zip(answers, found, strict=True)}

    async def _described(self, names: Sequence[str]) -> dict[str, TopicDescription]:
        answers = self._admin.describe_topics(TopicCollection(list(names)), request_timeout=ANSWER_S)
        found = {}
        for name, answer in answers.items():
            try:
                found[name] = await asyncio.wrap_future(answer)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise _unavailable(error) from error
        return found

    async def _make(self, names: Sequence[str], partitions: int, replication: int, retention_hours: int) -> None:
        config = {
            "cleanup.policy": "delete",
            "retention.ms": str(retention_hours * 3_600_000),
            # Retention must go by when a record came, not by what a producer says of its time.
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(LARGEST_FOREIGN_RECORD),
        }
        telemetry.log.info("topics_made", topics=list(names), partitions=partitions, replication=replication or "the broker's")
        topics = [
            NewTopic(name, num_partitions=partitions, replication_factor=replication or -1, config=config) for name in names
        ]
        for answer in self._admin.create_topics(topics, request_timeout=ANSWER_S).values():
            try:
                await asyncio.wrap_future(answer)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise _unavailable(error) from error
        await asyncio.sleep(0.05)


class _Moving(Exception):
    """A partition has no leader at this moment: it was just made, or is changing hands."""


def _told(counts: Mapping[str, int], asked: int) -> str:
    told = ", ".join(f"{name} has {count}" for name, count in counts.items())
    most = max(counts.values())
    mend = []
    for name, count in counts.items():
        if count < max(most, asked) and len(set(counts.values())) > 1:
            mend.append(f"kafka-topics.sh --alter --topic {name} --partitions {most}")
    if len(set(counts.values())) == 1:
        mend.append(f"set HEADRACE_LOG_PARTITIONS={most}")
    elif most != asked:
        mend.append(f"then set HEADRACE_LOG_PARTITIONS={most}")
    moved = "users then belong to other partitions, so give KAFKA_WORKER_GROUP_ID a new name, which builds new features"
    return f"HEADRACE_LOG_PARTITIONS asks for {asked} partitions, but {told}: {'; '.join(mend)} ({moved})"


async def _answer(answer: "Future[Any]") -> Any:  # noqa: ANN401 - what the client's future holds
    try:
        async with asyncio.timeout(ANSWER_S + 1):
            return await asyncio.wrap_future(answer)
    except KafkaException as error:
        if error.args[0].code() in MOVING:
            raise _Moving(error.args[0].str()) from error
        raise _unavailable(error) from error
    except TimeoutError as error:
        raise Unavailable("kafka", "no answer") from error


def _unavailable(error: KafkaException) -> Unavailable:
    return Unavailable("kafka", error.args[0].str())
