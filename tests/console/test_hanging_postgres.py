"""The running product over a Postgres that hangs, connections open and silent: what needs none answers, the rest says so."""

import http.client
import signal
import unittest
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import psutil

from tests.acceptance.town import Town

LONG_ENOUGH_S: Final = 12.0
"""How long a page or an answer may take before it counts as not answered: it gives up after eight seconds."""

BEFORE_THE_COLLECTOR_S: Final = 8.0
"""The same of the page of metrics: whoever collects it waits for ten."""

FROM_THE_DATABASE: Final = (
    "/events/event-00000001",
    "/analytics/baseline",
    "/stream/worker",
    "/items",
    "/items/umbrella",
    "/rules",
)


def asked(town: Town, path: str, patience_s: float = LONG_ENOUGH_S) -> tuple[int, http.client.HTTPMessage, str]:
    """Return an answer; raises ``TimeoutError`` where none comes in time."""
    connection = http.client.HTTPConnection("127.0.0.1", town.port, timeout=patience_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


@contextmanager
def hanging(town: Town) -> Iterator[None]:
    """Stop every process of the product's Postgres within the block; connections to it stay open."""
    data = town.home / "data" / "postgres" / "data"
    first = int((data / "postmaster.pid").read_text().split()[0])
    stopped: list[psutil.Process] = []
    try:
        while left := [one for one in family(first) if one not in stopped]:  # until no new one has come meanwhile
            for one in left:
                one.send_signal(signal.SIGSTOP)
            stopped += left
        yield
    finally:
        for one in stopped:
            one.send_signal(signal.SIGCONT)


def family(first: int) -> list[psutil.Process]:
    """Return the first process of a Postgres and all others."""
    postmaster = psutil.Process(first)
    return [postmaster, *postmaster.children()]


class AHangingPostgres(unittest.TestCase):
    """Nothing waits for it longer than a person would; afterwards everything goes on."""

    def setUp(self) -> None:
        """Start the product, in which two people have acted."""
        self.town = Town(LOG_LEVEL="WARNING", PROMETHEUS_METRICS_ENABLED="true")
        self.addCleanup(self.town.close)
        for user in ("uma", "ugo"):
            for item in ("umbrella", "lantern", *(["matches"] if user == "ugo" else [])):
                self.town.act(user, item)
        self.town.drained()
        self.town.until(lambda: "matches" in self.town.shown("uma"), "what was done is in answers")

    def test_what_is_in_memory_is_answered_and_the_rest_says_what_is_away(self) -> None:
        """Answers, the console's pages, the page of metrics, and the routes that ask the database."""
        with hanging(self.town):
            self.assertIn("matches", self.town.shown("uma"))
            for path, told in (("live", "<h1"), ("items", "umbrella"), ("people", "<h1"), ("dead-letters", "postgres is away")):
                with self.subTest(path):
                    status, _, page = asked(self.town, f"/console/{path}")
                    self.assertEqual(status, 503 if path == "dead-letters" else 200)
                    self.assertIn(told, page)
            status, _, page = asked(self.town, "/metrics/prometheus", BEFORE_THE_COLLECTOR_S)
            self.assertEqual(status, 200)
            self.assertIn("reco_answer_latency_ms_bucket", page)
            self.assertIn("# the workers' figures are away", page)
            with ThreadPoolExecutor(len(FROM_THE_DATABASE)) as pool:  # at once: each may take its whole time
                answers = list(pool.map(lambda path: asked(self.town, path), FROM_THE_DATABASE))
            for path, (status, headers, page) in zip(FROM_THE_DATABASE, answers, strict=True):
                with self.subTest(path):
                    self.assertEqual(status, 503, page)
                    self.assertGreaterEqual(int(headers["retry-after"]), 1)
                    self.assertEqual(headers["content-type"], "application/problem+json")
                    self.assertIn("postgres", page)
            status, _, page = asked(self.town, "/explain?user_id=uma&item_id=matches")
            self.assertEqual(status, 200, page)
            self.assertIn("matches", self.town.shown("uma"))
        for path in FROM_THE_DATABASE[1:3]:
            self.town.until(lambda path=path: self.town.call("GET", path)[0] == 200, f"{path} goes on")  # type: ignore[misc]
        self.town.act("uma", "matches")
        self.town.drained()
        self.assertEqual(asked(self.town, "/console/dead-letters")[0], 200)
        self.town.until(lambda: "are away" not in asked(self.town, "/metrics/prometheus")[2], "the workers are seen again")
