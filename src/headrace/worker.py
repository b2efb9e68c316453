"""The worker process: applies the log to the features until told to stop."""

import asyncio
import signal
from typing import Final

from prometheus_client import start_http_server

from headrace import telemetry, wiring
from headrace.config import Settings

PORTS_TRIED: Final = 50


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; finish the running batches, give the partitions back and return within 10 seconds."""
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
        async with wiring.worker(settings) as worker:
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
