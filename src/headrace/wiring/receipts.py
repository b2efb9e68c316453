"""What became of an event: looked up in the tables of the generation that answers are made from, and in the logs."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from headrace.errors import Poison, Unavailable
from headrace.events import codec
from headrace.events.items import ItemChange
from headrace.events.types import Event, Impression
from headrace.log import finding
from headrace.log.port import Misplaced, StoredRecord, Topic
from headrace.store import generations
from headrace.store.generations import Generation
from headrace.store.operations import Partition
from headrace.store.receipts import Counted, PostgresReceipts
from headrace.stream.letters import Position, State
from headrace.stream.processor import DECODERS
from headrace.stream.receipts import About, Acknowledged, Died, Place, Receipt, Waits, sentence, status_of
from headrace.wiring.ground import Ground

LOG_S: Final = 2.0
"""How long the log may take to say when a record was appended; it is left out then."""


class Receipts:
    """Tells what became of events. Nothing is written down for it, and nobody pays but those who ask."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def receipt(self, event_id: str) -> Receipt | None:
        """Return what became of the event with this id; None where nothing is known of it.

        Raises ``Unavailable``, also where it may wait in Kafka behind more records than are looked through.
        """
        ground = self._ground
        live = await generations.live(ground.database, ground.space)
        if live is None:
            raise Unavailable("receipts", "no generation of features yet: no worker has started")
        tables = self._tables(live)
        # The positions first: what is applied after this look still stands behind them, and is found there.
        partitions = {one.partition: one for one in await ground.operations(live).partitions()}
        taken_ms = await tables.taken_ms(event_id)
        letters = await self._letters(live, event_id)
        counted = await tables.counted(event_id)
        if counted is None:
            found = await self._waiting(live, event_id, partitions, letters, taken_ms)
            counted = await tables.counted(event_id)
            if counted is None:
                return found
        return await self._applied(tables, event_id, counted, letters, taken_ms)

    async def _applied(
        self, tables: PostgresReceipts, event_id: str, counted: Counted, letters: list[Died], taken_ms: int | None
    ) -> Receipt:
        batch = await tables.batch(counted)
        visible = await tables.visible(counted.place.partition, batch)
        repeats = await tables.repeats(event_id, counted.place.partition)
        record = await self._record(counted.place, event_id)
        logged_at_ms = None if record is None else record.timestamp_ms
        return Receipt(
            event_id=event_id,
            status=status_of(waits=None, applied=batch.applied, visible=visible, letters=letters),
            says=sentence(waits=None, applied=batch.applied, visible=visible, repeats=repeats, letters=letters),
            event=counted.about,
            acknowledged=Acknowledged(
                server_received_ts_ms=counted.received_ms, logged_at_ms=logged_at_ms, by=self._taker(taken_ms)
            ),
            position=counted.place,
            applied=batch.applied,
            visible=visible,
            repeats=repeats,
            dead_letters=letters,
        )

    async def _waiting(
        self,
        live: Generation,
        event_id: str,
        partitions: Mapping[int, Partition],
        letters: list[Died],
        taken_ms: int | None,
    ) -> Receipt | None:
        """Return the receipt of an event that does not count; None where nothing is known of it."""
        record, before, to_carry = await self._found(event_id, partitions, letters, taken_ms)
        waits = None
        if record is not None:
            ground = self._ground
            standing = partitions.get(record.partition)
            waits = Waits(
                before=before,
                to_carry=to_carry,
                workers=await ground.operations(live).alive(ground.settings.stream.lease_ms),
                owner=standing.owner if standing is not None and standing.leased else None,
                halted=None if standing is None else standing.halted,
            )
        if record is None and taken_ms is None and not letters:
            return None
        event = None if record is None else _event(record)
        received_ms = event.server_received_ts_ms or None if event is not None else taken_ms
        died = letters[-1] if letters else None
        logged_at_ms = record.timestamp_ms if record is not None else died.logged_at_ms if died is not None else None
        return Receipt(
            event_id=event_id,
            status=status_of(waits=waits, applied=None, visible=None, letters=letters),
            says=sentence(waits=waits, applied=None, visible=None, repeats=(), letters=letters),
            event=None if event is None else _about(event),
            acknowledged=Acknowledged(server_received_ts_ms=received_ms, logged_at_ms=logged_at_ms, by=self._taker(taken_ms)),
            position=self._stands(record, died),
            waits=waits,
            dead_letters=letters,
        )

    async def _found(
        self, event_id: str, partitions: Mapping[int, Partition], letters: Sequence[Died], taken_ms: int | None
    ) -> tuple[StoredRecord | None, int | None, bool]:
        """Return the record that waits, how many stand before it, and whether it is still to be carried to Kafka."""
        carrier = self._ground.carrier
        # A redriven record came by its letter's place, and the door does not know it by the event's id.
        redriven = any(one.state is State.REDRIVEN for one in letters)
        # One that reads an archive stands nowhere in the log yet.
        positions = {
            number: dict.fromkeys(one.positions, 0) if one.from_archive else one.positions for number, one in partitions.items()
        }
        if carrier.ferry is None:
            since = {(topic, number): at for number, each in positions.items() for topic, at in each.items()}
        else:
            since = await carrier.ferry.carried()
        if taken_ms is not None or redriven:
            at_ms = None if redriven else taken_ms
            record = await carrier.near.find(event_id, since, at_ms=at_ms)
            if record is not None:
                archived = carrier.ferry is None and partitions[record.partition].from_archive
                before = None if archived else record.offset - since[record.topic, record.partition]
                return record, before, carrier.ferry is not None
        if carrier.ferry is None:
            return None, None, False
        return await self._far(event_id, positions)

    async def _far(
        self, event_id: str, positions: Mapping[int, Mapping[Topic, int]]
    ) -> tuple[StoredRecord | None, int | None, bool]:
        """Look through what Kafka holds that is not applied yet."""
        try:
            look = await finding.find(self._ground.log, event_id, positions)
        except Misplaced as misplaced:
            raise Unavailable("kafka", str(misplaced)) from misplaced
        if look.record is not None:
            return look.record, look.record.offset - positions[look.record.partition][look.record.topic], False
        if look.left:
            raise Unavailable(
                "receipts",
                f"the event was not applied, and is not among the first {look.passed:,} records that wait in Kafka; it may be"
                f" one of the {look.left:,} behind them",
                retry_after_s=5,
            )
        return None, None, False

    async def _letters(self, live: Generation, event_id: str) -> list[Died]:
        """Return an event's dead letters, those of other generations included: a replay of an archive has none of its own."""
        ground = self._ground
        standing = [one for one in await generations.standing(ground.database, ground.space) if one.state != "dropping"]
        found = [letter for one in standing for letter in await self._tables(one).letters(event_id)]
        own = {letter.position for letter in found if letter.generation == live.number}
        kept = [letter for letter in found if letter.generation == live.number or letter.position not in own]
        return sorted(kept, key=lambda letter: letter.failed_at_ms)

    async def _record(self, place: Place, event_id: str) -> StoredRecord | None:
        """Return an event's record as the log has it; None where that no longer has it, or cannot say so soon."""
        try:
            async with asyncio.timeout(LOG_S):
                records = await self._ground.log.read(place.partition, {place.topic: place.offset}, limit=1)
        except (Unavailable, Misplaced, TimeoutError):
            return None
        same = records and records[0].offset == place.offset and codec.event_id_of(records[0].value) == event_id
        return records[0] if same else None

    def _tables(self, generation: Generation) -> PostgresReceipts:
        ground = self._ground
        return PostgresReceipts(ground.database, generation, space=ground.space, names=ground.settings.log.names)

    def _taker(self, taken_ms: int | None) -> str:
        return "postgres" if taken_ms is not None or self._ground.carrier.ferry is None else "kafka"

    def _stands(self, record: StoredRecord | None, died: Died | None) -> Place | None:
        """Return where a record stands that waits, or where it died; a topic that is called otherwise by now is no place."""
        names = self._ground.settings.log.names
        if record is not None:
            return Place(record.topic, names[record.topic], record.partition, record.offset)
        at = None if died is None else Position.parse(died.position)
        topic = None if at is None else next((topic for topic, name in names.items() if name == at.topic), None)
        return None if at is None or topic is None else Place(topic, at.topic, at.partition, at.offset)


def _event(record: StoredRecord) -> Event | None:
    """Return the event that a record holds; None where it will turn out that it cannot be applied."""
    try:
        return DECODERS[record.topic](record.value)
    except Poison:
        return None


def _about(event: Event) -> About:
    if isinstance(event, ItemChange):
        kind = "item_put" if event.put is not None else "item_patch" if event.patch is not None else "item_delete"
        return About(type=kind, item_id=event.item_id)
    shown = event.items if isinstance(event, Impression) else None
    return About(
        type=event.event_type,
        user_id=event.user_id,
        item_id=None if isinstance(event, Impression) else event.item_id,
        items=None if shown is None else [one.item_id for one in sorted(shown, key=lambda one: one.position)],
        session_id=event.session_id,
        request_id=event.request_id,
        ts_ms=event.ts_ms,
        served=isinstance(event, Impression) and event.served is not None,
    )
