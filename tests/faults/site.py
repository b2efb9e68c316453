"""A place to try faults on: a Postgres of its own, workers and APIs that can be killed, a way to start each again."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, Self

from headrace import config, wiring
from headrace.config import Settings
from headrace.embedded import processes
from headrace.embedded.ports import free_port
from headrace.embedded.postgres import EmbeddedPostgres
from tests.faults.client import Client, Unheard
from tests.faults.failpoints import Point
from tests.faults.mains import FORKS, Order, Role, main

LOOK_S: Final = 0.02
PATIENCE_S: Final = 60.0


class Process:
    """A worker or an API that runs, or has ended."""

    def __init__(self, process: BaseProcess, role: Role, port: int) -> None:
        self._process = process
        self.role = role
        self.port = port

    @property
    def pid(self) -> int:
        """Return the process's number."""
        pid = self._process.pid
        if pid is None:
            raise AssertionError("it was never started")
        return pid

    @property
    def ended(self) -> int | None:
        """Return the exit code, negative for a signal; None while it lives."""
        return self._process.exitcode

    def send(self, number: signal.Signals) -> None:
        """Send a signal; a process that has ended is left alone."""
        if self.ended is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def end(self, *, within_s: float = PATIENCE_S) -> int:
        """Wait for the end and return the exit code; fail when it does not come in time."""
        await until(lambda: self.ended is not None, f"{self.role} {self.pid} ends", within_s=within_s)
        code = self.ended
        assert code is not None
        return code

    async def kill(self) -> None:
        """End it at once, asleep or awake."""
        self.send(signal.SIGKILL)
        await self.end()


class Site:
    """Processes on one database. ``environment`` is what each of them is given."""

    def __init__(self, environment: dict[str, str] | None = None, *, durable: bool = True, migrated: bool = True) -> None:
        self.home = Path(tempfile.mkdtemp(prefix=f"headrace-tests-{os.getpid()}-", dir="/tmp"))
        self.home.chmod(0o755)  # root's Postgres runs as another user
        self.postgres = EmbeddedPostgres(self.home, durable=durable)
        self.environment = {
            "HEADRACE_HOME": str(self.home),
            "HEADRACE_LOG_PARTITIONS": "8",
            "HEADRACE_STREAM_LEASE_MS": "1000",
            "PROMETHEUS_METRICS_ENABLED": "false",
            "LOG_LEVEL": "WARNING",
        } | (environment or {})
        self.running: list[Process] = []
        self._migrated = migrated

    async def __aenter__(self) -> Self:
        """Start Postgres and, unless it is to stay empty, bring its database up to date."""
        self.environment.setdefault("DATABASE_URL", await asyncio.to_thread(self.postgres.start))
        if self._migrated:
            await wiring.migrate(self.settings)
        return self

    async def __aexit__(self, *error: object) -> None:
        """End what runs and take the folder away."""
        for process in self.running:
            process.send(signal.SIGKILL)
        for process in self.running:
            await process.end()
        await asyncio.to_thread(self.postgres.stop)
        if error[0] is not None and (words := self.words()):
            print(f"--- the last words of {self.home.name}:\n{words[-3000:]}")  # noqa: T201 - whoever looks for the cause
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def settings(self) -> Settings:
        """Return the settings of the site's processes."""
        return config.read(self.environment)

    @property
    def patient(self) -> Settings:
        """Return them as the trial itself writes to the log: it waits for a slow broker.

        A record that Kafka is slow to acknowledge would go by the Postgres log as well. An event counts once all the same, but
        a poison has no id that could tell it is the same one.
        """
        return config.read(self.environment | {"HEADRACE_KAFKA_APPEND_MS": "30000"})

    def words(self) -> str:
        """Return what the processes have said."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.home.glob("*.out")))

    def start(
        self,
        role: Role,
        *,
        armed: Point | None = None,
        census: Path | None = None,
        port: int | None = None,
        environment: dict[str, str] | None = None,
    ) -> Process:
        """Start a process at once, without waiting for it."""
        port = port or free_port()
        given = self.environment | {"API_PORT": str(port)} | (environment or {})
        order = Order(role, given, self.home / f"{role}.out", armed, census)
        started = FORKS.Process(target=main, args=(order,), daemon=True)
        started.start()
        process = Process(started, role, port)
        self.running.append(process)
        return process

    async def api(self, *, port: int | None = None, environment: dict[str, str] | None = None) -> Process:
        """Start an API and wait until it can take events and answer."""
        process = self.start("api", port=port, environment=environment)
        await until(lambda: answers(process.port, "/readyz"), "the API is ready")
        return process

    def living(self, role: Role) -> list[Process]:
        """Return the processes of a role that have not ended."""
        return [process for process in self.running if process.role == role and process.ended is None]

    async def stop_postgres(self, number: signal.Signals = signal.SIGQUIT) -> None:
        """Stop the server: SIGQUIT is ``pg_ctl -m immediate``, SIGINT is ``-m fast``."""
        data = self.postgres.folder / "data"
        server = processes.living(data)
        assert server is not None, "there is no server to stop"
        os.kill(server.pid, number)
        await until(lambda: processes.living(data) is None, "Postgres stops")

    async def start_postgres(self) -> None:
        """Start the server again, at the same address."""
        assert await asyncio.to_thread(self.postgres.start) == self.environment["DATABASE_URL"]


async def until(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], what: str, *, within_s: float = PATIENCE_S
) -> float:
    """Wait for a condition and return how many seconds it took; fail with these words when it does not come in time."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return loop.time() - began
        if loop.time() - began > within_s:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        await asyncio.sleep(LOOK_S)


async def answers(port: int, path: str = "/healthz") -> bool:
    """Return whether an API says 200."""
    client = Client(port, longest_s=5)
    try:
        return (await client.get(path)).status == 200
    except Unheard:
        return False
    finally:
        client.close()
