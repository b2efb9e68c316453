"""Which log it is: the embedded one, or Kafka with the embedded one to stand in for it."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace import telemetry
from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.log.memory import Memory
from headrace.log.postgres import PostgresFerry, PostgresLog
from headrace.log.relayed import OPENED_S, RelayedLog, Tally
from headrace.store.pool import Database

if TYPE_CHECKING:
    from headrace.log.kafka import KafkaOutlet

WAITING_LOOK_S = 5.0
SHORT_S = 1.0


@dataclass(frozen=True, slots=True)
class Carrier:
    """The log and, where that is Kafka, what belongs to it."""

    log: PostgresLog | RelayedLog
    near: PostgresLog
    """The embedded log: the log itself, or what stands in for Kafka."""

    memory: Memory | None = None
    ferry: PostgresFerry | None = None
    outlet: "KafkaOutlet | None" = None

    @property
    def away(self) -> bool:
        """Return whether Kafka is thought to be away."""
        return isinstance(self.log, RelayedLog) and self.log.away

    async def open(self, *, without_log: bool = False) -> None:
        """Open the log; ``without_log`` does not wait for Kafka. Raises ``Unavailable``, and ``PartitionsDiffer``."""
        if isinstance(self.log, RelayedLog):
            await self.log.open(patience_s=SHORT_S if without_log else OPENED_S)
        else:
            await self.log.open()

    async def waiting(self) -> int:
        """Return how many acknowledged records are still on their way to the log that is read. Raises ``Unavailable``."""
        return await self.log.waiting() if isinstance(self.log, RelayedLog) else 0


def carrier_of(settings: Settings, database: Database, space: str) -> Carrier:
    """Return the log that the settings ask for; touches neither database nor brokers."""
    on_kafka = settings.log.kafka_bootstrap is not None
    near = PostgresLog(
        database,
        space=space,
        partitions=settings.log.partitions,
        queue_records=settings.log.queue_records,
        names=settings.log.names,
        adopt=on_kafka,
    )
    if not on_kafka:
        return Carrier(near, near)
    from headrace.log.kafka import KafkaLog  # noqa: PLC0415 -- 3 MB and its library, which nobody pays for without Kafka

    memory = Memory()
    far = KafkaLog(settings.log, settings.kafka, memory, group_id=settings.stream.group_id)
    ferry = PostgresFerry(database, space=space)
    return Carrier(RelayedLog(far, near, ferry, memory), near, memory, ferry, far.outlet)


async def relay(carrier: Carrier, relayed: Tally) -> None:
    """Carry over what the embedded log took for Kafka, for as long as it runs; nothing to do without Kafka."""
    if isinstance(carrier.log, RelayedLog):
        async with asyncio.TaskGroup() as group:
            group.create_task(carrier.log.tend(relayed))
            group.create_task(_count(carrier))


async def _count(carrier: Carrier) -> None:
    while True:
        try:
            telemetry.LOG_WAITING.set(await carrier.waiting())
        except Unavailable as error:
            telemetry.log.debug("relay_not_counted", reason=str(error))
        await asyncio.sleep(WAITING_LOOK_S)
