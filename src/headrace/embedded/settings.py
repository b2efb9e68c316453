"""Where the Kafka broker of this machine comes from and where it listens."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The broker that ``headrace kafka start`` runs; the product itself only knows ``KAFKA_BOOTSTRAP``."""

    port: int = 9092
    """The port on loopback that the broker listens on; its controller takes the next one."""

    cache: Path | None = None
    """The folder that Kafka's jars are kept in; None: ``~/.cache/headrace/kafka``."""
