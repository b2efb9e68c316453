"""``headrace kafka``: a real Kafka broker on this machine, for trying the product on it."""

from enum import StrEnum
from typing import Annotated

import typer

from headrace import config, telemetry
from headrace.config import Settings
from headrace.embedded.jars import jars_in
from headrace.embedded.kafka import Broker


class Action(StrEnum):
    """What to do with the broker."""

    START = "start"
    STOP = "stop"
    STATUS = "status"


def kafka(
    action: Annotated[Action, typer.Argument(help="start it and wait until it serves; stop it; status: where it is.")],
) -> None:
    """Run one Kafka broker on loopback: start it, stop it, or tell where it is.

    Needs Java 17 and Maven. The first start fetches Apache Kafka, some 45 MB. Its data stands in HEADRACE_HOME/kafka and
    outlives a stop. One broker on one disk is for trying things; a deployment has a cluster of its own.

        headrace kafka start
        KAFKA_BOOTSTRAP=127.0.0.1:9092 headrace run
        headrace kafka stop
    """
    settings = config.read()
    telemetry.configure(settings.telemetry)
    broker = _broker(settings)
    if action is Action.START:
        broker.start()
        typer.echo(f"Apache Kafka {broker.version} serves: KAFKA_BOOTSTRAP={broker.bootstrap}")
    elif action is Action.STOP:
        was_running = broker.pid is not None
        broker.stop()
        typer.echo("Kafka is stopped." if was_running else "Kafka was not running.")
    elif broker.pid is None:
        typer.echo("Kafka is not running.")
        raise typer.Exit(1)
    else:
        typer.echo(f"Apache Kafka {broker.version}, process {broker.pid}: KAFKA_BOOTSTRAP={broker.bootstrap}")


def _broker(settings: Settings) -> Broker:
    return Broker(settings.home / "kafka", jars_in(settings.broker.cache), port=settings.broker.port)
