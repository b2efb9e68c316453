"""An event counts exactly once, however often it comes."""

import asyncio
from dataclasses import replace
from hashlib import sha256

from headrace.errors import Unavailable
from headrace.events import codec
from headrace.log.port import Topic, partition_of
from headrace.stream.manner import Manner
from headrace.wiring.crew import one_worker
from headrace.wiring.ground import Ground
from tests.stream.world import T0, StreamTestCase, raw, shown, user_of, view, watch

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS


class CountingOnce(StreamTestCase):
    """Repeats and conflicts."""

    async def test_an_event_applied_twice_in_one_batch_counts_once(self) -> None:
        """A group can hold the same id twice."""
        event = view()
        await self.send(event, event, watch(event_id="w"), watch(event_id="w"), event)
        await self.drain()
        self.assertEqual(await self.counted(), {"jam": 1, "film": 1})
        self.assertEqual(await self.rows("SELECT sum(d) FROM @gen.partitions, unnest(duplicates) AS d"), [(3,)])
        await self.assert_proven()

    async def test_an_event_applied_again_in_another_batch_counts_once(self) -> None:
        """What counts already is remembered by its id."""
        event = view()
        for _ in range(3):
            await self.send(event)
            await self.drain()
        self.assertEqual(await self.counted(), {"jam": 1})
        await self.assert_proven()

    async def test_an_event_applied_again_after_a_restart_counts_once(self) -> None:
        """The memory of ids is the database's, not the worker's."""
        event, impression = view(request="r"), shown(["jam"], request="r")
        for _ in range(3):
            await self.send(event, impression)
            await self.drain(anew=True)
        self.assertEqual(await self.counted(), {"jam": 1})
        self.assertEqual(await self.rows("SELECT sum(requests), sum(shown) FROM @gen.outcome_hours"), [(1, 1)])
        await self.assert_proven()

    async def test_the_same_event_stamped_at_another_time_is_a_duplicate_and_no_conflict(self) -> None:
        """The payload is what the client sent, not when it reached us."""
        event = view(event_id="a")
        later = codec.encode(event).replace(str(T0 + 5).encode(), str(T0 + 99).encode())
        await self.send(event, raw(later))
        await self.drain()
        self.assertEqual((await self.counted(), await self.dead()), ({"jam": 1}, []))

    async def test_the_same_id_with_another_payload_is_a_dead_letter_and_the_first_wins(self) -> None:
        """In the same batch and in another one."""
        await self.send(view("jam", event_id="a"), view("tea", event_id="a"))
        await self.drain()
        await self.send(view("rum", event_id="a"), watch("rum", event_id="a"), view("oil"))
        await self.drain()
        self.assertEqual(await self.counted(), {"jam": 1, "oil": 1})
        self.assertEqual(
            await self.dead(),
            [("id_conflict", "reco_interaction", 1), ("id_conflict", "reco_interaction", 2), ("id_conflict", "reco_watch", 0)],
        )
        await self.assert_proven()

    async def test_one_id_in_two_partitions_at_once_counts_once(self) -> None:
        """Should a foreign producer use one id for several users, one of them wins, whenever they are applied."""
        for number in range(10):
            await self.send(*(view(user=user_of(p), event_id=f"shared {number}") for p in range(4)))
        owned = await self.claim()
        processors = {partition: self.processor(limit=3) for partition in owned}
        while any(await asyncio.gather(*(processors[partition].step(one) for partition, one in owned.items()))):
            pass
        self.assertEqual(await self.counted(), {"jam": 10})
        self.assertEqual(len(await self.dead()), 30)
        await self.assert_proven()

    async def test_partitions_that_share_all_their_items_do_not_lock_each_other_out(self) -> None:
        """Rows are locked in one order everywhere, so hot items cost waiting and never a deadlock."""
        items = [f"item {n}" for n in range(12)]
        for n in range(600):
            who = user_of(n % 4, n % 3)
            item = items[(n * 7 + n // 5) % 12]
            event = (
                watch(item, user=who, request=f"r{n % 9}", ts_ms=T0 + n)
                if n % 3
                else view(item, user=who, ts_ms=T0 - n, request=f"r{n % 9}")
            )
            await self.send(event) if n % 50 else await self.send(event, shown(items[n % 5 :], user=who, request=f"r{n % 9}"))
        owned = await self.claim()
        processors = {partition: self.processor(limit=20) for partition in owned}

        async def run(partition: int) -> None:
            while await processors[partition].step(owned[partition]):
                pass

        await asyncio.gather(*(run(partition) for partition in owned))
        self.assertEqual(sum((await self.counted()).values()), 600)
        deadlocks = await self.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        self.assertEqual(deadlocks, [(0,)])
        await self.assert_proven()

    async def test_events_of_long_ago_and_far_ahead_are_applied_whatever_the_clock_says(self) -> None:
        """Behind the door no clock judges: a replay applies what was taken years ago."""
        times = [1, T0 - 30 * YEAR_MS, T0 - YEAR_MS, T0 + YEAR_MS, 2**41 - 1]
        await self.send(*(view(f"item {n}", ts_ms=ts_ms) for n, ts_ms in enumerate(times)))
        await self.drain()
        self.assertEqual(await self.counted(), {f"item {n}": 1 for n in range(5)})
        self.assertEqual(await self.dead(), [])
        await self.assert_proven()

    async def test_ids_of_history_are_kept_and_those_of_live_events_are_not(self) -> None:
        """An event already a month old when it came was imported: its age does not make its id forgotten."""
        old = codec.encode(view(event_id="old", ts_ms=T0 - YEAR_MS)).replace(str(T0 - YEAR_MS + 5).encode(), str(T0).encode())
        await self.send(raw(old), view(event_id="live"), view(event_id="new", ts_ms=T0 + YEAR_MS))
        await self.drain()
        await self.operations.tidy(T0 + YEAR_MS, YEAR_MS // 2, 24)
        left = await self.rows("SELECT id, kept FROM @gen.event_ids")
        self.assertEqual(sorted(left), sorted([(codec.id_hash("old"), True), (codec.id_hash("new"), False)]))

    async def test_history_is_what_the_door_would_not_have_admitted_whatever_it_admits(self) -> None:
        """Told to admit 90 days, events of 60 days are live ones; told to admit one day, those of two are history."""
        for admitted, kept in ((90, False), (30, True), (1, True)):
            with self.subTest(admitted):
                worker = one_worker(self._admitting(admitted), self.generation, "worker", manner := Manner(self.clock))
                self.assertEqual(manner.kept_after_ms, admitted * DAY_MS)
                self.assertEqual(worker.owned, {})
                name, then = f"sixty {admitted}", T0 - 60 * DAY_MS
                old = codec.encode(view(event_id=name, ts_ms=then)).replace(str(then + 5).encode(), str(T0).encode())
                await self.send(raw(old))
                owned = (await self.claim())[partition_of("anna", 4)]
                await self.processor(manner=manner).step(owned)
                await self.ledger.leave("tester")
                self.assertEqual(
                    await self.rows("SELECT kept FROM @gen.event_ids WHERE id = $1", codec.id_hash(name)), [(kept,)]
                )

    def _admitting(self, days: int) -> Ground:
        limits = replace(self.settings.limits, max_age_ms=days * DAY_MS)
        return replace(self.ground, settings=replace(self.settings, limits=limits))

    async def test_tidying_while_old_records_are_worked_through_forgets_no_id_that_may_come_again(self) -> None:
        """A log of last year has its repeats where last year had them, however old they are by now."""
        await self.send(view("jam", event_id="once"), view("tea"))
        await self.drain()
        await self.operations.tidy(T0 + YEAR_MS, YEAR_MS // 2, 24)
        await self.send(view("jam", event_id="once"), view("other", event_id="once"))
        await self.drain()
        self.assertEqual(await self.counted(), {"jam": 1, "tea": 1})
        self.assertEqual(await self.dead(), [("id_conflict", "reco_interaction", 3)])
        await self.assert_proven()


class Poison(StreamTestCase):
    """Records that can never be applied die alone."""

    async def test_every_kind_of_poison_dies_alone_and_every_neighbour_counts(self) -> None:
        """Each becomes one dead letter with its position, bytes and reason."""
        good = codec.encode(view(event_id="g"))
        poisons = {
            "empty": [b""],
            "bad_json": [b"{", good[:-1], good[:-1] + b',"a":' + b"[" * 100_000, b"\x00" * 50, b"a" * 1_000_000],
            "bad_utf8": [good.replace(b'"jam"', b'"\xff\xfe"'), b"\xff\xfe", b"\xff" * 1_000_000],
            "wrong_schema": [
                b"null",
                b"[]",
                b"{}",
                b'{"v":1}',
                good.replace(b'"jam"', b"7"),
                good.replace(b'"jam"', b'"%s"' % (b"x" * 900_000)),
                good.replace(b'"jam"', b'"a\\u0000b"'),
                good.replace(b'"jam"', b'"  "'),
                good.replace(b'"view"', b'"stare"'),
                good.replace(str(T0).encode(), b"0", 1),
                good.replace(str(T0).encode(), b"9" * 5_000, 1),
            ],
            "unknown_version": [good.replace(b'{"v":1,', b'{"v":2,')],
        }
        expected = []
        for reason, values in poisons.items():
            for value in values:
                await self.send(view(), raw(value))
                expected.append((reason, value))
        await self.send(view())
        await self.drain()
        self.assertEqual(await self.counted(), {"jam": len(expected) + 1})
        letters = await self.rows(
            "SELECT source_offset, error_type, payload, payload_bytes, payload_sha256,"
            " source_topic, source_partition, source_key FROM @gen.dead_letters ORDER BY source_offset"
        )
        self.assertEqual(
            letters,
            [
                (
                    2 * n + 1,
                    reason,
                    value[: 64 * 1024],
                    len(value),
                    sha256(value).digest(),
                    "reco_interaction",
                    partition_of("anna", 4),
                    "anna",
                )
                for n, (reason, value) in enumerate(expected)
            ],
        )
        self.assertTrue(all(message for (message,) in await self.rows("SELECT error_message FROM @gen.dead_letters")))
        await self.assert_proven()

    async def test_poison_of_each_topic_is_told_by_its_topic(self) -> None:
        """A watch in the topic of impressions is as unreadable as noise."""
        await self.send(
            raw(codec.encode(watch()), topic=Topic.IMPRESSION),
            raw(codec.encode(shown(["a"])), topic=Topic.WATCH),
            raw(codec.encode(view()), topic=Topic.WATCH),
        )
        await self.drain()
        self.assertEqual(
            await self.dead(),
            [("wrong_schema", "reco_impression", 0), ("wrong_schema", "reco_watch", 0), ("wrong_schema", "reco_watch", 1)],
        )
        self.assertEqual(await self.counted(), {})

    async def test_a_value_that_only_postgres_refuses_is_found_and_dies_alone(self) -> None:
        """The batch is halved until the guilty record stands alone; its neighbours count, in order."""
        await self.sql.execute(f"ALTER TABLE {self.gen}.interactions ADD CHECK (item_id NOT LIKE 'bad%')")
        items = [f"bad {n}" if n in {0, 17, 18, 40} else f"good {n}" for n in range(41)]
        await self.send(*(view(item, ts_ms=T0 + n) for n, item in enumerate(items)), watch(), shown(["x"]))
        await self.drain()
        self.assertEqual(await self.counted(), {"film": 1} | {item: 1 for item in items if item.startswith("good")})
        self.assertEqual(await self.dead(), [("refused_by_store", "reco_interaction", n) for n in (0, 17, 18, 40)])
        await self.assert_proven()

    async def test_a_value_that_the_driver_refuses_dies_alone(self) -> None:
        """COPY has the driver encode values, which fails in Python's words."""
        await self.sql.execute(f"ALTER TABLE {self.gen}.watches ALTER watch_time_sec TYPE smallint")
        await self.send(watch("a", seconds=5), watch("b", seconds=70_000), watch("c", seconds=6))
        await self.drain()
        self.assertEqual(await self.counted(), {"a": 1, "c": 1})
        self.assertEqual(await self.dead(), [("refused_by_store", "reco_watch", 1)])

    async def test_a_dead_letter_is_not_written_when_its_batch_fails(self) -> None:
        """It belongs to the same transaction as the offset that passes it."""
        await self.sql.execute(
            f"ALTER TABLE {self.gen}.interactions ADD CONSTRAINT unfit CHECK (item_id <> 'bad');"
            f" ALTER TABLE {self.gen}.dead_letters ADD CONSTRAINT full_house CHECK (error_type <> 'refused_by_store')"
        )
        await self.send(raw(b"noise"), view("bad"))
        before = await self.positions()
        with self.assertRaisesRegex(Unavailable, "dead_letters"):
            await self.drain()
        after = await self.positions()
        self.assertEqual(await self.dead(), [("bad_json", "reco_interaction", 0)])
        self.assertEqual(sum(applied for _, applied, _ in after) - sum(applied for _, applied, _ in before), 1)
        await self.sql.execute(f"ALTER TABLE {self.gen}.dead_letters DROP CONSTRAINT full_house")
        await self.drain(anew=True)
        self.assertEqual(await self.dead(), [("bad_json", "reco_interaction", 0), ("refused_by_store", "reco_interaction", 1)])
        await self.assert_proven()

    async def test_the_same_poison_twice_makes_two_letters(self) -> None:
        """A letter is known by its place in the log."""
        await self.send(raw(b"noise"), raw(b"noise"))
        await self.drain()
        self.assertEqual(await self.dead(), [("bad_json", "reco_interaction", 0), ("bad_json", "reco_interaction", 1)])

    async def test_a_record_without_our_stamp_takes_the_logs_time_for_its_arrival(self) -> None:
        """Another producer's records carry no stamp of our door."""
        value = codec.encode(view()).replace(f',"server_received_ts_ms":{T0 + 5}'.encode(), b"")
        await self.send(raw(value))
        await self.drain()
        self.assertEqual(await self.rows("SELECT server_received_ts_ms FROM @gen.interactions"), [(T0,)])
