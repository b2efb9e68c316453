"""What the client is told: what our promises rest on, what makes it notice a fault soon, and what the operator adds."""

from typing import Any, Final

from headrace.log.kafka.saying import LOGGER, on_error
from headrace.log.settings import KafkaSettings

Options = dict[str, Any]

LARGEST_RECORD: Final = 1_000_000
"""Bytes of a record with its key, and of a batch: what a broker takes by default."""

_GIVEN_UP_MS: Final = 5_000
"""The client tries to deliver for so long; whoever waits is answered earlier. A late delivery is a repeat, and counts once."""


def common(bootstrap: str, settings: KafkaSettings) -> Options:
    """Return what producer, consumer and admin client share."""
    given = {
        "security.protocol": settings.security_protocol,
        "sasl.mechanisms": settings.sasl_mechanism,
        "sasl.username": settings.sasl_username,
        "sasl.password": settings.sasl_password,
        "ssl.ca.location": settings.ssl_ca_location,
        "ssl.certificate.location": settings.ssl_certificate_location,
        "ssl.key.location": settings.ssl_key_location,
        "ssl.key.password": settings.ssl_key_password,
    }
    return {
        "bootstrap.servers": bootstrap,
        "client.id": "headrace",
        "logger": LOGGER,
        "error_cb": on_error,
        "log.connection.close": False,
        # A connection that was cut without a word is noticed in seconds, and a broker that is back within one.
        "socket.timeout.ms": 6_000,
        "socket.keepalive.enable": True,
        "socket.nagle.disable": True,
        "reconnect.backoff.ms": 200,
        "reconnect.backoff.max.ms": 1_000,
        **{name: str(value) for name, value in given.items() if value is not None},
        **dict(settings.options),
    }


def producing(bootstrap: str, settings: KafkaSettings) -> Options:
    """Return a producer's options: acknowledged by all replicas in sync, in order, each once a session."""
    return {
        "linger.ms": 0,  # what comes while a request is on its way makes the next batch
        **common(bootstrap, settings),
        "enable.idempotence": True,
        "acks": "all",
        "message.timeout.ms": _GIVEN_UP_MS,
        "request.timeout.ms": _GIVEN_UP_MS,
        "message.max.bytes": LARGEST_RECORD,
        "queue.buffering.max.messages": 0,  # the bound is ours
    }


def reading(bootstrap: str, settings: KafkaSettings, group_id: str) -> Options:
    """Return a consumer's options: it reads what it is told, from where it is told, and decides nothing."""
    return {
        # A fetch under way holds up a new position, and the end is told by an empty one: so none waits for long.
        "fetch.wait.max.ms": 25,
        "fetch.error.backoff.ms": 50,
        "fetch.queue.backoff.ms": 20,
        "queued.min.messages": 10_000,
        "queued.max.messages.kbytes": 16_384,
        **common(bootstrap, settings),
        "group.id": group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    }
