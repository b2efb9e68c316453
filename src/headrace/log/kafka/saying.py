"""What the client library says, in our log: each kind of trouble once in a while, however often it tries again."""

import logging
import time
from typing import Final

from confluent_kafka import KafkaError

from headrace import telemetry

SILENCE_S: Final = 30.0
_said: Final[dict[str, float]] = {}


def once_in_a_while(kind: str) -> bool:
    """Return whether this kind of thing was not said for a while; the answer counts as saying it."""
    now = time.monotonic()
    if now - _said.get(kind, -SILENCE_S) < SILENCE_S:
        return False
    _said[kind] = now
    return True


def on_error(error: KafkaError) -> None:
    """Take note of what the client reports: it tries again by itself, and who waits is told by a deadline."""
    if error.fatal() or once_in_a_while(f"error {error.name()}"):
        telemetry.log.warning("kafka", reason=error.str(), fatal=error.fatal())


class _Rarely(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Let a facility of the client's (the first word) speak once in a while."""
        return once_in_a_while(f"log {record.getMessage().partition(' ')[0]}")


LOGGER: Final = logging.getLogger("headrace.kafka")
LOGGER.addFilter(_Rarely())
