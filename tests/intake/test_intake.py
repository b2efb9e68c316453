"""The one door: it stamps, stores, tells who listens, and loses no impression of our own answers."""

import asyncio
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from headrace.clock import FixedClock, SystemClock
from headrace.errors import Poison, Rejected, Unavailable
from headrace.events import codec
from headrace.events.types import Event, EventId, Impression, Interaction
from headrace.intake import LARGEST_GROUP, MOST_WAITING, Intake
from headrace.log.apart import apart
from headrace.log.port import NewRecord, Topic, Verdict, partition_of
from headrace.log.postgres import PostgresLog
from headrace.store.pool import Database
from headrace.store.sql import DEFAULT_SPACE
from headrace.telemetry import IMPRESSIONS_DROPPED
from tests.stream.world import T0, StreamTestCase, shown, view, wait_until, watch


class Noted:
    """Hears what the door has stored."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def acknowledged(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)


class _Away(PostgresLog):
    """The real log behind a line that can be cut; a record may also be refused, as only a bug of ours would have it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, space=DEFAULT_SPACE, partitions=4, queue_records=1000)
        self._open = True
        self.away = True
        self.refused: str | None = None
        self.tries = 0
        self.cut_at = -1

    async def append(self, records: Sequence[NewRecord], *, atomic: bool) -> list[Verdict]:
        """Append, where the line holds."""
        self.tries += 1
        if self.away or self.tries == self.cut_at:
            raise Unavailable("log", "the line is cut")
        if self.refused is not None and any(self.refused.encode() in one.value for one in records):
            raise Poison("refused_by_store", "on purpose")
        return await super().append(records, atomic=atomic)

    async def append_each(self, records: Sequence[NewRecord]) -> list[Verdict | Poison]:
        """Append, where the line holds, by one call of the above and more where one is refused."""
        return await apart(partial(self.append, atomic=False), records)


class AtTheDoor(StreamTestCase):
    """Events that come in."""

    async def asyncSetUp(self) -> None:
        """Open a door with a listener."""
        await super().asyncSetUp()
        self.noted = Noted()
        self.intake = Intake(self.log, FixedClock(T0), self.noted)

    async def stored(self, topic: Topic = Topic.INTERACTION) -> list[bytes]:
        """Return what the log holds of anna."""
        return [one.value for one in await self.log.read(partition_of("anna", 4), {topic: 0}, limit=1000)]

    async def test_an_event_is_stamped_with_the_time_it_came_and_stored_as_it_is(self) -> None:
        """Nothing else of it changes, and it goes to the topic of its kind."""
        for event, topic in ((view(), Topic.INTERACTION), (watch(), Topic.WATCH), (shown(["a"]), Topic.IMPRESSION)):
            self.assertEqual(await self.intake.accept([event]), [Verdict.OK])
            (value,) = await self.stored(topic)
            self.assertEqual(value, codec.encode(replace(event, server_received_ts_ms=T0)))

    async def test_an_event_sent_again_later_is_a_duplicate_whatever_its_stamp(self) -> None:
        """The stamp is ours and no part of what the client sent."""
        await self.intake.accept([view(event_id="a")])
        later = Intake(self.log, FixedClock(T0 + 1000))
        self.assertEqual(
            await later.accept([view(event_id="a"), view(event_id="a", item="tea")], atomic=False),
            [Verdict.DUPLICATE, Verdict.CONFLICT],
        )

    async def test_the_listener_hears_of_stored_events_only(self) -> None:
        """No duplicate, no conflict, nothing of a call that stored nothing, nothing while the log is away."""
        first = view(event_id="a")
        await self.intake.accept([first, first])
        await self.intake.accept([view(event_id="b"), view(event_id="a", item="tea")], atomic=True)
        await self.intake.accept([view(event_id="c"), view(event_id="a", item="tea")], atomic=False)
        with self.assertRaises(Unavailable):
            await Intake(_Away(self.ground.database), FixedClock(T0), self.noted).accept([view()])
        self.assertEqual([event.event_id for event in self.noted.events], ["a", "c"])
        self.assertIsInstance(self.noted.events[0], Interaction)

    async def test_of_events_taken_together_one_that_is_refused_keeps_none_from_its_place(self) -> None:
        """Each has its own verdict, in order; the refused one its refusal; who listens hears of those that are new."""
        line = _Away(self.ground.database)
        line.away, line.refused = False, "evt-bad"
        intake = Intake(line, FixedClock(T0), self.noted)
        known = view("tent", event_id="evt-known")
        await intake.accept((known,))
        events = [view("tent", event_id="evt-one"), known, view("x", event_id="evt-bad"), view("other", event_id="evt-known")]
        new, again, refused, taken = await intake.accept_each(events)
        self.assertEqual((new, again, taken), (Verdict.OK, Verdict.DUPLICATE, Verdict.CONFLICT))
        self.assertIsInstance(refused, Rejected)
        self.assertEqual([event.event_id for event in self.noted.events], ["evt-known", "evt-one"])
        line.away = True
        with self.assertRaises(Unavailable):
            await intake.accept_each(events)

    async def test_ids_of_a_declared_import_are_kept_for_good(self) -> None:
        """The door remembers which events were history."""
        await self.intake.accept([view(event_id="old")], history=True)
        await self.intake.accept([view(event_id="new")])
        kept = await self.sql.fetch("SELECT kept FROM headrace.door_ids ORDER BY kept")
        self.assertEqual([row["kept"] for row in kept], [False, True])


class ImpressionsOfOurOwn(StreamTestCase):
    """Handed in without holding the answer up, and not lost."""

    async def asyncSetUp(self) -> None:
        """Stand before a line that is cut."""
        await super().asyncSetUp()
        self.line = _Away(self.ground.database)
        self.intake = Intake(self.line, SystemClock())

    async def stored(self) -> int:
        """Return how many impressions the log holds."""
        return sum(end for (topic, _), end in (await self.log.ends()).items() if topic is Topic.IMPRESSION)

    def hand_in(self, number: int, start: int = 0) -> list[Impression]:
        """Hand in some impressions."""
        impressions = [shown(["a"], user=f"user {n}", event_id=f"own {n}") for n in range(start, start + number)]
        for impression in impressions:
            self.intake.accept_later(impression)
        return impressions

    async def test_impressions_are_delivered_soon(self) -> None:
        """Nobody has to ask for it."""
        self.line.away = False
        self.hand_in(30)
        await wait_until(lambda: self._stored(30), "the delivery")
        self.hand_in(30, start=30)
        await wait_until(lambda: self._stored(60), "the second delivery")

    async def _stored(self, number: int) -> bool:
        return await self.stored() == number

    async def test_closing_loses_no_impression(self) -> None:
        """What waits is delivered first, more than one group of it."""
        self.line.away = False
        self.hand_in(LARGEST_GROUP + 100)
        await self.intake.close()
        self.assertEqual(await self.stored(), LARGEST_GROUP + 100)
        await self.intake.close()

    async def test_impressions_are_delivered_after_an_outage(self) -> None:
        """They wait while the log is away, in order, and each is stored once."""
        self.hand_in(50)
        await wait_until(self._tried, "a few tries")
        self.hand_in(50, start=50)
        self.line.away = False
        await wait_until(lambda: self._stored(100), "the delivery")
        await self.intake.close()
        self.assertEqual(await self.stored(), 100)

    async def _tried(self) -> bool:
        return self.line.tries >= 3

    async def test_an_outage_that_ends_while_closing_loses_nothing(self) -> None:
        """A closing process goes on trying for a few seconds."""
        self.hand_in(20)
        closing = asyncio.create_task(self.intake.close())
        await wait_until(self._tried, "a few tries")
        self.line.away = False
        await closing
        self.assertEqual(await self.stored(), 20)

    async def test_what_waits_is_bounded_and_what_is_given_up_is_counted(self) -> None:
        """The oldest give way to the newest while the log is away for too long."""
        before = IMPRESSIONS_DROPPED.here()._value.get()
        one = shown(["a"])
        for _ in range(MOST_WAITING + 7):
            self.intake.accept_later(one)
        self.assertEqual(IMPRESSIONS_DROPPED.here()._value.get() - before, 7)
        self.assertEqual(len(self.intake._waiting), MOST_WAITING)
        self.line.away = False
        await self.intake.close()
        self.assertEqual(await self.stored(), 1)

    async def test_an_impression_that_is_refused_is_left_out_alone(self) -> None:
        """A bug in one of a group is told and counted; those beside it and behind it are delivered."""
        self.line.away = False
        self.line.refused = "own 3"
        before = IMPRESSIONS_DROPPED.here()._value.get()
        self.hand_in(4)
        await wait_until(self._idle, "the first group")
        self.hand_in(20, start=100)
        await self.intake.close()
        self.assertEqual(await self.stored(), 23)
        self.assertEqual(IMPRESSIONS_DROPPED.here()._value.get() - before, 1)

    async def test_a_line_that_is_cut_while_the_refused_one_is_looked_for_loses_and_doubles_nothing(self) -> None:
        """What was handed over before the cut is handed over again, and the log knows it."""
        self.line.away = False
        self.line.refused = '"own 37"'
        self.line.cut_at = 7
        self.hand_in(LARGEST_GROUP)
        await self.intake.close()
        self.assertEqual(await self.stored(), LARGEST_GROUP - 1)

    async def _idle(self) -> bool:
        return not self.intake._waiting

    async def test_the_same_impression_handed_in_twice_is_stored_once(self) -> None:
        """An id counts once here as everywhere."""
        self.line.away = False
        one = shown(["a"], event_id=EventId("twice"))
        self.intake.accept_later(one)
        self.intake.accept_later(one)
        await self.intake.close()
        self.assertEqual(await self.stored(), 1)
