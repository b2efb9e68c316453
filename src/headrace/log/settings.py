"""Which log carries the events and how its topics are called outwardly."""

from dataclasses import dataclass, field
from typing import Literal

from headrace.log.port import Topic


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How the client comes to its brokers, and how it makes topics."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Whether connections are encrypted, and whether we say who we are."""

    sasl_mechanism: str | None = None
    """How we say who we are."""

    sasl_username: str | None = None
    """Who we are."""

    sasl_password: str | None = field(default=None, repr=False)
    """The word that proves it."""

    ssl_ca_location: str | None = None
    """The file of certificates that we trust."""

    ssl_certificate_location: str | None = None
    """The file of our own certificate."""

    ssl_key_location: str | None = None
    """The file of its key."""

    ssl_key_password: str | None = field(default=None, repr=False)
    """The word that opens it."""

    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further options of librdkafka."""

    replication: int = 0
    """How many brokers keep each partition of a topic that we make; 0 leaves it to the brokers."""

    append_ms: int = 800
    """How long an append waits for Kafka before the log in Postgres takes the events."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The log: the embedded one in Postgres, or Kafka where brokers are named."""

    kafka_bootstrap: str | None = None
    """Kafka's brokers as ``host:port,host:port``; None keeps the log in Postgres."""

    topic_interaction: str = "reco_interaction"
    """The topic of events that came by ``POST /event``."""

    topic_watch: str = "reco_watch"
    """The topic of watches."""

    topic_impression: str = "reco_impression"
    """The topic of impressions."""

    topic_catalogue: str = "reco_catalogue"
    """The topic of changes of the catalogue."""

    topic_dlq: str = "reco_events_dlq"
    """The topic of dead letters."""

    partitions: int = 4
    """How many partitions each topic has; fixed once the log exists."""

    retention_hours: int = 168
    """How many hours the log keeps a record that has been applied."""

    queue_records: int = 20_000
    """How many records may wait for their commit before the door answers 503."""

    @property
    def names(self) -> dict[Topic, str]:
        """Return what each topic is called outwardly."""
        return {
            Topic.INTERACTION: self.topic_interaction,
            Topic.WATCH: self.topic_watch,
            Topic.IMPRESSION: self.topic_impression,
            Topic.CATALOGUE: self.topic_catalogue,
        }
