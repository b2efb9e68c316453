"""The processes that faults are tried on: the product's own worker and API, started from a process that has imported them.

Forked from a server that holds everything imported, a worker is at work within a tenth of a second, so a hundred kills cost
seconds. What runs is ``headrace worker`` and ``headrace api`` without their command lines, with failpoints around.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import uvloop

from headrace import config, telemetry, wiring
from headrace import worker as the_worker
from headrace.api import server
from headrace.cli.attachment import die_with_parent
from headrace.config import Settings
from headrace.log.kafka.log import KafkaLog
from headrace.log.kafka.outlet import KafkaOutlet
from headrace.log.kafka.sending import Sender
from headrace.log.postgres import PostgresLog
from tests.faults.failpoints import Failpoints, Point

Role = Literal["worker", "api"]
FORKS: Final = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.mains"])


@dataclass(frozen=True, slots=True)
class Order:
    """What a process is to be and where its words go."""

    role: Role
    environment: Mapping[str, str]
    output: Path
    armed: Point | None = None
    census: Path | None = None


def main(order: Order) -> None:
    """Be a worker or an API until told to stop."""
    with order.output.open("ab", buffering=0) as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    die_with_parent()
    settings = config.read(order.environment)
    telemetry.configure(settings.telemetry)
    if order.armed is not None or order.census is not None:
        points = Failpoints(order.armed, order.census)
        points.plant(reaching_out())
        points.plant_around_sending(Sender, "send", "kafka send")
    uvloop.run(the_worker.run(settings) if order.role == "worker" else _serve(settings))
    sys.stdout.flush()


def reaching_out() -> list[tuple[type, str, str]]:
    """Return the methods through which a process reaches a log, with the names of their points."""
    return [
        (PostgresLog, "append", "log append"),
        (PostgresLog, "append_each", "log append each"),
        (PostgresLog, "read", "log read"),
        (KafkaLog, "append", "kafka append"),
        (KafkaLog, "carry", "kafka carry"),
        (KafkaLog, "read", "kafka read"),
        (KafkaOutlet, "publish", "kafka publish"),
    ]


async def _serve(settings: Settings) -> None:
    async with wiring.api_services(settings) as services:
        await server.serve(services)
