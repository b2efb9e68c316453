"""The worker process: applies the log to the features until told to stop."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import start_http_server

from headrace import telemetry, wiring
from headrace.config import Settings

PORTS_TRIED: Final = 50


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; finish the running batches, give the partitions back and return within 10 seconds."""
    _give_way(settings.stream.niceness)
    loop = asyncio.get_running_loop()
    this = asyncio.current_task()
    waiting_for_database = True
    if settings.telemetry.prometheus_enabled:
        _serve_metrics(settings.telemetry)
    stopped = asyncio.Event()
    stop = stopped.set

    def on_signal() -> None:
        stop()
        if waiting_for_database and this is not None:
            this.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        async with wiring.workers(settings) as worker:
            waiting_for_database = False
            stop = worker.stop
            if stopped.is_set():
                return
            telemetry.log.info("worker_started", group=settings.stream.group_id)
            await worker.run()
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
    telemetry.log.info("worker_stopped")


def _give_way(niceness: int) -> None:
    """Have the processes that answer and take events go before this one wherever there is not enough for all.

    Linux may share processors between sessions first (sched(7), autogroup), and this process has one of its own.
    """
    os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def _serve_metrics(settings: telemetry.TelemetrySettings) -> None:
    """Open the metrics page; a taken port gives way to the next free one, announced in the log."""
    for port in range(settings.worker_metrics_port, min(65_536, settings.worker_metrics_port + PORTS_TRIED)):
        try:
            start_http_server(port, settings.worker_metrics_host, telemetry.WORKER_REGISTRY)
        except OSError:
            continue
        telemetry.log.info("worker_metrics", url=f"http://{settings.worker_metrics_host}:{port}/metrics")
        return
    telemetry.log.error("worker_metrics_not_served", first_port=settings.worker_metrics_port)
