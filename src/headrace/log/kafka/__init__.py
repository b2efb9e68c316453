"""The log on Kafka, and the only room that knows its client: what we send, what we read, and which log it is."""

from headrace.log.kafka.log import KafkaLog
from headrace.log.kafka.outlet import KafkaOutlet

__all__ = ["KafkaLog", "KafkaOutlet"]
