"""Which space a request goes to, over the real server: two small worlds behind one address."""

import socket
import time
import unittest
from itertools import count
from typing import BinaryIO, Final

from prometheus_client.parser import text_string_to_metric_families

from headrace.api.services import Readiness
from headrace.api.settings import ApiSettings
from headrace.api.spaces import STARTING_S, Spaces
from headrace.clock import FixedClock
from tests.api.world import Answered, RunningServer, World

_numbers: Final = count()
SHOP: Final = {"X-Headrace-Space": "shop"}


def event(item: str) -> dict[str, object]:
    """Return a view of this moment."""
    number = next(_numbers)
    return {"event_id": f"event-{number:06}", "user_id": "bob", "item_id": item, "event_type": "view", "ts": int(time.time())}


def told(running: RunningServer, *pieces: bytes) -> list[bytes]:
    """Send pieces over one connection, a moment apart, and return as many answers as there are requests, each to its end."""
    requests = b"".join(pieces).count(b" HTTP/1.")
    with socket.create_connection(("127.0.0.1", running.port), 10) as connection, connection.makefile("rb") as reader:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.05)
        return [_answer(reader) for _ in range(requests)]


def _answer(reader: BinaryIO) -> bytes:
    length = 0
    while (line := reader.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return reader.read(length)


class ARequestGoesToItsSpace(unittest.TestCase):
    """The default space and a shop."""

    def setUp(self) -> None:
        """Start a server over both."""
        self.default, self.shop = World(), World()
        self.spaces = Spaces(ApiSettings(port=0, body_timeout_s=2), ["default", "shop", "video"])
        self.spaces.open("default", self.default.services())
        self.spaces.open("shop", self.shop.services())
        self.running = self.enterContext(RunningServer(self.spaces))
        for world, item in ((self.default, "lamp"), (self.shop, "tent")):
            headers = SHOP if world is self.shop else {}
            self.assertEqual(self.running.ask("POST", "/event", event(item), **headers).status, 200)

    def items(self, user: str = "ada", **headers: str) -> list[str]:
        """Return what somebody is shown."""
        found: list[str] = self.running.ask("GET", f"/reco?user_id={user}&k=5", **headers).json()["items"]
        return found

    def test_every_route_goes_where_the_header_says(self) -> None:
        """Hot ones at once and waited for, by GET and POST, the framework's, in any case of letters; the default by name."""
        for user in ("ada", "cyd"):
            self.assertEqual(self.items(user), ["lamp"])
            self.assertEqual(self.items(user, **SHOP), ["tent"])
            self.assertEqual(self.items(user, **{"x-headrace-SPACE": "  shop "}), ["tent"])
            self.assertEqual(self.items(user, **{"X-Headrace-Space": "default"}), ["lamp"])
        for path in ("/recommend?user_id=ada", "/similar?item_id=x", "/trending"):
            self.assertEqual(self.running.ask("GET", path).json()["items"], ["lamp"], path)
            self.assertEqual(self.running.ask("GET", path, **SHOP).json()["items"], ["tent"], path)
        asked = self.running.ask("POST", "/reco", {"user_id": "ada"}, **SHOP)
        self.assertEqual(asked.json()["items"], ["tent"])
        self.running.ask("PUT", "/items/i1", {"title": "of the shop"}, **SHOP)
        self.assertEqual([self.running.ask("GET", "/items/i1", **one).status for one in (SHOP, {})], [200, 404])
        self.assertEqual(len(self.default.events), 1)
        self.assertEqual(len(self.shop.events), 2)

    def test_however_a_request_comes_it_finds_its_space(self) -> None:
        """In one piece and in several, one behind the other, over HTTP/1.0, with a long body; and back without the header."""
        line, head = b"GET /reco?user_id=ada&k=5 HTTP/1.1\r\n", b"Host: x\r\n"
        shop = b"X-Headrace-Space: shop\r\n"
        plain, spaced = line + head + b"\r\n", line + head + shop + b"\r\n"
        body = b'{"user_id": "ada"}'
        posted = b"POST /reco HTTP/1.1\r\nHost: x\r\n" + shop + b"Content-Length: %d\r\n\r\n" % len(body)
        ways: list[tuple[tuple[bytes, ...], list[str]]] = [
            ((plain, spaced, plain), ["lamp", "tent", "lamp"]),
            ((plain + spaced + plain + spaced,), ["lamp", "tent", "lamp", "tent"]),
            ((spaced[:60], spaced[60:]), ["tent"]),
            ((posted + body, plain), ["tent", "lamp"]),
            ((posted, body[:5], body[5:]), ["tent"]),
            ((spaced.replace(b"1.1", b"1.0"),), ["tent"]),
        ]
        for pieces, wanted in ways:
            with self.subTest(pieces=pieces):
                found = told(self.running, *pieces)
                self.assertEqual([next(one for one in ("lamp", "tent") if one.encode() in body) for body in found], wanted)

    def test_a_space_that_is_not_there_is_refused_and_no_other_is_named(self) -> None:
        """422 for a name that is none, for two at once, for none at all; it says what to do and counts for no space."""
        bad = ("nowhere", "Shop", "sho p", "shop,default", "", "headrace", "'; DROP", "\xe9")
        for name in bad:
            for method, path in (("GET", "/reco?user_id=ada"), ("POST", "/event"), ("GET", "/trending"), ("GET", "/healthz")):
                answer = self.running.ask(method, path, event("x") if method == "POST" else None, **{"X-Headrace-Space": name})
                with self.subTest(name=name, path=path):
                    self.assertEqual(answer.status, 422)
                    self.refused(answer)
        two = b"GET /reco?user_id=ada HTTP/1.1\r\nHost: x\r\nX-Headrace-Space: shop\r\nX-Headrace-Space: default\r\n\r\n"
        self.assertIn(b"There is no such space", told(self.running, two)[0])
        same = two.replace(b"default", b"shop")
        self.assertIn(b"tent", told(self.running, same)[0])
        self.assertEqual((len(self.default.events), len(self.shop.events)), (1, 1))
        page = self.running.ask("GET", "/metrics/prometheus").body.decode()
        counted = {
            one.labels.get("space")
            for family in text_string_to_metric_families(page)
            for one in family.samples
            if one.name == "reco_api_requests_total"
        }
        self.assertLessEqual({None, "?", "shop"}, counted)
        self.assertLessEqual(counted, {None, "?", "shop", "video"}, "whatever clients make up, no label comes of it")

    def refused(self, answer: Answered) -> None:
        """Fail where an answer is not the refusal, or tells more than it should."""
        problem = answer.json()
        self.assertEqual(problem["errors"][0]["path"], "X-Headrace-Space")
        self.assertIn("HEADRACE_SPACES", problem["detail"])
        self.assertNotIn("shop", answer.body.decode())

    def test_a_space_that_is_away_is_told_of_and_the_others_answer(self) -> None:
        """One not opened yet, one that broke and comes back; the process is degraded, not unavailable."""
        video = {"X-Headrace-Space": "video"}
        self.spaces.close("video", "its log is another one")
        for path in ("/reco?user_id=ada", "/trending", "/contract"):
            answer = self.running.ask("GET", path, **video)
            self.assertEqual((answer.status, answer.headers["retry-after"]), (503, "1"), path)
            self.assertIn("its log is another one", answer.json()["detail"])
        self.assertEqual(self.running.ask("GET", "/healthz", **video).status, 200)
        self.assertEqual(self.running.ask("GET", "/metrics/prometheus", **video).status, 200)
        self.assertEqual(self.running.ask("GET", "/readyz", **video).status, 503)
        self.assertEqual(self.running.ask("GET", "/readyz", **SHOP).json(), {"status": "ready"})
        self.assertEqual(
            self.running.ask("GET", "/readyz").json(),
            {"status": "degraded", "missing": ["space video: its log is another one"]},
        )
        self.spaces.close("default", "it broke")
        self.assertEqual(self.running.ask("GET", "/reco?user_id=ada").status, 503)
        self.assertEqual(self.running.ask("POST", "/event", event("x")).status, 503)
        self.assertEqual(self.items(**SHOP), ["tent"])
        found = self.running.ask("GET", "/readyz")
        self.assertEqual((found.status, found.json()["status"]), (200, "degraded"))
        self.assertIn("space default: it broke", found.json()["missing"])
        self.assertEqual(self.running.ask("GET", "/healthz").status, 200)
        self.assertIn(b"reco_api_requests_total", self.running.ask("GET", "/metrics/prometheus").body)
        self.spaces.close("shop", "it broke as well")
        self.assertEqual(self.running.ask("GET", "/readyz").status, 503)
        self.spaces.open("default", self.default.services())
        self.assertEqual(self.items(), ["lamp"])
        self.assertEqual(self.running.ask("GET", "/readyz").json()["status"], "degraded")


class AProcessThatStarts(unittest.TestCase):
    """Whether it is ready before all its spaces are."""

    def test_it_is_not_ready_until_each_space_has_answered_or_broken_for_a_minute_at_most(self) -> None:
        """A replica that would refuse a space gets no requests yet; one space cannot hold it up for ever."""
        clock = FixedClock(0)
        spaces = Spaces(ApiSettings(), ["default", "shop"], clock)
        default, shop = World(), World()
        self.assertEqual(spaces.readiness().status, "unavailable")
        spaces.open("default", default.services())
        self.assertEqual(spaces.readiness().status, "unavailable", "the shop is being opened")
        shop.state = Readiness(status="unavailable", missing=["snapshot"])
        spaces.open("shop", shop.services())
        self.assertEqual(spaces.readiness(), Readiness(status="unavailable", missing=["space shop: snapshot"]))
        shop.state = Readiness(status="ready")
        self.assertEqual(spaces.readiness().status, "ready")
        shop.state = Readiness(status="unavailable", missing=["snapshot"])
        self.assertEqual(spaces.readiness().status, "degraded", "it had answered before")
        late = Spaces(ApiSettings(), ["default", "shop"], clock)
        late.open("default", default.services())
        self.assertEqual(late.readiness().status, "unavailable")
        clock.advance(int(1000 * STARTING_S) + 1)
        self.assertEqual(late.readiness().status, "degraded")

    def test_with_one_space_it_is_as_ready_as_that(self) -> None:
        """Nothing is told of spaces where there is one alone, and its services are used as they are."""
        world = World()
        world.state = Readiness(status="degraded", missing=["postgres"], snapshot_age_ms=7)
        with RunningServer(Spaces.alone(world.services())) as running:
            state = {"status": "degraded", "missing": ["postgres"], "snapshot_age_ms": 7}
            self.assertEqual(running.ask("GET", "/readyz").json(), state)
            self.assertEqual(running.ask("GET", "/readyz", **SHOP).status, 422)


if __name__ == "__main__":
    unittest.main()
