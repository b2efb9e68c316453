"""The short way of hot requests: however a request comes, its answer is the same, and the connection goes on."""

import http.client
import json
import socket
import time
import unittest
from unittest.mock import patch

from headrace.api import server
from headrace.api.protocol import Protocol
from tests.api.test_limits import read_to_the_end
from tests.api.world import RunningServer, World

WAITED = b"GET /reco?user_id=bob&k=5 HTTP/1.1\r\nhost: x\r\n\r\n"
AT_ONCE = b"GET /reco?user_id=ada&k=5 HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


def event(number: int) -> bytes:
    """Return a request that sends an event."""
    now_ms = int(time.time() * 1000)
    fields = {"event_id": f"event-no-{number}", "user_id": "ada", "item_id": "tea", "event_type": "view", "ts": now_ms}
    body = json.dumps(fields).encode()
    return b"POST /event HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def answers(data: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """Return status, headers and body of every answer in what a connection said."""
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        length = int(headers["content-length"])
        found.append((int(status.split()[1]), headers, rest[:length]))
        data = rest[length:]
    return found


class TheShortWay(unittest.TestCase):
    """Raw sockets against the real server."""

    def say(self, running: RunningServer, *pieces: bytes, pause_s: float = 0.0) -> list[tuple[int, dict[str, str], bytes]]:
        """Send the pieces on one connection and return all answers until it closes."""
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause_s)
            return answers(read_to_the_end(connection))

    def test_an_answer_is_the_same_whole_in_pieces_and_byte_by_byte(self) -> None:
        """Head and body in one piece, apart, and in ten pieces: the same status, type and body."""
        with RunningServer(World()) as running:
            whole = event(1)
            head, _, body = whole.partition(b"\r\n\r\n")
            tens = [whole[n : n + len(whole) // 10 + 1] for n in range(0, len(whole), len(whole) // 10 + 1)]
            first, *others = (
                self.say(running, *pieces, LAST, pause_s=0.01) for pieces in ([whole], [head + b"\r\n\r\n", body], tens)
            )
            self.assertEqual([one[0] for one in first], [200, 200])
            self.assertEqual(json.loads(first[0][2]), {"status": "ok", "event_id": "event-no-1"})
            for other in others:
                self.assertEqual(json.loads(other[0][2]), {"status": "duplicate", "event_id": "event-no-1"})
                self.assertEqual(other[0][1].keys(), first[0][1].keys())

    def test_requests_sent_ahead_are_answered_in_their_order(self) -> None:
        """A slow one, one answered at once, an event, a page: whatever takes long, the order is the client's."""
        world = World()
        world.slow_s = 0.1
        with RunningServer(world) as running:
            said = self.say(running, event(1) + AT_ONCE + WAITED + event(2) + LAST)
            self.assertEqual([one[0] for one in said], [200] * 5)
            kinds = ["event_id" if b"event_id" in body else "items" if b"items" in body else "health" for _, _, body in said]
            self.assertEqual(kinds, ["event_id", "items", "items", "event_id", "health"])
            self.assertIn(b"event-no-1", said[0][2])
            self.assertIn(b"event-no-2", said[3][2])

    def test_a_connection_serves_one_request_after_the_other(self) -> None:
        """A hundred on one connection, hot routes and pages in turn; every answer dated."""
        with RunningServer(World()) as running:
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
            for target in ["/reco?user_id=ada", "/reco?user_id=bob", "/contract", "/reco?k=0"] * 25:
                connection.request("GET", target)
                answer = connection.getresponse()
                answer.read()
                self.assertEqual(answer.status, 422 if "k=0" in target else 200)
                self.assertTrue(answer.headers["date"])
            connection.close()

    def test_a_client_that_asks_for_the_end_gets_it(self) -> None:
        """``connection: close`` and HTTP/1.0 close behind the answer; waiting for leave to send is granted."""
        with RunningServer(World()) as running:
            close = AT_ONCE.replace(b"host: x\r\n", b"host: x\r\nconnection: close\r\n")
            self.assertEqual([one[0] for one in self.say(running, close)], [200])
            self.assertEqual([one[0] for one in self.say(running, AT_ONCE.replace(b"HTTP/1.1", b"HTTP/1.0"))], [200])
            head, _, body = event(1).partition(b"\r\n\r\n")
            with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
                connection.sendall(head + b"\r\nexpect: 100-continue\r\n\r\n")
                self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 100 "))
                connection.sendall(body)
                self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 200 "))

    def test_a_connection_is_closed_when_nothing_came_on_it_for_so_long_since_its_last_answer(self) -> None:
        """Here for a second: two requests half a second apart, then silence; a page between makes no difference."""
        page = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        with patch.object(server, "IDLE_S", 1), RunningServer(World()) as running:
            for pieces in ([AT_ONCE, AT_ONCE], [AT_ONCE, page], [page, AT_ONCE]):
                began = time.monotonic()
                self.assertEqual([one[0] for one in self.say(running, *pieces, pause_s=0.5)], [200, 200])
                self.assertGreater(time.monotonic() - began, 1.4)

    def test_many_at_once_get_each_their_own_answer(self) -> None:
        """Forty connections whose requests come in the same moment, at once and waited for in turn."""
        with RunningServer(World()) as running:
            open_ = [socket.create_connection(("127.0.0.1", running.port), timeout=10) for _ in range(40)]
            for number, connection in enumerate(open_):
                connection.sendall((WAITED if number % 3 else AT_ONCE) if number % 5 else event(number))
            for number, connection in enumerate(open_):
                ((status, _, body),) = answers(connection.recv(4000))
                self.assertEqual(status, 200)
                self.assertIn(b'"items"' if number % 5 else f"event-no-{number}".encode(), body)
                connection.close()

    def test_errors_are_told_and_counted_as_on_the_common_way(self) -> None:
        """A refusal is 422, what is away 503 with a wait, a bug 500: at once and waited for alike."""
        world = World()
        with RunningServer(world) as running:
            for request in (AT_ONCE, WAITED, event(1)):
                world.away = "log"
                (away, _) = self.say(running, request, LAST, pause_s=0.01)
                self.assertEqual((away[0], away[1]["retry-after"]), (503, "3"))
                world.away, world.broken = None, True
                (broken, _) = self.say(running, request, LAST, pause_s=0.01)
                self.assertEqual((broken[0], broken[1]["content-type"]), (500, "application/problem+json"))
                world.broken = False
            counts = json.loads(running.ask("GET", "/metrics/reco").body)["status_counts"]
            self.assertEqual(counts, {"2xx": 0, "4xx": 0, "5xx": 4})

    def test_one_connection_too_many_is_told_to_come_back(self) -> None:
        """503 with a wait, and closed; those already open go on."""
        with patch.object(Protocol, "most_connections", 2), RunningServer(World()) as running:
            held = [socket.create_connection(("127.0.0.1", running.port), timeout=10) for _ in range(2)]
            for connection in held:
                connection.sendall(AT_ONCE)
                self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 200 "))
            ((status, headers, _),) = self.say(running, AT_ONCE)
            self.assertEqual((status, headers["connection"]), (503, "close"))
            self.assertIn("retry-after", headers)
            for connection in held:
                connection.sendall(AT_ONCE)
                self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 200 "))
                connection.close()
