"""What each route answers, over real HTTP."""

import json
import time
import unittest
from typing import Any

from headrace.api.services import Readiness
from tests.api.world import RunningServer, World

NOW = int(time.time() * 1000)


def event(number: int, **changed: object) -> dict[str, object]:
    """Return a good event."""
    head = {"event_id": f"evt-{number:06}", "user_id": "u1", "item_id": "i1"}
    return {**head, "event_type": "view", "ts": NOW // 1000, **changed}


def watch(number: int, **changed: object) -> dict[str, object]:
    """Return a good watch, fit for a batch."""
    head = {"event_id": f"wat-{number:06}", "user_id": "u1", "session_id": "s1", "request_id": "r1", "item_id": "i1"}
    return {**head, "event_type": "watch", "ts_ms": NOW, "watch_time_sec": 5, **changed}


class RouteCase(unittest.TestCase):
    """A running server over a small world."""

    def setUp(self) -> None:
        """Start it."""
        self.world = World()
        self.running = self.enterContext(RunningServer(self.world))

    def ask(self, method: str, target: str, body: bytes | str | dict[str, object] | None = None, status: int = 200) -> Any:  # noqa: ANN401 -- JSON
        """Send a request, hold its status and return its JSON."""
        answered = self.running.ask(method, target, body)
        self.assertEqual(answered.status, status, answered.body[:400])
        expected = "application/json" if status == 200 else "application/problem+json"
        self.assertEqual(answered.headers["content-type"], expected)
        return answered.json()


class TestEvents(RouteCase):
    """The ways in."""

    def test_an_event_is_ok_and_then_a_duplicate(self) -> None:
        """The second changes nothing."""
        sent = event(1)
        self.assertEqual(self.ask("POST", "/event", sent), {"status": "ok", "event_id": "evt-000001"})
        self.assertEqual(self.ask("POST", "/event", sent), {"status": "duplicate", "event_id": "evt-000001"})
        self.assertEqual(len(self.world.events), 1)

    def test_the_same_id_with_another_payload_is_a_conflict_and_the_first_one_stands(self) -> None:
        """422 that names the event_id."""
        self.ask("POST", "/event", event(1))
        told = self.ask("POST", "/event", event(1, item_id="i2"), 422)
        self.assertEqual([one["path"] for one in told["errors"]], ["event_id"])
        self.ask("POST", "/log/watch", watch(1))
        self.ask("POST", "/log/watch", watch(1, watch_time_sec=6), 422)

    def test_an_impression_and_a_watch_are_taken_alone_and_again(self) -> None:
        """``{"status": "ok"}``, a duplicate included."""
        shown = {**watch(1), "items": [{"item_id": "i1", "position": 0}]}
        for name in ("event_type", "item_id", "watch_time_sec"):
            del shown[name]
        for _ in range(2):
            self.assertEqual(self.ask("POST", "/log/impression", shown), {"status": "ok"})
            self.assertEqual(self.ask("POST", "/log/watch", watch(2)), {"status": "ok"})
        self.assertEqual(len(self.world.events), 2)

    def test_a_batch_is_all_or_nothing(self) -> None:
        """One conflict keeps its neighbours out."""
        self.assertEqual(self.ask("POST", "/log/batch", {"events": [watch(1), watch(2)]}), {"status": "ok", "count": 2})
        self.assertEqual(self.ask("POST", "/log/batch", {"events": [watch(2), watch(3)]}), {"status": "ok", "count": 2})
        told = self.ask("POST", "/log/batch", {"events": [watch(4), watch(1, item_id="other")]}, 422)
        self.assertEqual([one["path"] for one in told["errors"]], ["events[1].event_id"])
        self.assertNotIn("wat-000004", self.world.events)

    def test_a_batch_event_by_event_gives_each_its_verdict(self) -> None:
        """The good ones go in; ``count`` is how many are in the log, now or already."""
        self.ask("POST", "/log/watch", watch(1))
        events = [watch(1), watch(2), watch(1, event_id="short"), watch(3)]
        told = self.ask("POST", "/log/batch?atomic=false", {"events": events})
        self.assertEqual((told["status"], told["count"]), ("ok", 3))
        self.assertEqual([one["status"] for one in told["results"]], ["duplicate", "ok", "rejected", "ok"])
        self.assertEqual(told["results"][2]["errors"][0]["path"], "events[2].event_id")
        conflict = self.ask("POST", "/log/batch?atomic=false", {"events": [watch(2, item_id="other"), watch(5)]})
        self.assertEqual([one["status"] for one in conflict["results"]], ["conflict", "ok"])
        self.assertEqual(conflict["count"], 1)
        self.world.refused.add(str(watch(7)["event_id"]))
        refused = self.ask("POST", "/log/batch?atomic=false", {"events": [watch(6), watch(7), watch(8)]})
        self.assertEqual([one["status"] for one in refused["results"]], ["ok", "rejected", "ok"])
        self.assertEqual(refused["results"][1]["errors"], [{"path": "events[1]", "message": "refused by the store"}])
        alone = self.ask("POST", "/log/watch", watch(7), status=422)
        self.assertEqual(alone["detail"], "refused by the store")
        self.assertEqual(self.ask("POST", "/log/batch?atomic=0", {"events": [5]})["results"][0]["event_id"], None)


class TestReceipts(RouteCase):
    """What became of an event."""

    def test_an_event_has_its_receipt_and_an_unknown_one_says_what_that_can_mean(self) -> None:
        """By its id, however that is written in a path."""
        self.ask("POST", "/event", event(1))
        self.ask("POST", "/event", event(1, event_id="a/b c%d?é"))
        for target, event_id in (("evt-000001", "evt-000001"), ("a/b%20c%25d%3F%C3%A9", "a/b c%d?é")):
            told = self.ask("GET", f"/events/{target}")
            self.assertEqual((told["event_id"], told["status"]), (event_id, "acknowledged"))
            self.assertEqual((told["applied"], told["dead_letters"]), (None, []))
        missing = self.ask("GET", "/events/evt-000002", status=404)
        self.assertEqual(missing["type"], "urn:headrace:problem:not-found")
        for meaning in ("ever acknowledged", "older than what is kept"):
            self.assertIn(meaning, missing["detail"])

    def test_what_is_no_event_id_is_refused(self) -> None:
        """Too short, too long, blank, with a control character, or with something in the query."""
        for target in ("short", "x" * 65, "%20" * 9, "evt%00000001", "line%0Abreak%0A", "", "evt-000001?user_id=u1"):
            with self.subTest(target):
                self.ask("GET", f"/events/{target}", status=422)
        self.ask("POST", "/events/evt-000001", status=405)
        self.world.away = "postgres"
        self.ask("GET", "/events/evt-000001", status=503)


class TestAnswers(RouteCase):
    """The ways out."""

    def setUp(self) -> None:
        """Let others act on some items."""
        super().setUp()
        for number, item in enumerate(("a", "b", "a", "c")):
            self.ask("POST", "/event", event(number, user_id="other", item_id=item))

    def test_reco_answers_the_contract_s_shape_by_query_and_by_body(self) -> None:
        """Only ``user_id`` is required; k is 20."""
        for told in (
            self.ask("GET", "/reco?user_id=u1"),
            self.ask("GET", "/reco?user_id=u%31&session_id=s+1&k=200&x_autolog_impressions=true"),
            self.ask("POST", "/reco", {"user_id": "u1"}),
            self.ask("POST", "/reco", {"user_id": "u1", "session_id": None, "k": 200, "x_autolog_impressions": True}),
        ):
            self.assertEqual(set(told), {"request_id", "items", "model_version", "strategy"})
            self.assertEqual(told["items"], ["a", "b", "c"])
        self.assertEqual(self.ask("GET", "/reco?user_id=u1&k=1")["items"], ["a"])
        self.assertEqual(self.running.ask("GET", "/reco?user_id=u1").headers["x-as-of-ms"], "1")

    def test_with_explain_an_answer_has_its_reasons_beside_it_and_is_recorded_as_ever(self) -> None:
        """By query and by body, for whom memory knows and for whom it does not; without it there is no word of reasons."""
        for asked in (
            self.running.ask("GET", "/reco?user_id=u1&k=2&explain=true"),
            self.running.ask("GET", "/reco?user_id=ada&k=2&explain=1"),
            self.running.ask("POST", "/reco", {"user_id": "u1", "k": 2, "explain": True}),
        ):
            told = asked.json()
            self.assertEqual(set(told), {
                "request_id", "items", "model_version", "strategy", "explanations", "picture", "stages", "history", "whose",
                "missing",
            })  # fmt: skip
            self.assertEqual([one["item_id"] for one in told["explanations"]], told["items"])
            self.assertEqual(asked.headers["x-as-of-ms"], "1")
        self.assertEqual(self.world.recorded, ["u1", "ada", "u1"])
        for plain in ("/reco?user_id=ada&explain=false", "/reco?user_id=u1&explain=0"):
            self.assertEqual(set(self.ask("GET", plain)), {"request_id", "items", "model_version", "strategy"})

    def test_explain_tells_of_one_item_and_records_nothing(self) -> None:
        """An item that is shown, and one that nobody knows; by the name of a recipe that there is."""
        shown = self.ask("GET", "/explain?user_id=u1&item_id=a&recipe=revisits")
        self.assertEqual((shown["verdict"], shown["place"]), ("shown", 1))
        self.assertEqual(self.ask("GET", "/explain?user_id=u1&item_id=x&k=200&session_id=s")["verdict"], "unknown")
        self.assertEqual(self.world.recorded, [])

    def test_an_answer_is_recorded_unless_asked_not_to(self) -> None:
        """``x_autolog_impressions`` by name; ``/recommend`` never records."""
        for switch in ("false", "0"):
            self.ask("GET", f"/reco?user_id=silent&x_autolog_impressions={switch}")
        self.ask("POST", "/reco", {"user_id": "silent", "x_autolog_impressions": False})
        self.ask("GET", "/recommend?user_id=silent")
        self.ask("GET", "/reco?user_id=loud&x_autolog_impressions=1")
        self.assertEqual(self.world.recorded, ["loud"])

    def test_recommend_is_another_view_of_the_same_answer(self) -> None:
        """Items with the reason, and what made them; k is 10."""
        told = self.ask("GET", "/recommend?user_id=u1&k=2")
        reason = {"type": "popular", "sources": ["popularity"]}
        version = self.ask("GET", "/reco?user_id=u1&k=2")["model_version"]
        self.assertEqual(told, {"user_id": "u1", "items": ["a", "b"], "reason": reason, "model_version": version})


class TestOperation(RouteCase):
    """Figures, health and refusals."""

    def test_the_contract_shows_targets_and_limits(self) -> None:
        """The published floor, and what the door holds clients to."""
        told = self.ask("GET", "/contract")
        self.assertEqual(
            told["kpi_targets"], {"ctr_at_20_pct": 8.0, "avg_watch_time_sec": 35, "catalog_coverage_at_20_pct": 60.0}
        )
        self.assertEqual(told["sla_targets"], {"reco_p95_ms": 120, "reco_p99_ms": 200, "error_rate_pct": 1.0})
        self.assertEqual(told["event_contract"]["max_batch_size"], 1000)
        self.assertEqual(told["event_contract"]["max_event_age_ms"], 2_592_000_000)

    def test_the_window_counts_answers_of_both_views_and_nothing_else(self) -> None:
        """Exactly the contract's shape."""
        empty = self.ask("GET", "/metrics/reco")
        self.assertEqual((empty["sample_size"], empty["latency_ms"]), (0, {"p50": 0.0, "p95": 0.0, "p99": 0.0}))
        self.ask("GET", "/reco?user_id=u")
        self.ask("GET", "/recommend?user_id=u")
        self.ask("GET", "/reco", status=422)
        self.world.away = "postgres"
        self.ask("GET", "/reco?user_id=u", status=503)
        told = self.ask("GET", "/metrics/reco")
        self.assertEqual(list(told), ["window_sec", "sample_size", "status_counts", "error_rate_pct", "latency_ms", "sla"])
        self.assertEqual(told["status_counts"], {"2xx": 2, "4xx": 1, "5xx": 1})
        self.assertEqual((told["sample_size"], told["window_sec"], told["error_rate_pct"]), (4, 3600, 25.0))
        self.assertEqual(told["sla"], {"target_p95_ms": 120, "target_p99_ms": 200, "p95_met": True, "p99_met": True})

    def test_prometheus_shows_api_and_workers_and_no_family_twice(self) -> None:
        """One page for both."""
        self.ask("GET", "/reco?user_id=u")
        page = self.running.ask("GET", "/metrics/prometheus")
        self.assertTrue(page.headers["content-type"].startswith("text/plain"))
        text = page.body.decode()
        self.assertIn('reco_api_requests_total{status_family="2xx"}', text)
        self.assertIn("reco_api_latency_ms_bucket", text)
        self.assertIn("reco_worker_running 1.0", text)
        families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
        self.assertEqual(len(families), len(set(families)))
        self.world.away = "the worker"
        self.assertEqual(self.running.ask("GET", "/metrics/prometheus").status, 200)

    def test_metrics_that_are_switched_off_are_not_shown(self) -> None:
        """404 that names the setting."""
        self.world.metrics_shown = False
        with RunningServer(self.world) as running:
            told = running.ask("GET", "/metrics/prometheus")
        self.assertEqual(told.status, 404)
        self.assertIn("PROMETHEUS_METRICS_ENABLED", told.json()["detail"])

    def test_readiness_tells_the_truth(self) -> None:
        """Ready, degraded with what is missing, or 503."""
        self.assertEqual(self.ask("GET", "/readyz"), {"status": "ready"})
        self.world.state = Readiness(status="degraded", missing=["postgres"], snapshot_age_ms=1200)
        self.assertEqual(self.ask("GET", "/readyz"), {"status": "degraded", "missing": ["postgres"], "snapshot_age_ms": 1200})
        self.world.state = Readiness(status="unavailable", missing=["snapshot"])
        self.assertIn("snapshot", self.ask("GET", "/readyz", status=503)["detail"])
        self.assertEqual(self.ask("GET", "/healthz"), {"status": "ok"})

    def test_what_is_away_is_503_with_a_fair_wait(self) -> None:
        """On every route that needs it."""
        self.world.away = "postgres"
        for method, target, body in (
            ("POST", "/event", event(9)),
            ("POST", "/log/watch", watch(9)),
            ("POST", "/log/batch", {"events": [watch(9)]}),
            ("GET", "/reco?user_id=u", None),
            ("POST", "/reco", {"user_id": "u"}),
            ("GET", "/recommend?user_id=u", None),
            ("GET", "/analytics/baseline", None),
            ("GET", "/stream/worker", None),
        ):
            answered = self.running.ask(method, target, body)
            self.assertEqual((answered.status, answered.headers.get("retry-after")), (503, "3"), target)
            self.assertEqual(answered.json()["type"], "urn:headrace:problem:unavailable")

    def test_a_bug_of_ours_is_500_in_the_one_shape_and_ends_one_request_only(self) -> None:
        """Hot routes and pages alike."""
        self.world.broken = True
        for method, target, body in (("POST", "/event", event(9)), ("GET", "/recommend?user_id=u", None)):
            told = self.ask(method, target, body, status=500)
            self.assertEqual(told["type"], "urn:headrace:problem:internal")
            self.assertNotIn("on purpose", json.dumps(told))
        self.world.broken = False
        self.ask("GET", "/reco?user_id=u")

    def test_unknown_paths_and_methods_have_the_one_shape(self) -> None:
        """404, and 405 that says which methods there are."""
        for path in ("/nope", "/reco/", "/event/x", "/docs/../etc/passwd", "/docs/index.html"):
            self.ask("GET", path, status=404)
        for method, path, allowed in (
            ("GET", "/event", "POST"),
            ("PUT", "/reco", "GET, POST"),
            ("DELETE", "/log/batch", "POST"),
            ("POST", "/contract", "GET, HEAD"),
            ("HEAD", "/reco", "GET, POST"),
            ("HEAD", "/event", "POST"),
        ):
            answered = self.running.ask(method, path)
            self.assertEqual((answered.status, answered.headers["allow"]), (405, allowed))
            self.assertEqual(answered.headers["content-type"], "application/problem+json")

    def test_head_is_answered_as_get_is_without_the_body(self) -> None:
        """Documentation, figures and health; /reco takes no HEAD, because an answer is recorded as shown."""
        for path in ("/docs", "/openapi.json", "/contract", "/healthz", "/readyz", "/stream/worker", "/recommend?user_id=u"):
            with self.subTest(path):
                got, headed = self.running.ask("GET", path), self.running.ask("HEAD", path)
                self.assertEqual((headed.status, headed.body), (200, b""))
                self.assertEqual(headed.headers["content-type"], got.headers["content-type"])
                self.assertEqual(headed.headers["content-length"], str(len(got.body)))
        self.assertEqual(self.running.ask("HEAD", "/nope").status, 404)

    def test_the_documentation_needs_no_other_host(self) -> None:
        """The page, its script and its style come from here."""
        page = self.running.ask("GET", "/docs").body.decode()
        self.assertNotIn("https://", page)
        for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
            self.assertIn(f"/docs/{asset}", page)
            self.assertEqual(self.running.ask("GET", f"/docs/{asset}").status, 200)
        self.assertEqual(self.running.ask("GET", "/").headers["location"], "/docs")


if __name__ == "__main__":
    unittest.main()
