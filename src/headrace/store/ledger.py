"""One generation's positions, archives and features: the adapter behind ``stream.ledger``."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import starmap
from typing import Final

import asyncpg
import msgspec

from headrace.errors import Poison, Unavailable
from headrace.events import codec
from headrace.events.items import Item
from headrace.features import changes, history
from headrace.features.history import History
from headrace.features.outcomes import TOP, OutcomeMemory, Request, Shown
from headrace.features.projection import Rules
from headrace.features.writes import FollowUp, Writes
from headrace.log.port import OUTWARD, TOPIC_NUMBER, TOPICS, Topic
from headrace.store.archive import rows_of
from headrace.store.errors import told_apart
from headrace.store.generations import Generation
from headrace.store.pool import Connection, Database
from headrace.store.sql import Queries, generation_schema
from headrace.stream.dead_letters import DeadLetter
from headrace.stream.ledger import Applied, Fenced, NewId, Owned, Page, Status, Tally

_json: Final = msgspec.json.Encoder()


class PostgresPage:
    """One transaction of one partition; see ``stream.ledger.Page``."""

    def __init__(
        self, connection: Connection, queries: Queries, schema: str, lease_ms: int, names: Mapping[Topic, str]
    ) -> None:
        self._connection = connection
        self._lease_ms = lease_ms
        self._names = names
        self._queries = queries
        self._schema = schema

    async def fence(self, owned: Owned, positions: Mapping[Topic, int], records: int) -> None:
        """Move positions and applied counter, only where they are still ours."""
        done = await self._connection.execute(
            self._queries["fence"],
            owned.partition,
            owned.epoch,
            _stored(owned.positions),
            _stored(positions),
            records,
            float(self._lease_ms),
        )
        if done != "UPDATE 1":
            raise Fenced

    async def remember(self, owned: Owned, ids: Sequence[NewId]) -> dict[bytes, bytes]:
        """Remember new ids; return id and payload of those already known."""
        rows = await self._connection.fetch(
            self._queries["remember"],
            owned.partition,
            [new.id_hash for new in ids],
            [new.payload_hash for new in ids],
            [new.applied for new in ids],
            [new.ts_ms for new in ids],
            [new.kept for new in ids],
        )
        if len(rows) == len(ids):
            return {}
        fresh = {row["id"] for row in rows}
        old = [new.id_hash for new in ids if new.id_hash not in fresh]
        return {row["id"]: row["payload_hash"] for row in await self._connection.fetch(self._queries["known_ids"], old)}

    async def histories(self, users: Collection[str]) -> dict[str, History]:
        """Return the histories of these users."""
        rows = await self._connection.fetch(self._queries["histories"], list(users))
        return {row["user_id"]: history.decode(row["entries"]) for row in rows}

    async def outcomes(self, requests: Collection[Request]) -> OutcomeMemory:
        """Return what these requests have shown and which follow-ups are known."""
        memory = OutcomeMemory()
        wanted = [list(column) for column in zip(*set(requests), strict=True)]
        for row in await self._connection.fetch(self._queries["follow_ups"], *wanted):
            memory.follow_ups.setdefault((row["request_id"], row["user_id"]), set()).add(row["item_id"])
        for row in await self._connection.fetch(self._queries["shown"], *wanted):
            shown = memory.shown.setdefault((row["request_id"], row["user_id"]), Shown(row["ts_ms"]))
            pairs = zip(row["item_ids"], row["positions"], strict=True)
            shown.items.update(item for item, position in pairs if position < TOP)
        for request, shown in memory.shown.items():
            shown.followed = shown.items & memory.follow_ups.get(request, set())
        return memory

    async def catalogue(self, items: Collection[str]) -> dict[str, Item | None]:
        """Return what the catalogue says of these items."""
        rows = await self._connection.fetch(self._queries["catalogue_items"], list(items))
        return {row["item_id"]: None if row["item"] is None else codec.decode_item(row["item"]) for row in rows}

    async def archive(self, owned: Owned, events: Sequence[Applied]) -> None:
        """Copy the whole events into their archives."""
        for table, (columns, rows) in rows_of(owned.partition, events).items():
            try:
                await self._connection.copy_records_to_table(
                    table, schema_name=self._schema, columns=list(columns), records=rows
                )
            except (OverflowError, UnicodeEncodeError) as error:
                # COPY has the driver encode the values, and it says so in Python's words.
                raise Poison("refused_by_store", f"{type(error).__name__}: {error}") from error

    async def apply(self, owned: Owned, writes: Writes, follow_ups: Sequence[FollowUp], received_ms: Sequence[int]) -> None:
        """Add the writes, key-sorted, one statement a table, and announce what the rows then stand at."""
        # Rows that other partitions write too come last, those of items, which all want, behind all else: a row is locked
        # until the commit, and whoever waits for it waits for all that follows.
        histories = await self._put_histories(owned, writes)
        await self._add_outcomes(owned, writes, follow_ups)
        catalogue = await self._put_catalogue(owned, writes)
        pairs = await self._add_pairs(writes)
        items = await self._add_items(writes)
        newest = max((entries[-1].ts_ms for entries in writes.histories.values()), default=0)
        batch = changes.Changes(list(received_ms), newest, items, pairs, histories, catalogue)
        await self._connection.execute(self._queries["announce"], owned.partition, changes.encode(batch))

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Store dead letters. Where the table refuses them the batch waits: no record is passed without its letter."""
        rows = [
            (
                self._names[one.topic], one.partition, one.offset, one.timestamp_ms, one.key, one.error_type, one.error_message,
                one.payload, one.payload_bytes, one.payload_sha256, one.failed_at_ms, one.event_id,
            )
            for one in letters
        ]  # fmt: skip
        try:
            with told_apart():
                await self._connection.execute(self._queries["bury"], *(list(column) for column in zip(*rows, strict=True)))
        except (Poison, asyncpg.PostgresError) as error:
            raise Unavailable("dead_letters", f"the table refuses: {error}") from error

    async def pass_gap(self, owned: Owned, topic: Topic, first_missing: int, next_present: int) -> None:
        """Record that the log no longer has these offsets."""
        await self._connection.execute(self._queries["pass_gap"], owned.partition, topic, first_missing, next_present)

    async def tally(self, owned: Owned, tally: Tally) -> None:
        """Sum up the batch in the partition's row, and store its own: one statement."""
        await self._connection.execute(
            self._queries["tally"],
            owned.partition,
            _stored(tally.counted),
            _stored(Counter(one.topic for one in tally.repeats)),
            tally.dead,
            tally.newest_ts_ms,
            tally.applied_at_ms,
            tally.latency_ms,
            tally.rearmed,
            tally.records,
            [one.id_hash for one in tally.repeats] or None,
            [TOPIC_NUMBER[one.topic] for one in tally.repeats] or None,
            [one.offset for one in tally.repeats] or None,
        )

    async def _add_items(self, writes: Writes) -> list[changes.ItemState]:
        if not writes.items:
            return []
        keys = sorted(writes.items)
        sums = [writes.items[key] for key in keys]
        rows = await self._connection.fetch(
            self._queries["add_items"],
            keys,
            [one.events for one in sums],
            [one.weight for one in sums],
            [one.decayed for one in sums],
            [one.visits for one in sums],
        )
        return list(starmap(changes.ItemState, rows))

    async def _add_pairs(self, writes: Writes) -> list[changes.PairState]:
        if not writes.pairs:
            return []
        keys = sorted(writes.pairs)
        sums = [writes.pairs[key] for key in keys]
        rows = await self._connection.fetch(
            self._queries["add_pairs"],
            [low for low, _ in keys],
            [high for _, high in keys],
            [one.meetings for one in sums],
            [one.low_to_high for one in sums],
            [one.high_to_low for one in sums],
        )
        return list(starmap(changes.PairState, rows))

    async def _put_histories(self, owned: Owned, writes: Writes) -> list[changes.HistoryState]:
        if not writes.histories:
            return []
        users = sorted(writes.histories)
        entries = [history.encode(writes.histories[user]).decode() for user in users]
        await self._connection.execute(self._queries["put_histories"], users, entries, owned.partition, owned.applied)
        return [changes.HistoryState(user, owned.applied, text) for user, text in zip(users, entries, strict=True)]

    async def _put_catalogue(self, owned: Owned, writes: Writes) -> list[changes.CatalogueState]:
        if not writes.catalogue:
            return []
        keys = sorted(writes.catalogue)
        last = [writes.catalogue[key][-1][1] for key in keys]
        stored = [None if item is None else codec.encode_item(item).decode() for item in last]
        await self._connection.execute(self._queries["put_catalogue"], keys, stored, owned.partition, owned.applied)
        return [
            changes.CatalogueState(key, owned.applied, item, [event_id for event_id, _ in writes.catalogue[key]])
            for key, item in zip(keys, last, strict=True)
        ]

    async def _add_outcomes(self, owned: Owned, writes: Writes, follow_ups: Sequence[FollowUp]) -> None:
        if writes.hours:
            hours = sorted(writes.hours)
            sums = [writes.hours[hour] for hour in hours]
            await self._connection.execute(
                self._queries["add_hours"],
                owned.partition,
                hours,
                [one.requests for one in sums],
                [one.shown for one in sums],
                [one.followed for one in sums],
                [one.watches for one in sums],
                [one.watch_seconds for one in sums],
            )
        if writes.shown_days:
            days = sorted(writes.shown_days)
            await self._connection.execute(
                self._queries["add_shown_items"], [day for day, _ in days], [item for _, item in days]
            )
        if follow_ups:
            columns = [list(column) for column in zip(*sorted(follow_ups), strict=True)]
            await self._connection.execute(self._queries["add_follow_ups"], *columns)


class PostgresLedger:
    """Positions and leases of one generation; opens its pages."""

    def __init__(self, database: Database, generation: Generation, *, space: str, names: Mapping[Topic, str] = OUTWARD) -> None:
        self._database = database
        self._generation = generation
        self._queries = Queries("headrace.store", space=space, generation=generation.number, source=generation.source)
        self._schema = generation_schema(space, generation.number)
        self._lease_ms = 0
        self._names = names

    @property
    def rules(self) -> Rules:
        """Return how this generation counts."""
        return self._generation.rules

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """Open a transaction that commits when the block ends."""
        async with self._database.transaction() as connection:
            yield PostgresPage(connection, self._queries, self._schema, self._lease_ms, self._names)

    async def sign_of_life(self, worker_id: str, lease_ms: int, status: Status) -> list[int]:
        """Report, renew the leases, return what is still owned."""
        self._lease_ms = lease_ms
        async with self._database.connection() as connection:
            figures = _json.encode(status.figures).decode()
            await connection.execute(self._queries["sign_of_life"], worker_id, self._generation.number, figures)
            rows = await connection.fetch(self._queries["renew"], worker_id, float(lease_ms))
        return [row["partition"] for row in rows]

    async def claim(self, worker_id: str, lease_ms: int, most: int) -> list[Owned]:
        """Take free or abandoned partitions."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["claim"], worker_id, float(lease_ms), most)
            if len(rows) < most:
                # A worker stopped in mid-batch holds its rows for as long as it sleeps; no timeout of the server's ends a COPY.
                await connection.execute(self._queries["end_sleepers"], float(lease_ms))
        return [_owned(row) for row in rows]

    async def reload(self, worker_id: str, partition: int) -> Owned | None:
        """Return the partition as it stands, where this worker owns it."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(self._queries["reload"], worker_id, partition)
        return None if row is None else _owned(row)

    async def leave_archive(self, owned: Owned, behind: Mapping[Topic, int]) -> None:
        """Turn to the log."""
        async with self._database.connection() as connection:
            done = await connection.execute(
                self._queries["leave_archive"], owned.partition, owned.epoch, _stored(owned.positions), _stored(behind)
            )
        if done != "UPDATE 1":
            raise Fenced

    async def release(self, worker_id: str, partitions: Iterable[int]) -> None:
        """Give partitions back."""
        async with self._database.connection() as connection:
            await connection.execute(self._queries["release"], worker_id, list(partitions))

    async def workers(self, lease_ms: int) -> int:
        """Return how many workers of this generation are alive."""
        async with self._database.connection() as connection:
            return int(await connection.fetchval(self._queries["workers"], self._generation.number, float(lease_ms)))

    async def leave(self, worker_id: str) -> None:
        """Give everything back and say goodbye."""
        async with self._database.connection() as connection:
            await connection.execute(self._queries["leave"], worker_id)

    async def halt(self, owned: Owned, reason: str) -> None:
        """Stop the partition until someone lets it go on."""
        async with self._database.connection() as connection:
            await connection.execute(self._queries["halt"], owned.partition, owned.epoch, reason)


def _stored(positions: Mapping[Topic, int]) -> list[int]:
    return [positions.get(topic, 0) for topic in TOPICS]


def _owned(row: asyncpg.Record) -> Owned:
    positions = dict(zip(TOPICS, row["positions"], strict=False))
    return Owned(row["partition"], row["epoch"], positions, row["applied"], row["halted"], row["from_archive"], row["released"])
