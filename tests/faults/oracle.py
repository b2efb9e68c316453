"""The oracle, the same for every fault: holds log, archive, features and dead letters against the client's journal."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import msgspec

from headrace import wiring
from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.log.port import Log, StoredRecord, Topic
from headrace.store.generations import Generation
from headrace.store.sql import DEFAULT_SPACE, generation_schema
from headrace.wiring.ground import Ground
from tests.faults.journal import Journal, Told

AT_ONCE: Final = 5000
LOOK_S: Final = 0.05
EXAMPLES: Final = 5
NAMED_FIRST: Final = {
    "interactions": "item_id",
    "watches": "item_id",
    "impression_lists": "item_ids[1]",
    "item_changes": "item_id",
}
"""The archives of all kinds of event, with the item that each of their events names first."""

NOTHING_COMES_S: Final = 5.0


class _Identified(msgspec.Struct):
    event_id: str


_decoder: Final = msgspec.json.Decoder(_Identified)


@dataclass(slots=True)
class Judgement:
    """What the oracle found. Lists name event ids, or say what is wrong in words."""

    acknowledged: int = 0
    unknown: int = 0
    refused: int = 0
    counted: int = 0
    dead_letters: int = 0
    lost: list[str] = field(default_factory=list)
    """Acknowledged, and missing in the log or not counted."""

    doubled: list[str] = field(default_factory=list)
    """Counted more than once."""

    intruders: list[str] = field(default_factory=list)
    """Counted although refused, never sent, or with the payload that came second."""

    letters: list[str] = field(default_factory=list)
    """Poison without a dead letter, or dead letters that nobody planted."""

    different: list[str] = field(default_factory=list)
    """Tables that differ from their recomputation, gaps in offsets, records left over."""

    def complaints(self) -> list[str]:
        """Return in a few words everything that is wrong; empty where every promise held."""
        named = {
            "lost": self.lost,
            "doubled": self.doubled,
            "counted and should not": self.intruders,
            "dead letters": self.letters,
            "different": self.different,
        }
        return [f"{what}: {len(wrong)}, such as {wrong[:EXAMPLES]}" for what, wrong in named.items() if wrong]

    @property
    def holds(self) -> bool:
        """Return whether every promise held."""
        return not self.complaints()


async def left(ground: Ground, generation: Generation) -> int:
    """Return how many records wait, as the product counts them: in the log, and on their way into it."""
    return await ground.behind({one.partition: one.positions for one in await ground.operations(generation).partitions()})


async def drained(ground: Ground, generation: Generation, *, within_s: float) -> None:
    """Wait until every record of the log is applied; fail when some are left after a while."""
    operations = ground.operations(generation)
    still: object = "everything"
    try:
        async with asyncio.timeout(within_s):
            while still:
                try:
                    still = await left(ground, generation)
                except Unavailable as error:
                    still = str(error)
                if still:
                    await asyncio.sleep(LOOK_S)
    except TimeoutError:
        halted = {one.partition: one.halted for one in await operations.partitions() if one.halted}
        raise AssertionError(f"not drained within {within_s:g} s: {still} records are left, halted: {halted}") from None


async def judge(settings: Settings, journal: Journal) -> Judgement:
    """Return what is wrong after a drain; all is read from where it is kept, nothing from the processes that wrote it."""
    found = Judgement(journal.count(Told.OK), journal.count(Told.UNKNOWN), journal.count(Told.REFUSED))
    async with wiring.looked_at(settings) as (ground, generation):
        if settings.database.url is None:
            raise ValueError("the oracle needs a database")
        connection = await asyncpg.connect(settings.database.url)
        try:
            schema = generation_schema(DEFAULT_SPACE, generation.number)
            await _archive(connection, schema, journal, found)
            await _letters(connection, schema, journal, found)
        finally:
            await connection.close()
        await _log(ground.log, journal, found)
        await _lag(ground, generation, found)
    async with wiring.verifying(settings) as verifier:
        proof = await verifier.verify(lambda *_: None)
    found.different.extend(f"{one.table}: {one.examples[:2]}" for one in proof.comparisons if one.different)
    return found


async def _archive(connection: asyncpg.Connection, schema: str, journal: Journal, found: Judgement) -> None:
    """Count every event's rows in the archives: none for a refused one, one for an acknowledged one, at most one otherwise."""
    times: Counter[str] = Counter()
    for table, item_of in NAMED_FIRST.items():
        for event_id, item in await connection.fetch(f"SELECT event_id, {item_of} FROM {schema}.{table}"):
            times[event_id] += 1
            if journal.told.get(event_id, Told.REFUSED) is Told.REFUSED:
                found.intruders.append(event_id)
            elif journal.items[event_id] != item:
                found.intruders.append(f"{event_id} with {item} instead of {journal.items[event_id]}")
    found.counted = len(times)
    found.doubled.extend(event_id for event_id, number in times.items() if number > 1)
    found.lost.extend(event_id for event_id, told in journal.told.items() if told is Told.OK and event_id not in times)
    remembered = await connection.fetchval(f"SELECT count(*) FROM {schema}.event_ids")
    if remembered != len(times):
        found.different.append(f"{remembered} ids are remembered and {len(times)} events archived")


async def _letters(connection: asyncpg.Connection, schema: str, journal: Journal, found: Judgement) -> None:
    """Hold that the dead letters are exactly the planted poison, each with the hash of its whole payload and a reason."""
    names = {name: topic for topic, name in journal.names.items()}
    left = Counter(journal.poison)
    rows = await connection.fetch(
        f"SELECT source_topic, source_offset, payload_sha256, error_type, error_message FROM {schema}.dead_letters"
    )
    found.dead_letters = len(rows)
    for topic, offset, digest, kind, message in rows:
        planted = (names.get(topic, Topic.INTERACTION), digest)
        if left[planted] > 0:
            left[planted] -= 1
        else:
            found.letters.append(f"not planted: {topic} {offset} {kind} {message[:80]}")
        if not kind or not message:
            found.letters.append(f"without a reason: {topic} {offset}")
    missing = sum(left.values())
    found.letters.extend([f"{missing} planted without a dead letter"] * (missing > 0))


async def _log(log: Log, journal: Journal, found: Judgement) -> None:
    """Hold that offsets are contiguous from the oldest kept to the end, and that every acknowledged event stands in the log."""
    begins, ends = await log.begins(), await log.ends()
    there: set[str] = set()
    for partition in range(log.partitions):
        positions = {topic: begins[topic, partition] for topic in Topic}
        async for record in _all(log, partition, positions, {topic: ends[topic, partition] for topic in Topic}):
            if record.offset != positions[record.topic]:
                found.different.append(f"{record.topic} {partition}: {positions[record.topic]} is followed by {record.offset}")
            positions[record.topic] = record.offset + 1
            if (event_id := _event_id(record)) is not None:
                there.add(event_id)
        found.different.extend(
            f"{topic} {partition}: read up to {positions[topic]}, the end is {ends[topic, partition]}"
            for topic in Topic
            if positions[topic] != ends[topic, partition]
        )
    found.lost.extend(
        f"{event_id} (not in the log)" for event_id, told in journal.told.items() if told is Told.OK and event_id not in there
    )


async def _all(
    log: Log, partition: int, positions: Mapping[Topic, int], ends: Mapping[Topic, int]
) -> AsyncIterator[StoredRecord]:
    """Yield the records from positions, which whoever reads moves on, up to the ends; give up when none come for a while.

    An empty read means that there is nothing new *yet*: a log may still be fetching what it has.
    """
    loop = asyncio.get_running_loop()
    patience = loop.time() + NOTHING_COMES_S
    while any(positions[topic] < end for topic, end in ends.items()) and loop.time() < patience:
        records = await log.read(partition, dict(positions), limit=AT_ONCE)
        for record in records:
            yield record
        if records:
            patience = loop.time() + NOTHING_COMES_S
        else:
            await asyncio.sleep(LOOK_S)


def _event_id(record: StoredRecord) -> str | None:
    try:
        return _decoder.decode(record.value).event_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _lag(ground: Ground, generation: Generation, found: Judgement) -> None:
    if still := await left(ground, generation):
        found.different.append(f"{still} records are not applied")
