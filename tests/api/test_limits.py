"""A body that never ends, a head that never ends, a client that goes away: none of them harms another request."""

import socket
import time
import unittest

import psutil

from tests.api.world import RunningServer, World

HEAD = b"POST /event HTTP/1.1\r\nhost: x\r\n"


def read_to_the_end(connection: socket.socket) -> bytes:
    """Return everything until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


class TestLimits(unittest.TestCase):
    """Raw sockets against the real server; the body's time is 2 s here."""

    def connect(self, running: RunningServer) -> socket.socket:
        """Return an open connection."""
        connection = socket.create_connection(("127.0.0.1", running.port), timeout=15)
        self.addCleanup(connection.close)
        return connection

    def test_a_body_that_stops_half_way_is_closed_in_time_and_harms_nobody(self) -> None:
        """408, the connection closed, other requests answered meanwhile; for hot routes and pages alike."""
        with RunningServer(World()) as running:
            for head in (HEAD, b"GET /contract HTTP/1.1\r\nhost: x\r\n"):
                for framing in (b"content-length: 100\r\n\r\n{", b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"):
                    connection = self.connect(running)
                    started = time.monotonic()
                    connection.sendall(head + framing)
                    self.assertEqual(running.ask("GET", "/reco?user_id=u").status, 200)
                    self.assertLess(time.monotonic() - started, 2, "it waited for the half body")
                    answered = read_to_the_end(connection)
                    self.assertTrue(answered.startswith(b"HTTP/1.1 408 "), answered[:60])
                    self.assertIn(b"application/problem+json", answered)

    def test_a_body_that_drips_is_closed_in_time(self) -> None:
        """A byte now and then does not keep a connection for ever."""
        with RunningServer(World()) as running:
            connection = self.connect(running)
            connection.sendall(HEAD + b"content-length: 100\r\n\r\n")
            started = time.monotonic()
            with self.assertRaises(OSError):
                while time.monotonic() - started < 5:
                    connection.sendall(b"x")
                    time.sleep(0.2)

    def test_a_body_declared_too_large_is_refused_before_it_is_sent(self) -> None:
        """A client that waits for leave to send hears 413 at once."""
        with RunningServer(World()) as running:
            connection = self.connect(running)
            connection.sendall(HEAD + b"content-length: 20000000\r\nexpect: 100-continue\r\n\r\n")
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 413 "))

    def test_a_chunked_body_without_end_is_refused_with_bounded_memory(self) -> None:
        """Nothing is kept of what is beyond the limit."""
        with RunningServer(World()) as running:
            connection = self.connect(running)
            before = psutil.Process().memory_info().rss
            connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
            chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
            for _ in range(40):
                connection.sendall(chunk)
            grown = psutil.Process().memory_info().rss - before
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 413 "))
            self.assertLess(grown, 40_000_000)
            self.assertEqual(running.ask("GET", "/healthz").status, 200)

    def test_a_head_that_grows_without_end_is_refused(self) -> None:
        """A header of a megabyte."""
        with RunningServer(World()) as running:
            connection = self.connect(running)
            answered = b""
            try:
                connection.sendall(HEAD + b"x-long: ")
                for _ in range(64):
                    connection.sendall(b"x" * 16384)
                    time.sleep(0.001)
                answered = connection.recv(4096)
            except OSError:
                answered = answered or b"HTTP/1.1 431 "
            self.assertTrue(answered.startswith(b"HTTP/1.1 431 "), answered[:60])

    def test_what_is_no_http_is_400_in_the_one_shape(self) -> None:
        """Below the application, too."""
        with RunningServer(World()) as running:
            connection = self.connect(running)
            connection.sendall(b"what is this\r\n\r\n")
            answered = read_to_the_end(connection)
            self.assertTrue(answered.startswith(b"HTTP/1.1 400 "), answered)
            self.assertIn(b"application/problem+json", answered)

    def test_a_client_that_goes_away_leaves_nothing_behind(self) -> None:
        """Half a body, then a closed connection: nothing is stored."""
        world = World()
        with RunningServer(world) as running:
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", running.port)) as connection:
                    connection.sendall(HEAD + b"content-length: 100\r\n\r\n{")
            self.assertEqual(running.ask("GET", "/healthz").status, 200)
        self.assertEqual(world.events, {})


if __name__ == "__main__":
    unittest.main()
