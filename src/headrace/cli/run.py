"""``headrace run``: everything on this machine, by one command."""

import asyncio
import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final
from urllib.parse import urlsplit

import typer

from headrace import config, telemetry, wiring
from headrace.cli.ports import check_free, first_free, is_loopback
from headrace.clock import Clock, SystemClock
from headrace.config import Settings
from headrace.embedded.errors import EmbeddedPostgresError
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.serving import recipes
from headrace.supervisor import Child, Supervisor, keep_alive

READY_WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 0.05
HURRY_AFTER_S: Final = 1.0


def run() -> None:
    """Start everything on this machine: Postgres, the API and a worker.

    Postgres is the embedded one, its data in HEADRACE_HOME, unless DATABASE_URL names another. A process that dies is
    started again. Ctrl-C stops everything cleanly.

        headrace run
        API_PORT=9000 HEADRACE_HOME=/srv/reco headrace run
        DATABASE_URL=postgresql://me@db.example/reco headrace run
    """
    clock = SystemClock()
    began = clock.monotonic()
    environment = _environment_of_children()
    settings = config.read(environment)
    telemetry.configure(settings.telemetry)
    check_free(settings.api.host, settings.api.port)
    if not settings.api.embedded_worker and settings.telemetry.prometheus_enabled:
        # Chosen here, so that what is printed is where it is.
        shown = settings.telemetry
        port = first_free(shown.worker_metrics_host, shown.worker_metrics_port)
        environment["WORKER_METRICS_PORT"] = str(port)
        settings = replace(settings, telemetry=replace(shown, worker_metrics_port=port))
    for one in settings.each():
        recipes.named(one.serving.recipe, one.serving.recipes)  # a wrong name is told here, not by a child that dies
    signal.signal(signal.SIGTERM, _interrupt)  # until the event loop takes over: a stop while starting is as clean as Ctrl-C
    with ExitStack() as stack:
        postgres = None
        if settings.database.url is None:
            postgres = EmbeddedPostgres(settings.home)
            url = stack.enter_context(postgres)
            settings = replace(settings, database=replace(settings.database, url=url))
            environment["DATABASE_URL"] = url
        asyncio.run(_run(settings, environment, postgres, clock, began))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # we are stopping already
    typer.echo("Stopped.")


async def _run(
    settings: Settings, environment: dict[str, str], postgres: EmbeddedPostgres | None, clock: Clock, began: float
) -> None:
    await wiring.migrate_all(settings)  # a space that breaks here is away alone, and told of again by the processes
    children = [Child("api", (sys.executable, "-m", "headrace", "api", "--with-parent"))]
    if not settings.api.embedded_worker:
        children.append(Child("worker", (sys.executable, "-m", "headrace", "worker", "--with-parent")))
    supervisor = Supervisor(children, environment, clock)
    stop = asyncio.Event()
    _stop_on_signals(supervisor, stop, clock)
    beside = [asyncio.create_task(_announce(settings, postgres, clock, began))]
    if postgres is not None:
        beside.append(asyncio.create_task(_keep_postgres(postgres)))
    try:
        await supervisor.run(stop)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def _stop_on_signals(supervisor: Supervisor, stop: asyncio.Event, clock: Clock) -> None:
    """Let the first signal stop everything in order, and a later one at once; wrappers often send the first one twice."""
    first = 0.0

    def on_signal() -> None:
        nonlocal first
        if not stop.is_set():
            first = clock.monotonic()
            stop.set()
        elif clock.monotonic() - first > HURRY_AFTER_S:
            supervisor.kill()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)


def _environment_of_children() -> dict[str, str]:
    """Return our environment with what differs under one roof: worker metrics on loopback, readable logs on a terminal."""
    environment = config.environment()
    environment.setdefault("WORKER_METRICS_HOST", "127.0.0.1")
    if sys.stderr.isatty():
        environment.setdefault("LOG_FORMAT", "console")
    return environment


async def _keep_postgres(postgres: EmbeddedPostgres) -> None:
    async def lives() -> bool:
        return await asyncio.to_thread(postgres.running)

    async def revive() -> None:
        try:
            await asyncio.to_thread(postgres.start)
        except EmbeddedPostgresError as error:
            telemetry.log.error("postgres_does_not_start", message=str(error))

    await keep_alive(lives, revive, name="postgres")


async def _announce(settings: Settings, postgres: EmbeddedPostgres | None, clock: Clock, began: float) -> None:
    """Print where things are as soon as the API can answer."""
    while not await _answers(settings):
        if clock.monotonic() - began > READY_WITHIN_S:
            telemetry.log.warning("api_not_ready", message=f"no recommendations after {READY_WITHIN_S:g} s: see /readyz")
            return
        await asyncio.sleep(LOOK_EVERY_S)
    for line in block(settings, None if postgres is None else postgres.logs, clock.monotonic() - began):
        typer.echo(line)


def block(settings: Settings, postgres_logs: Path | None, seconds: float) -> list[str]:
    """Return the lines that tell where everything is."""
    host = _reachable(settings.api.host)
    api = f"http://{host}:{settings.api.port}"
    shown = settings.telemetry
    worker = "inside the API" if settings.api.embedded_worker else "a process of its own"
    if not settings.api.embedded_worker and shown.prometheus_enabled:
        worker += f"; metrics http://{_reachable(shown.worker_metrics_host)}:{shown.worker_metrics_port}/metrics"
    metrics = f"{api}/metrics/prometheus" if shown.prometheus_enabled else "not shown (PROMETHEUS_METRICS_ENABLED=false)"
    if postgres_logs is None:
        kept = urlsplit(settings.database.url or "").hostname or "a local socket"
        data, logs = f"Postgres at {kept}", "here"
    else:
        data, logs = str(settings.home), f"here; Postgres' in {postgres_logs}"
    return [
        "",
        f"  headrace is ready after {seconds:.1f} s; Ctrl-C stops it",
        "",
        f"    API      {api}" + ("" if is_loopback(settings.api.host) else "  (open to others, without keys)"),
        f"    console  {api}/console{_seen_by(settings)}",
        f"    docs     {api}/docs",
        f"    metrics  {metrics}",
        f"    worker   {worker}",
        f"    data     {data}",
        f"    logs     {logs}",
        "",
        f"    curl '{api}/reco?user_id=ada&session_id=s1&k=5'",
        "",
    ]


def _seen_by(settings: Settings) -> str:
    """Return who may see the console, where that is worth a word."""
    if settings.console.open:
        return "  (open to whoever reaches the API, without keys)"
    return "" if is_loopback(settings.api.host) else "  (from this machine only)"


def _reachable(host: str) -> str:
    """Return how to reach an address from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not listened on
    return f"[{host}]" if ":" in host else host


async def _answers(settings: Settings) -> bool:
    """Return whether ``/readyz`` says 200, asked without any HTTP library: one request, one line."""
    host = _reachable(settings.api.host).strip("[]")
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, settings.api.port)
            try:
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
