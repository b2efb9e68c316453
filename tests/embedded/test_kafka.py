"""The Kafka broker of this machine: made, started, killed, stopped, and gone with whoever started it."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest.mock import patch

import psutil

from headrace.embedded.errors import EmbeddedKafkaError
from headrace.embedded.jars import jars_in
from headrace.embedded.kafka import Broker
from tests.support.kafka import discard, jars, own_broker

HOLD = """
import sys, time
from pathlib import Path
from headrace.embedded.jars import jars_in
from headrace.embedded.kafka import Broker
broker = Broker(Path(sys.argv[1]), jars_in(Path(sys.argv[2])), guarded=True)
broker.start()
print(broker.pid, flush=True)
time.sleep(60)
"""


class ABroker(unittest.TestCase):
    """A broker in a folder of its own."""

    def test_a_killed_broker_comes_back_on_its_port_and_a_stopped_one_is_gone(self) -> None:
        """Starting a running one is harmless; killing or stopping one that is not there is, too."""
        broker = own_broker()
        self.addCleanup(discard, broker)
        broker.stop()
        broker.start()
        first, address = broker.pid, broker.bootstrap
        broker.start()
        self.assertEqual(broker.pid, first)
        broker.kill()
        self.assertIsNone(broker.pid)
        broker.start()
        self.assertNotEqual(broker.pid, first)
        self.assertEqual(broker.bootstrap, address)
        broker.pause()
        self.assertEqual(psutil.Process(broker.pid).status(), psutil.STATUS_STOPPED)
        broker.stop()
        self.assertIsNone(broker.pid)

    def test_a_guarded_broker_ends_with_the_process_that_started_it(self) -> None:
        """However that ends: a killed test run leaves no broker behind."""
        folder = Path(tempfile.mkdtemp(prefix="headrace-guarded-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        words = [sys.executable, "-c", HOLD, str(folder), str(jars().folder.parent)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            broker = psutil.Process(int(holder.stdout.readline()))
            holder.kill()
            deadline = time.monotonic() + 10
            while broker.is_running() and broker.status() != psutil.STATUS_ZOMBIE:
                self.assertLess(time.monotonic(), deadline, "the broker is still there")
                time.sleep(0.05)

    def test_a_taken_port_is_told_with_the_setting_that_mends_it(self) -> None:
        """Nothing is started beside another server."""
        with socket.socket() as taken, tempfile.TemporaryDirectory() as folder:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            broker = Broker(Path(folder), jars(), port=taken.getsockname()[1])
            with self.assertRaisesRegex(EmbeddedKafkaError, "HEADRACE_KAFKA_PORT"):
                broker.start()
            self.assertIsNone(broker.pid)


class WhereSomethingIsMissing(unittest.TestCase):
    """One line says how to get it."""

    def test_without_java_or_maven_the_message_says_how_to_get_them(self) -> None:
        """Java always; Maven only where the jars are not there yet."""
        nowhere = patch("headrace.embedded.jars.shutil.which", return_value=None)
        with nowhere, self.assertRaisesRegex(EmbeddedKafkaError, "apt-get install default-jre"):
            jars_in(None)
        with tempfile.TemporaryDirectory() as folder:
            for which, made in ((lambda name: "/bin/java" if name == "java" else None, False), (lambda _: "/bin/false", True)):
                with patch("headrace.embedded.jars.shutil.which", which), self.assertRaises(EmbeddedKafkaError) as caught:
                    jars_in(Path(folder))
                self.assertRegex(str(caught.exception), "Maven cannot fetch" if made else "apt-get install maven")
                self.assertEqual([path.name for path in Path(folder).iterdir() if path.is_dir()], [])


if __name__ == "__main__":
    unittest.main()
