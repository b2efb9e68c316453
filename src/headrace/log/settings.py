"""Which log carries the events and how its topics are called outwardly."""

from dataclasses import dataclass

from headrace.log.port import Topic


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
        }
