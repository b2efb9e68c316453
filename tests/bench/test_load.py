"""The load: what the generators send and how they count."""

import asyncio
import os
import time
import unittest
import unittest.mock
from itertools import islice, pairwise
from random import Random
from typing import Any

from benchmarks import openloop, wrk
from benchmarks.measures import answers
from benchmarks.openloop import Plan, Stream
from benchmarks.station import environment
from benchmarks.world import Size, generate
from headrace import config
from headrace.clock import SystemClock
from headrace.events.contract import Contract, Limits
from tests.bench.needing import needs_wrk

SMALL = Size(items=300, users=200, pairs=5_000, first_pairs=500)
TOLD = """Running 2s test @ http://127.0.0.1:1
MEASURED {"seconds":2.000000,"answered":1000,"bytes":9,"refused":3,"broken":2,"latency":[[50,1.500],[99,7.250],[100,9.000]]}
"""


class WrksWords(unittest.TestCase):
    """What wrk says is read by one line of our script."""

    def test_the_line_of_our_script_is_found(self) -> None:
        """Rate and latencies are those of the line."""
        found = wrk.parse(TOLD, cpu_seconds=1.5)
        self.assertEqual((found.rate, found.ms(99), found.refused, found.broken), (500.0, 7.25, 3, 2))
        self.assertEqual(found.cpu_seconds, 1.5)

    def test_a_run_that_measured_nothing_is_an_error(self) -> None:
        """What wrk said instead is told."""
        with self.assertRaisesRegex(ValueError, "unable to connect"):
            wrk.parse("unable to connect to 127.0.0.1:1 Connection refused\n")


@needs_wrk
class WrksPace(unittest.IsolatedAsyncioTestCase):
    """wrk at a rate."""

    async def test_a_rate_is_held_though_the_server_stalls(self) -> None:
        """A hundred a second for three seconds are three hundred, though the server stalls for half of them, and no more."""
        seen = list[str]()
        answering = list[asyncio.Task[None] | None]()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answering.append(asyncio.current_task())
            try:
                while True:
                    seen.append((await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1])
                    if len(seen) == 20:
                        time.sleep(1.5)  # noqa: ASYNC251 -- everybody is to wait, and what was due is then made up for
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            found = await wrk.run("reco", url, ["/a", "/b"], seconds=3, rate=100)
            await asyncio.gather(*filter(None, answering))
        self.assertEqual((found.refused, found.broken, set(seen)), (0, 0, {"/a", "/b"}))
        self.assertLess(len(seen), 100 * found.seconds + wrk.CONNECTIONS)
        self.assertGreater(len(seen), 150 + wrk.CONNECTIONS)


class TheHighestRate(unittest.IsolatedAsyncioTestCase):
    """The search for the rate at which everything is archived."""

    async def tries(self, holds: float, fastest: float, rate: float | None = None) -> list[tuple[float | None, bool]]:
        """Return the tries on a machine that archives so many a second and answers so many: each one's rate, and if it held."""

        async def archived(_bench: object, _station: object, _paths: object, asked: float | None) -> dict[str, Any]:
            per_s = min(asked or fastest, fastest)
            return {"rate": asked, "per_s": per_s, "kept": per_s <= holds, "sustainable_per_s": min(per_s, 0.9 * holds)}

        with unittest.mock.patch.object(answers, "_archived", archived):
            found = await answers._sustained(*(unittest.mock.Mock(),) * 2, [], rate)
        return [(one["rate"], one["kept"]) for one in found]

    async def test_as_fast_as_answers_come_is_tried_first_and_is_enough_where_it_holds(self) -> None:
        """One try."""
        self.assertEqual(await self.tries(holds=100, fastest=80), [(None, True)])

    async def test_it_goes_down_until_one_holds_and_half_way_up_again(self) -> None:
        """The best that held lies between what was archived and the limit; five tries at most."""
        found = await self.tries(holds=1000, fastest=2000)
        self.assertEqual((found[0], found[1]), ((None, False), (900, True)))
        best = max(rate for rate, kept in found if kept and rate)
        self.assertTrue(900 <= best <= 1000 and len(found) <= answers.TRIES, found)
        self.assertTrue(all(kept == ((rate or 2000) <= 1000) for rate, kept in found))

    async def test_a_rate_that_held_before_is_lowered_where_it_does_not_hold_again(self) -> None:
        """It begins with that one."""
        found = await self.tries(holds=950, fastest=2000, rate=1000)
        self.assertEqual(found[0], (1000, False))
        self.assertTrue(any(kept for _, kept in found))


class WhatIsMeasured(unittest.TestCase):
    """The processes run as anybody's would."""

    def test_the_callers_settings_do_not_reach_what_is_measured(self) -> None:
        """Whatever the caller's environment says of headrace, the defaults are measured, on loopback, on the given database."""
        said = {"HEADRACE_BENCH_DATA": "/x", "HEADRACE_LOG_PARTITIONS": "64", "KAFKA_BOOTSTRAP": "k:1", "API_HOST": "0.0.0.0"}  # noqa: S104
        with unittest.mock.patch.dict(os.environ, said):
            read = config.read(environment("postgresql://me@/db"))
        self.assertEqual((read.log.partitions, read.log.kafka_bootstrap, read.api.host), (4, None, "127.0.0.1"))
        self.assertEqual(read.database.url, "postgresql://me@/db")


class TheWorld(unittest.TestCase):
    """The generated sessions."""

    def test_a_seed_makes_the_same_world_again(self) -> None:
        """Twice the same, and another seed makes another."""
        self.assertEqual(generate(SMALL).sessions, generate(SMALL).sessions)
        self.assertNotEqual(generate(SMALL).sessions, generate(Size(300, 200, 5_000, 500, seed=5)).sessions)

    def test_everybody_and_everything_occurs_and_the_pairs_are_counted(self) -> None:
        """All items, all people, at least the pairs asked for, and the first part where they reach its share."""
        made = generate(SMALL)
        self.assertEqual({session.user for session in made.sessions}, set(range(200)))
        self.assertGreaterEqual(made.pairs, SMALL.pairs)
        self.assertLess(made.pairs, SMALL.pairs + 45)
        self.assertEqual(made.sessions[made.first_sessions - 1].user, made.first_users - 1)
        later = {session.user for session in made.sessions[made.first_sessions :]}
        self.assertFalse(later & set(range(made.first_users)), "people of the first part do not come again")
        self.assertTrue(all(len(set(session.items)) == len(session.items) for session in made.sessions))


class OurGenerator(unittest.IsolatedAsyncioTestCase):
    """Requests at a rate, charged from when they were due."""

    def plan(self, port: int, stream: Stream, seconds: float = 0.5) -> Plan:
        """Return a plan of one stream."""
        return Plan(port=port, seconds=seconds, streams=[stream], size=SMALL, seed=1, run="test")

    def test_due_times_come_at_their_rate(self) -> None:
        """A thousand a second for ten seconds is ten thousand, give or take four deviations, in order."""
        times = list(openloop.due_times(1000, 10, Random(1)))
        self.assertLess(abs(len(times) - 10_000), 400)
        self.assertTrue(all(a < b for a, b in pairwise(times)))

    def test_the_door_would_take_every_event(self) -> None:
        """The events keep the contract, and no id comes twice."""
        clock = SystemClock()
        contract = Contract(Limits(), clock)
        stream = Stream(name="event", kind="event", rate=1)
        posts = list(islice(openloop.events(self.plan(1, stream), stream, clock), 500))
        events = [contract.interaction(post.partition(b"\r\n\r\n")[2]) for post in posts]
        self.assertEqual(len({event.event_id for event in events}), 500)

    async def test_a_server_that_stalls_is_charged_for_all_it_kept_waiting(self) -> None:
        """One connection, a stall of 300 ms: the requests that were due meanwhile waited too, not the one alone."""
        asked = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            try:
                while True:
                    await reader.readuntil(b"\r\n\r\n")
                    asked += 1
                    if asked == 10:
                        await asyncio.sleep(0.3)
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            except asyncio.IncompleteReadError:
                writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            stream = Stream(name="reco", kind="reco", rate=200, connections=1)
            sent = (await openloop.drive(self.plan(port, stream), SystemClock()))["reco"]
        self.assertEqual(sent.errors, {})
        self.assertGreater(sent.percentiles["p75"], 20, "a quarter of half a second's requests and more waited")
        self.assertGreater(sent.percentiles["p100"], 290)

    async def test_refusals_and_lost_connections_are_errors(self) -> None:
        """A 503 counts as one, and a connection that is cut counts as one."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            stream = Stream(name="reco", kind="reco", rate=200, connections=1)
            with unittest.mock.patch.object(openloop, "PATIENCE_S", 0.1):
                sent = (await openloop.drive(self.plan(port, stream, 0.2), SystemClock()))["reco"]
        self.assertEqual((sent.errors["503"], sent.errors["connection lost"]), (1, 1))
        self.assertEqual(sum(sent.errors.values()), sent.requests, "what was never answered is an error too")


if __name__ == "__main__":
    unittest.main()
