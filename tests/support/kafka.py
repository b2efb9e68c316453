"""A real Kafka broker for tests: one a test process, started when the first test needs it, ending with the process.

Without Java or Maven these tests skip, and one loud line says how to get them. How many ran, and on which version, is told at
the end.
"""

import atexit
import functools
import os
import shutil
import sys
import tempfile
import unittest
from itertools import count
from pathlib import Path
from typing import Final

import psutil

from headrace.embedded.errors import EmbeddedKafkaError
from headrace.embedded.jars import Jars, jars_in
from headrace.embedded.kafka import Broker
from tests.support.asyncs import PlainLoopTestCase

CACHE: Final = "HEADRACE_TEST_KAFKA_CACHE"
FOLDERS: Final = Path("/tmp")
PREFIX: Final = "headrace-kafka-tests-"
MORE: Final[dict[str, str]] = {}
_numbers: Final = count(1)
_ran: list[str] = []


@functools.cache
def jars() -> Jars:
    """Return Kafka's jars; skips the test where they cannot be had."""
    try:
        return jars_in(Path(os.environ[CACHE]) if CACHE in os.environ else None)
    except EmbeddedKafkaError as error:
        _say(f"NO TEST RUNS ON KAFKA: {error}")
        raise unittest.SkipTest(str(error)) from None


def own_broker(*, port: int = 0, advertised_port: int | None = None, more: dict[str, str] | None = None) -> Broker:
    """Return a broker in a folder of its own, not started yet, for a test that kills or stops it. ``discard`` takes it away."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=FOLDERS))
    return Broker(folder, jars(), port=port, advertised_port=advertised_port, more=more, guarded=True)


def discard(broker: Broker) -> None:
    """End a broker and take its folder away."""
    broker.kill()
    shutil.rmtree(broker.folder, ignore_errors=True)


@functools.cache
def shared_broker() -> Broker:
    """Return the broker that all tests of this process share, started; skips the test where there can be none."""
    _remove_remains()
    broker = own_broker(more=MORE)
    atexit.register(_end, broker)
    broker.start()
    _say(f"tests run on a real broker: Apache Kafka {broker.version} at {broker.bootstrap}")
    return broker


def ran(test: str) -> None:
    """Count a test as one that ran on Kafka; for those that are no ``KafkaTestCase``."""
    _ran.append(test)


def fresh_name() -> str:
    """Return a beginning for the names of topics that no other test uses."""
    return f"t{os.getpid()}-{next(_numbers)}"


def fresh_topics() -> dict[str, str]:
    """Return settings that name topics of their own, which do not exist yet."""
    name = fresh_name()
    return {
        "TOPIC_INTERACTION": f"{name}-interaction",
        "TOPIC_WATCH": f"{name}-watch",
        "TOPIC_IMPRESSION": f"{name}-impression",
        "TOPIC_CATALOGUE": f"{name}-catalogue",
        "TOPIC_DLQ": f"{name}-dlq",
    }


class KafkaTestCase(PlainLoopTestCase):
    """A test on the shared broker; ``self.topics`` names topics of its own, which do not exist yet."""

    broker: Broker

    @classmethod
    def setUpClass(cls) -> None:
        """Find or start the broker."""
        super().setUpClass()
        cls.broker = shared_broker()

    async def asyncSetUp(self) -> None:
        """Choose names; each test that gets here counts as one that ran on Kafka."""
        await super().asyncSetUp()
        ran(self.id())
        self.topics = fresh_topics()


def _end(broker: Broker) -> None:
    discard(broker)
    _say(f"{len(_ran)} tests ran on a real broker, Apache Kafka {broker.version}")


def _say(words: str) -> None:
    sys.stderr.write(f"\n=== {words} ===\n")
    sys.stderr.flush()


def _remove_remains() -> None:
    """Remove the folders of test processes that were killed; their brokers ended with them."""
    for folder in FOLDERS.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
