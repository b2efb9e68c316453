"""Our own load generator: requests at a rate, whatever the answers do, each latency counted from when it was due.

So a server that stalls is charged for everyone it kept waiting (no coordinated omission). Due times are a Poisson process of
a seed. It is a process of its own: ``python -m benchmarks.openloop`` reads a ``Plan`` as JSON and writes a ``Report``.
The clock that wakes it has a step of a millisecond: up to that much of a latency is its own.
"""

import asyncio
import resource
import sys
from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Final, cast

import msgspec
import uvloop

from benchmarks import figures, world
from benchmarks.machine import ROOT
from benchmarks.stores import ACTIONS
from benchmarks.world import Size
from headrace.cli.attachment import die_with_parent
from headrace.clock import Clock, SystemClock

PATIENCE_S: Final = 15.0
TICK_S: Final = 0.001


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of one kind: ``reco`` (``autolog`` or not) or ``event``, so many a second over so many connections.

    Events are those of new sessions where ``fresh``, else those the store was built from, in their order: then no pair is new.
    """

    name: str
    kind: str
    rate: float
    connections: int = 32
    autolog: bool = True
    fresh: bool = True


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, where, for how long; ``seed`` makes due times and users, ``run`` begins every event's id."""

    port: int
    seconds: float
    streams: list[Stream]
    size: Size
    seed: int
    run: str


class Sent(msgspec.Struct):
    """What became of a stream: requests sent, those not answered 200 by reason, latencies in ms."""

    requests: int
    errors: dict[str, int]
    percentiles: dict[str, float]
    curve: list[tuple[float, float]]


class Report(msgspec.Struct):
    """All streams by name, and the CPU time this process has used."""

    streams: dict[str, Sent]
    cpu_seconds: float


class _Connection(asyncio.Protocol):
    """One connection with at most one request under way; knows just enough HTTP for answers with a length."""

    def __init__(self, lane: "_Lane") -> None:
        self._lane = lane
        self._buffer = b""
        self.due = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own, no relative of asyncio's

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) >= length:
            self._buffer = b""
            self._lane.answered(self, int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- whatever broke it, the answer is lost
        self.transport = None
        self._lane.lost += 1
        if self.due:
            self._lane.answered(self, 0)


class _Lane:
    """One stream: due requests wait here for a free connection, and their time runs."""

    def __init__(self, stream: Stream, requests: Iterator[bytes], port: int, clock: Clock) -> None:
        self._stream = stream
        self._requests = requests
        self._port = port
        self._clock = clock
        self._free: deque[_Connection] = deque()
        self._waiting: deque[float] = deque()
        self.latencies: list[float] = []
        self.errors: dict[str, int] = {}
        self.sent = 0
        self.lost = 0

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self._stream.connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
            self._free.append(connection)

    def due(self, when: float) -> None:
        self.sent += 1
        self._waiting.append(when)
        self._send()

    @property
    def open(self) -> int:
        return self.sent - len(self.latencies)

    def answered(self, connection: _Connection, status: int) -> None:
        self.latencies.append((self._clock.monotonic() - connection.due) * 1000)
        connection.due = 0.0
        if status != 200:
            reason = str(status) if status else "connection lost"
            self.errors[reason] = self.errors.get(reason, 0) + 1
        if connection.transport is not None:
            self._free.append(connection)
            self._send()

    def _send(self) -> None:
        while self._waiting and self._free:
            connection = self._free.popleft()
            if connection.transport is None:
                continue
            connection.due = self._waiting.popleft()
            connection.transport.write(next(self._requests))

    def report(self) -> Sent:
        if self.open:
            reason = "no answer" if self.lost < self._stream.connections else "no connection was left"
            self.errors[reason] = self.errors.get(reason, 0) + self.open
        found = self.latencies
        return Sent(self.sent, self.errors, figures.percentiles(found), figures.curve(found))


def recos(plan: Plan, stream: Stream) -> Iterator[bytes]:
    """Yield requests of the world's people, evenly; nobody's turn comes before another's by design."""
    chance = Random(f"{plan.seed} {stream.name}")
    tail = "" if stream.autolog else "&x_autolog_impressions=false"
    while True:
        user = chance.randrange(plan.size.users)
        path = f"/reco?user_id={world.user_id(user)}&session_id=load-{user}{tail}"
        yield f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def events(plan: Plan, stream: Stream, clock: Clock) -> Iterator[bytes]:
    """Yield posts of events in sessions of the world's people, at the present time, each with an id of its own."""
    number = 0
    for turn, session in enumerate(_sessions(plan, fresh=stream.fresh)):
        for step, item in enumerate(session.items):
            number += 1
            body = msgspec.json.encode(
                {
                    "event_id": f"{plan.run}-{number:09d}",
                    "user_id": world.user_id(session.user),
                    "item_id": world.item_id(item),
                    "event_type": ACTIONS[(turn * 7 + step * 3) % len(ACTIONS)],
                    "ts": clock.now_ms(),
                    "session_id": f"{plan.run}-{turn}",
                }
            )
            head = f"POST /event HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            yield head.encode() + b"\r\n\r\n" + body


def _sessions(plan: Plan, *, fresh: bool) -> Iterator[world.Session]:
    if fresh:
        yield from world.endless(plan.size, plan.seed)
    sessions = world.generate(plan.size).sessions
    while True:
        yield from sessions


def due_times(rate: float, seconds: float, chance: Random) -> Iterator[float]:
    """Yield the moments of a Poisson process of this rate, from 0 on."""
    at = chance.expovariate(rate)
    while at < seconds:
        yield at
        at += chance.expovariate(rate)


async def drive(plan: Plan, clock: Clock) -> dict[str, Sent]:
    """Send the plan and return what became of it."""
    lanes = []
    for stream in plan.streams:
        requests = recos(plan, stream) if stream.kind == "reco" else events(plan, stream, clock)
        next(requests)  # the first one may build the world, which takes seconds
        lane = _Lane(stream, requests, plan.port, clock)
        lanes.append((stream, lane, due_times(stream.rate, plan.seconds, Random(f"{plan.seed} due {stream.name}"))))
    for _, lane, _ in lanes:  # when all is made: a connection on which nothing comes for ten seconds is closed
        await lane.connect()
    start = clock.monotonic()
    await asyncio.gather(*(_pace(lane, times, start, clock) for _, lane, times in lanes))
    deadline = clock.monotonic() + PATIENCE_S
    while any(lane.open for _, lane, _ in lanes) and clock.monotonic() < deadline:  # noqa: ASYNC110 -- once, at the end
        await asyncio.sleep(TICK_S)
    return {stream.name: lane.report() for stream, lane, _ in lanes}


async def _pace(lane: _Lane, times: Iterator[float], start: float, clock: Clock) -> None:
    for at in times:
        when = start + at
        while (left := when - clock.monotonic()) > 0:  # noqa: ASYNC110 -- it waits for a moment, not for news
            await asyncio.sleep(left)
        lane.due(when)


async def run(plan: Plan) -> Report:
    """Drive a plan from a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.openloop", cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await process.communicate(msgspec.json.encode(plan))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    return msgspec.json.decode(said, type=Report)


def main() -> None:
    """Read a plan, drive it, write the report."""
    die_with_parent()
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    streams = uvloop.run(drive(plan, SystemClock()))
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.buffer.write(msgspec.json.encode(Report(streams, used.ru_utime + used.ru_stime)))


if __name__ == "__main__":
    main()
