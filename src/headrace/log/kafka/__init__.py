"""The log on Kafka, and the only room that knows its client: what we send, what we read, and which log it is."""

from headrace.log.kafka.log import KafkaLog, delete_topics
from headrace.log.kafka.outlet import KafkaOutlet

__all__ = ["KafkaLog", "KafkaOutlet", "delete_topics"]
