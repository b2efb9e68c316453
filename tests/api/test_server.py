"""The server's life: it starts where it can, and stops as it is told."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

from headrace.api import server
from headrace.api.settings import ApiSettings
from headrace.embedded.ports import free_port

ROOT = Path(__file__).parents[2]


class TestListening(unittest.TestCase):
    """Where the server may listen."""

    def test_a_taken_port_is_one_clear_line(self) -> None:
        """The operator is told what to change."""
        with socket.create_server(("127.0.0.1", 0)) as held, self.assertRaises(server.CannotListen) as failed:
            server.listen(ApiSettings(port=held.getsockname()[1]))
        self.assertIn("API_PORT", str(failed.exception))
        self.assertNotIn("\n", str(failed.exception))

    def test_an_address_that_is_not_ours_is_one_clear_line(self) -> None:
        """A typo in the host."""
        for host in ("192.0.2.1", "no such host"):
            with self.assertRaises(server.CannotListen) as failed:
                server.listen(ApiSettings(host=host, port=0))
            self.assertIn(host, str(failed.exception))


class TestStopping(unittest.TestCase):
    """A process of its own, told to stop while it works."""

    def start(self, slow_s: float) -> tuple[subprocess.Popen[bytes], int]:
        """Start the process and wait until it answers."""
        port = free_port()
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.api.serving_process", str(port), str(slow_s)],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except OSError:
                time.sleep(0.05)
            else:
                return process, port
        raise AssertionError("the server did not start")

    def test_what_is_in_flight_is_answered_before_the_process_ends_with_0(self) -> None:
        """SIGTERM and SIGINT alike; idle connections and half heads do not hold it up."""
        for number in (signal.SIGTERM, signal.SIGINT):
            process, port = self.start(0.8)
            idle = http.client.HTTPConnection("127.0.0.1", port)
            idle.request("GET", "/healthz")
            idle.getresponse().read()
            half = socket.create_connection(("127.0.0.1", port))
            half.sendall(b"GET /heal")
            statuses: list[int] = []

            def ask(port: int = port, statuses: list[int] = statuses) -> None:
                body = {"event_id": "evt-stop", "user_id": "u", "item_id": "i", "event_type": "view", "ts": time.time()}
                connection = http.client.HTTPConnection("127.0.0.1", port)
                connection.request("POST", "/event", json.dumps(body))
                response = connection.getresponse()
                response.read()
                statuses.append(response.status)
                connection.close()

            asker = threading.Thread(target=ask)
            asker.start()
            time.sleep(0.3)
            started = time.monotonic()
            process.send_signal(number)
            asker.join()
            self.assertEqual(process.wait(10), 0)
            self.assertLess(time.monotonic() - started, server.GRACE_S, "it waited for more than what is in flight")
            self.assertEqual(statuses, [200])
            idle.close()
            half.close()

    def test_a_request_that_does_not_end_is_given_up(self) -> None:
        """It is told to come back, whichever way it took; the process is gone in time all the same."""
        process, port = self.start(60)
        told = {"event_id": "evt-stuck", "user_id": "u", "item_id": "i", "event_type": "view", "ts": time.time()}
        body = json.dumps(told).encode()
        head = b"POST /event HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
        with (
            socket.create_connection(("127.0.0.1", port)) as whole,
            socket.create_connection(("127.0.0.1", port)) as in_pieces,
        ):
            whole.sendall(head + body)
            in_pieces.sendall(head)
            time.sleep(0.3)
            in_pieces.sendall(body)
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            for stuck in (whole, in_pieces):
                answer = http.client.HTTPResponse(stuck)
                answer.begin()
                self.assertEqual(answer.status, 503)
                self.assertTrue(answer.headers["retry-after"])
                self.assertEqual(answer.headers["content-type"], "application/problem+json")
                self.assertIn("stops", json.loads(answer.read())["detail"])
            self.assertEqual(process.wait(30), 0)  # what is asked for takes 60 s


if __name__ == "__main__":
    unittest.main()
