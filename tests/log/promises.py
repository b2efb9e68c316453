"""The log's promises, written once: each implementation's test inherits them and says how a log is made."""

import asyncio
import random
import unittest
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from itertools import count

from headrace.errors import Unavailable
from headrace.log.port import LARGEST_READ_BYTES, TOPICS, Log, NewRecord, StoredRecord, Topic, Verdict, partition_of

OK, DUPLICATE, CONFLICT = Verdict.OK, Verdict.DUPLICATE, Verdict.CONFLICT
WAIT_S = 20.0
_numbers = count()


def digest(text: str) -> bytes:
    """Return 16 bytes that stand for a text."""
    return blake2b(text.encode(), digest_size=16).digest()


def record(name: str | None = None, *, key: str = "anna", topic: Topic = Topic.WATCH, payload: str = "a") -> NewRecord:
    """Return a record whose id is its name; without a name it is one of a kind."""
    name = name or f"record {next(_numbers)}"
    return NewRecord(topic, key, f"{name} {payload}".encode(), 1_000, digest(name), digest(payload))


def key_of(partition: int, partitions: int) -> str:
    """Return a key that belongs to a partition."""
    return next(key for key in (f"user {n}" for n in count()) if partition_of(key, partitions) == partition)


class Follower:
    """Reads a log from the start while it is being written, as a worker would, and notes any hole it is led over."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.values: Counter[bytes] = Counter()
        self.records: list[StoredRecord] = []
        self._positions = {partition: dict.fromkeys(TOPICS, 0) for partition in range(log.partitions)}

    async def look(self) -> None:
        """Read on in every partition once."""
        for partition, positions in self._positions.items():
            for found in await self._log.read(partition, positions, limit=7):
                assert found.partition == partition
                assert found.offset == positions[found.topic], (
                    f"{found.topic} jumps from {positions[found.topic]} to {found.offset}"
                )
                positions[found.topic] += 1
                self.values[found.value] += 1
                self.records.append(found)

    async def until(self, expected: int) -> None:
        """Follow until so many records were read; fails after a while."""
        async with asyncio.timeout(WAIT_S):
            while self.values.total() < expected:
                await self.look()
                await asyncio.sleep(0)


class LogPromises(unittest.IsolatedAsyncioTestCase, ABC):
    """What every log promises; ``make_log`` is called for each instance on the same stored log.

    ``one_memory`` says whether an instance knows at once which ids another has taken. Where it does not, both may take one at
    the same moment; the stream counts it once.
    """

    one_memory = True

    @abstractmethod
    async def make_log(self, *, queue_records: int = 20_000) -> Log:
        """Return an opened log; it is closed by the test's cleanup."""

    @abstractmethod
    async def make_unopened_log(self) -> Log:
        """Return a log that nobody has opened yet."""

    async def values(self, log: Log, key: str = "anna", topic: Topic = Topic.WATCH) -> list[bytes]:
        """Return what a key's partition holds of a topic."""
        found = await log.read(partition_of(key, log.partitions), {topic: 0}, limit=10_000)
        return [one.value for one in found]

    async def test_what_was_appended_is_read_in_order(self) -> None:
        """Records of one key come back as they were sent, one after the other."""
        log = await self.make_log()
        sent = [record() for _ in range(20)]
        self.assertEqual(await log.append(sent[:5], atomic=True), [OK] * 5)
        for one in sent[5:]:
            self.assertEqual(await log.append([one], atomic=False), [OK])
        found = await log.read(partition_of("anna", log.partitions), {Topic.WATCH: 0}, limit=100)
        self.assertEqual([one.value for one in found], [one.value for one in sent])
        self.assertEqual([one.offset for one in found], list(range(20)))
        self.assertEqual({(one.key, one.topic) for one in found}, {("anna", Topic.WATCH)})

    async def test_records_that_stand_alone_have_each_its_verdict_and_what_is_new_is_stored_once(self) -> None:
        """Of many keys by one call: new ones, known ones, and one that conflicts."""
        log = await self.make_log()
        sent = [record(f"alone {n}", key=f"user {n}") for n in range(12)]
        self.assertEqual(await log.append_each(sent[:4]), [OK] * 4)
        other = record("alone 1", key="user 1", payload="other")
        self.assertEqual(await log.append_each([sent[0], other, *sent[4:]]), [DUPLICATE, CONFLICT, *[OK] * 8])
        self.assertEqual(await log.append_each([]), [])
        found = {
            one.value
            for n in range(12)
            for one in await log.read(partition_of(f"user {n}", log.partitions), {Topic.WATCH: 0}, limit=100)
        }
        self.assertEqual(found, {one.value for one in sent})
        self.assertEqual(sum((await log.ends()).values()), 12)

    async def test_a_read_starts_at_its_position_and_keeps_its_limit_for_every_topic(self) -> None:
        """Positions are the next offsets to read, and the limit holds for each topic by itself."""
        log = await self.make_log()
        await log.append([record(topic=topic) for topic in TOPICS for _ in range(6)], atomic=True)
        partition = partition_of("anna", log.partitions)
        found = await log.read(partition, {Topic.WATCH: 2, Topic.INTERACTION: 5, Topic.IMPRESSION: 6}, limit=3)
        self.assertEqual(
            [(one.topic, one.offset) for one in found],
            [(Topic.WATCH, 2), (Topic.WATCH, 3), (Topic.WATCH, 4), (Topic.INTERACTION, 5)],
        )

    async def test_an_empty_log_begins_and_ends_at_nought(self) -> None:
        """Every topic and partition is named even before its first record."""
        log = await self.make_log()
        places = {(topic, partition): 0 for topic in TOPICS for partition in range(log.partitions)}
        self.assertEqual(await log.begins(), places)
        self.assertEqual(await log.ends(), places)
        self.assertEqual(await log.read(0, dict.fromkeys(TOPICS, 0), limit=10), [])
        self.assertEqual(await log.append([], atomic=True), [])

    async def test_the_end_stands_behind_the_last_record(self) -> None:
        """An end is the offset that the next record will get."""
        log = await self.make_log()
        await log.append([record() for _ in range(3)], atomic=True)
        ends = await log.ends()
        self.assertEqual(ends[Topic.WATCH, partition_of("anna", log.partitions)], 3)
        self.assertEqual(sum(ends.values()), 3)
        self.assertEqual(sum((await log.begins()).values()), 0)

    async def test_equal_keys_go_to_equal_partitions_of_all_topics(self) -> None:
        """One user's interactions, watches and impressions have one owner."""
        log = await self.make_log()
        keys = [f"user {n}" for n in range(40)]
        await log.append([record(key=key, topic=topic) for key in keys for topic in TOPICS], atomic=True)
        follower = Follower(log)
        await follower.until(120)
        places: dict[str | None, set[int]] = {}
        for one in follower.records:
            places.setdefault(one.key, set()).add(one.partition)
        self.assertEqual(places, {key: {partition_of(key, log.partitions)} for key in keys})
        self.assertEqual(len({one.partition for one in follower.records}), log.partitions)

    async def test_a_duplicate_is_told_and_not_stored(self) -> None:
        """The same id with the same payload is known already."""
        log = await self.make_log()
        await log.append([record("a")], atomic=True)
        self.assertEqual(await log.append([record("a"), record("b")], atomic=True), [DUPLICATE, OK])
        self.assertEqual(await self.values(log), [b"a a", b"b a"])

    async def test_the_same_id_twice_in_one_call_is_stored_once(self) -> None:
        """The first of two equal ids wins, in one call as well."""
        log = await self.make_log()
        sent = [record("a"), record("a"), record("a", payload="other")]
        self.assertEqual(await log.append(sent, atomic=False), [OK, DUPLICATE, CONFLICT])
        self.assertEqual(await self.values(log), [b"a a"])

    async def test_the_same_id_two_hundred_times_at_once_is_stored_once(self) -> None:
        """However many send an event at the same moment, one of them is told it was taken."""
        logs = [await self.make_log() for _ in range(4 if self.one_memory else 1)]
        for name in ("a", "b", "c"):
            verdicts = await asyncio.gather(*(logs[n % len(logs)].append([record(name)], atomic=True) for n in range(200)))
            self.assertEqual(Counter(one for (one,) in verdicts), {OK: 1, DUPLICATE: 199})
        self.assertEqual(await self.values(logs[0]), [b"a a", b"b a", b"c a"])

    async def test_groups_that_share_ids_in_any_order_store_each_once(self) -> None:
        """Those that write the same ids in different orders and partitions neither lock each other out nor store twice."""
        logs = [await self.make_log() for _ in range(3 if self.one_memory else 1)]
        chance = random.Random(5)
        names = [f"shared {n}" for n in range(60)]
        calls = []
        for n in range(30):
            mixed = chance.sample(names, 25)
            key = key_of(n % logs[0].partitions, logs[0].partitions)
            calls.append(self._patiently(logs[n % len(logs)], [record(name, key=key) for name in mixed]))
        verdicts = await asyncio.gather(*calls)
        taken = Counter(verdict for call in verdicts for verdict in call)
        follower = Follower(logs[0])
        await follower.until(taken[OK])
        self.assertEqual(set(follower.values.values()), {1})
        self.assertEqual(taken[CONFLICT], 0)
        self.assertEqual(follower.values.total(), sum((await logs[0].ends()).values()))

    async def _patiently(self, log: Log, records: Sequence[NewRecord]) -> list[Verdict]:
        while True:
            try:
                return await log.append(records, atomic=False)
            except Unavailable:
                await asyncio.sleep(0.01)

    async def test_the_same_id_with_another_payload_is_a_conflict(self) -> None:
        """The first one wins, whatever comes later under its name."""
        log = await self.make_log()
        await log.append([record("a")], atomic=True)
        self.assertEqual(await log.append([record("a", payload="other")], atomic=False), [CONFLICT])
        self.assertEqual(await log.append([record("a", payload="other")], atomic=True), [CONFLICT])
        self.assertEqual(await self.values(log), [b"a a"])

    async def test_an_atomic_call_with_a_conflict_stores_nothing(self) -> None:
        """All or nothing: its good records are not stored, and may be sent again."""
        log = await self.make_log()
        await log.append([record("a")], atomic=True)
        self.assertEqual(await log.append([record("b"), record("a", payload="other")], atomic=True), [OK, CONFLICT])
        self.assertEqual(await self.values(log), [b"a a"])
        self.assertEqual(await log.append([record("b")], atomic=True), [OK])

    async def test_a_conflict_does_no_harm_to_the_calls_it_is_grouped_with(self) -> None:
        """Calls that share a commit are judged each by itself, and a call that stores nothing leaves its ids free."""
        log = await self.make_log()
        await log.append([record("a")], atomic=True)
        first = record()  # keeps the writer busy, so that the others gather
        verdicts = await asyncio.gather(
            log.append([first], atomic=True),
            log.append([record("b")], atomic=True),
            log.append([record("c"), record("a", payload="other")], atomic=True),
            log.append([record("c", payload="mine")], atomic=True),
            log.append([record("a", payload="other"), record("d")], atomic=False),
        )
        self.assertEqual(verdicts, [[OK], [OK], [OK, CONFLICT], [OK], [CONFLICT, OK]])
        self.assertEqual(await self.values(log), [b"a a", first.value, b"b a", b"c mine", b"d a"])

    async def test_a_call_larger_than_any_group_is_written_whole(self) -> None:
        """An import's thousands are one call and one commit."""
        log = await self.make_log(queue_records=10)
        self.assertEqual(set(await log.append([record() for _ in range(2500)], atomic=True)), {OK})
        self.assertEqual(len(await self.values(log)), 2500)

    async def test_offsets_are_contiguous_under_many_writers_and_no_reader_skips_a_record(self) -> None:
        """A reader that follows several instances' concurrent writers sees every record once, without a hole at any moment."""
        logs = [await self.make_log() for _ in range(3)]
        follower = Follower(await self.make_log())
        await follower.look()  # the first one may take its time
        sent: set[bytes] = set()

        async def write(log: Log, seed: int) -> None:
            own = random.Random(seed)
            for _ in range(12):
                records = [
                    record(key=f"user {own.randrange(50)}", topic=own.choice(TOPICS)) for _ in range(own.choice((1, 1, 2, 9)))
                ]
                sent.update(one.value for one in records)
                self.assertEqual(set(await log.append(records, atomic=True)), {OK})

        writers = asyncio.gather(*(write(logs[n % 3], n) for n in range(30)))
        looks = 0
        while not writers.done():
            await follower.look()
            looks += 1
        await writers
        await follower.until(len(sent))
        self.assertGreater(looks, 3)
        self.assertEqual(follower.values, Counter(sent))
        self.assertEqual(sum((await logs[0].ends()).values()), len(sent))

    async def test_an_append_that_is_cancelled_happens_whole_or_not_at_all(self) -> None:
        """Who gives up waiting knows nothing; sending again tells, and the neighbours of the group are unharmed."""
        log = await self.make_log()
        calls = [asyncio.create_task(log.append([record(f"{n} {part}") for part in "xy"], atomic=True)) for n in range(30)]
        await asyncio.sleep(0)
        for call in calls[::3]:
            call.cancel()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        for n, end in enumerate(ended):
            if n % 3:
                self.assertEqual(end, [OK, OK])
            else:
                self.assertIsInstance(end, asyncio.CancelledError)
        again = await asyncio.gather(*(log.append([record(f"{n} {part}") for part in "xy"], atomic=True) for n in range(30)))
        for n, verdicts in enumerate(again):
            self.assertIn(verdicts, ([DUPLICATE, DUPLICATE],) if n % 3 else ([DUPLICATE, DUPLICATE], [OK, OK]))
        stored = Counter(await self.values(log))
        self.assertEqual(len(stored), 60)
        self.assertEqual(set(stored.values()), {1})

    async def test_a_full_queue_refuses_at_once(self) -> None:
        """Beyond its bound the log says ``Unavailable`` instead of holding callers without end; what it took, it stores."""
        log = await self.make_log(queue_records=10)
        calls = [asyncio.create_task(log.append([record()], atomic=True)) for _ in range(30)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        refused = [one for one in ended if isinstance(one, Unavailable)]
        self.assertEqual(len(refused), 20)
        self.assertEqual(len(await self.values(log)), 10)
        self.assertEqual(await log.append([record()], atomic=True), [OK])

    async def test_a_read_hands_over_a_bounded_number_of_bytes(self) -> None:
        """A backlog of large records comes in portions, whole and in order."""
        log = await self.make_log()
        large = [record(f"large {n}")._replace(value=b"%02d" % n + b"x" * 900_000) for n in range(12)]
        for one in large:
            await log.append([one], atomic=True)
        read: list[bytes] = []
        positions, portions = {Topic.WATCH: 0}, 0
        async with asyncio.timeout(WAIT_S):
            while len(read) < len(large):
                found = await log.read(partition_of("anna", log.partitions), positions, limit=500)
                self.assertLessEqual(sum(len(one.value) for one in found), LARGEST_READ_BYTES)
                read += [one.value for one in found]
                positions[Topic.WATCH] += len(found)
                portions += bool(found)
        self.assertEqual(read, [one.value for one in large])
        self.assertGreater(portions, 1)

    async def test_closing_writes_what_waits(self) -> None:
        """Whoever was promised an answer before the close gets it."""
        log = await self.make_log()
        calls = [asyncio.create_task(log.append([record()], atomic=True)) for _ in range(25)]
        await asyncio.sleep(0)
        await log.close()
        await log.close()
        self.assertEqual(await asyncio.gather(*calls), [[OK]] * 25)
        self.assertEqual(len(await self.values(await self.make_log())), 25)

    async def test_a_log_that_is_not_opened_is_unavailable(self) -> None:
        """Before it is opened every call says so, and nothing is lost."""
        log = await self.make_unopened_log()
        for call in (
            log.append([record()], atomic=True),
            log.read(0, {Topic.WATCH: 0}, limit=1),
            log.has_news({0: {Topic.WATCH: 0}}),
            log.ends(),
            log.begins(),
        ):
            with self.assertRaises(Unavailable):
                await call

    async def test_news_are_told_for_the_partitions_that_have_grown(self) -> None:
        """Whoever stands behind the last record hears of the next one, and only in its partition."""
        log = await self.make_log()
        self.assertEqual(await log.has_news({}), set())
        nought = {partition: dict.fromkeys(TOPICS, 0) for partition in range(log.partitions)}
        partition = partition_of("anna", log.partitions)
        await log.append([record()], atomic=True)
        await self._told(log, nought, {partition})
        await self._told(log, {**nought, partition: {**nought[partition], Topic.WATCH: 1}}, set())
        await log.append([record(topic=Topic.IMPRESSION)], atomic=True)
        await self._told(log, {**nought, partition: {**nought[partition], Topic.WATCH: 1}}, {partition})

    async def _told(self, log: Log, positions: dict[int, dict[Topic, int]], news: set[int]) -> None:
        """Wait until exactly these partitions have news; reading one, as a worker would, tells the log where it is read."""
        async with asyncio.timeout(WAIT_S):
            while (told := await log.has_news(positions)) != news:
                for named in told:
                    await log.read(named, positions[named], limit=1)
                await asyncio.sleep(0.01)

    async def test_a_log_says_which_it_is(self) -> None:
        """Positions belong to one log: every instance on it says the same name, and it is not empty."""
        self.assertEqual((await self.make_log()).identity, (await self.make_log()).identity)
        self.assertTrue((await self.make_log()).identity)

    async def test_a_new_instance_reads_what_another_has_appended(self) -> None:
        """What was acknowledged outlives who took it, duplicates included."""
        first = await self.make_log()
        await first.append([record("a")], atomic=True)
        await first.close()
        second = await self.make_log()
        self.assertEqual(await self.values(second), [b"a a"])
        if self.one_memory:
            self.assertEqual(await second.append([record("a")], atomic=True), [DUPLICATE])
