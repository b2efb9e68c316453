"""What is measured, running: Postgres on a copied store, one API, one worker, and the empty handlers beside them.

Each is a process of its own, started as `headrace run` starts it, and stopped with this one however it ends. `headrace`'s own
supervisor is not used, because it starts again what dies: here that must end the run.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import psutil

from benchmarks.machine import ROOT
from headrace import config, wiring
from headrace.clock import Clock, SystemClock
from headrace.embedded import processes
from headrace.embedded.ports import free_port
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.log.port import Topic
from headrace.store.generations import Generation
from headrace.store.operations import Partition
from headrace.wiring.figures import waiting
from headrace.wiring.ground import Ground

READY_S: Final = 300.0
LOOK_S: Final = 0.02
END_S: Final = 15.0


class Died(RuntimeError):
    """A process that is being measured has ended by itself."""


@dataclass(slots=True)
class Process:
    """A process under measurement."""

    name: str
    running: asyncio.subprocess.Process
    port: int = 0

    @property
    def pid(self) -> int:
        """Return its number."""
        return self.running.pid

    def check(self) -> None:
        """Raise ``Died`` if it has ended."""
        if self.running.returncode is not None:
            raise Died(f"{self.name} ended with {self.running.returncode} while it was measured")

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(slots=True)
class Station:
    """Everything that runs, by name; ``ground`` and ``generation`` look into its database."""

    url: str
    home: Path
    ground: Ground
    generation: Generation
    clock: Clock
    session: aiohttp.ClientSession
    processes: dict[str, Process] = field(default_factory=dict)

    async def start(self, name: str, *words: str, port: int = 0, **environ: str) -> Process:
        """Start a process of this name with a Python command line."""
        given = environment(self.url) | environ
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, env=given, cwd=ROOT, start_new_session=True, stdin=asyncio.subprocess.DEVNULL
        )
        self.processes[name] = Process(name, process, port)
        return self.processes[name]

    async def stop(self, name: str) -> None:
        """Stop a process and wait until it has gone."""
        process = self.processes.pop(name, None)
        if process is None or process.running.returncode is not None:
            return
        process.running.terminate()
        try:
            await asyncio.wait_for(process.running.wait(), END_S)
        except TimeoutError:
            process.running.kill()
            await process.running.wait()

    async def start_api(self, **environ: str) -> tuple[Process, float]:
        """Start the API; return it and the seconds until it was ready."""
        port = free_port()
        began = self.clock.monotonic()
        process = await self.start("api", "-m", "headrace", "api", "--with-parent", port=port, API_PORT=str(port), **environ)
        return process, await self._ready(process, "/readyz", began)

    async def start_worker(self, **environ: str) -> Process:
        """Start the worker."""
        port = str(free_port())
        return await self.start(
            "worker", "-m", "headrace", "worker", "--with-parent", port=0, WORKER_METRICS_PORT=port, **environ
        )

    async def start_bare(self) -> Process:
        """Start the empty handlers."""
        port = free_port()
        process = await self.start("bare", "-m", "benchmarks.bare", str(port), port=port)
        await self._ready(process, "/", self.clock.monotonic())
        return process

    async def start_plain(self) -> Process:
        """Start the plain service."""
        port = free_port()
        process = await self.start("plain", "-m", "benchmarks.plain", str(port), port=port)
        await self._ready(process, "/healthz", self.clock.monotonic())
        return process

    def check(self) -> None:
        """Raise ``Died`` if any process has ended."""
        for process in self.processes.values():
            process.check()

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time each process has used so far; Postgres' is that of all its processes."""
        used = {name: _cpu([process.pid]) for name, process in self.processes.items()}
        postmaster = processes.living(self.home / "postgres/data")
        if postmaster is not None:
            family = psutil.Process(postmaster.pid)
            used["postgres"] = _cpu([family.pid, *(child.pid for child in family.children(recursive=True))])
        return used

    async def partitions(self) -> list[Partition]:
        """Return all partitions as they stand."""
        return await self.ground.operations(self.generation).partitions()

    async def backlog(self) -> int:
        """Return how many records wait to be applied."""
        ends = await self.ground.log.ends()
        return sum(waiting(one, ends) for one in await self.partitions())

    async def counted(self, topic: Topic) -> int:
        """Return how many events of a topic the features count."""
        return sum(one.counted.get(topic, 0) for one in await self.partitions())

    async def drained(self, patience_s: float) -> float:
        """Wait until nothing waits to be applied; return after how many seconds, raise ``TimeoutError`` beyond patience."""
        began = self.clock.monotonic()
        async with asyncio.timeout(patience_s):
            while await self.backlog():
                self.check()
                await asyncio.sleep(LOOK_S)
        return self.clock.monotonic() - began

    async def page(self, path: str) -> str:
        """Return a page of the API."""
        async with self.session.get(self.processes["api"].url + path) as response:
            return await response.text()

    async def _ready(self, process: Process, path: str, began: float) -> float:
        while self.clock.monotonic() - began < READY_S:
            process.check()
            try:
                async with self.session.get(process.url + path) as response:
                    if response.status == 200:
                        return self.clock.monotonic() - began
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(LOOK_S)
        raise TimeoutError(f"{process.name} is not ready after {READY_S:g} s")


@asynccontextmanager
async def standing(home: Path) -> AsyncIterator[Station]:
    """Yield a station on this home: its Postgres runs, durable; processes are started by name, and all end with the block."""
    postgres = EmbeddedPostgres(home)
    url = await asyncio.to_thread(postgres.start)
    try:
        settings = config.read({"DATABASE_URL": url, "LOG_LEVEL": "WARNING"})
        async with wiring.opened(settings) as (ground, generation), aiohttp.ClientSession() as session:
            station = Station(url, home, ground, generation, SystemClock(), session)
            try:
                yield station
            finally:
                # The bare ones first: what writes to the database ends before it does.
                for name in list(station.processes):
                    await station.stop(name)
    finally:
        await asyncio.to_thread(postgres.stop)


def private_mb(pid: int) -> float:
    """Return a process's private memory in MB (10^6 bytes): what it alone would give back, by the kernel's own sum."""
    return _rollup(pid, ("Private_Clean", "Private_Dirty", "Private_Hugetlb"))


def resident_mb(pid: int) -> float:
    """Return a process's resident memory in MB, shared libraries included."""
    return _rollup(pid, ("Rss",))


def _rollup(pid: int, names: tuple[str, ...]) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    fields = (line.split() for line in lines)
    return sum(int(parts[1]) for parts in fields if parts[0].rstrip(":") in names) * 1024 / 1e6


def _cpu(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def environment(url: str) -> dict[str, str]:
    """Return the environment of what is measured: the defaults, whatever the caller's says of headrace."""
    declared = {setting.name for setting in config.SETTINGS}
    kept = {name: value for name, value in config.environment().items() if not name.startswith("HEADRACE_")}
    own = {
        "DATABASE_URL": url,
        "API_HOST": "127.0.0.1",
        "WORKER_METRICS_HOST": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }
    return {name: value for name, value in kept.items() if name not in declared} | own
