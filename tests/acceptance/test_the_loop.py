"""The loop as a story: what people do changes what they are shown, is counted once, and survives its processes."""

import os
import signal
import unittest
from typing import Any, ClassVar

from tests.acceptance.town import Town


class TheLoop(unittest.TestCase):
    """One town, several people; each chapter has people and items of its own."""

    town: ClassVar[Town]

    @classmethod
    def setUpClass(cls) -> None:
        """Start everything by the one command."""
        cls.town = Town()
        cls.addClassCleanup(cls.town.close)

    def test_who_views_a_tent_is_shown_the_stove_that_another_camper_bought(self) -> None:
        """Ada and Bob view tents, Bob buys a stove: Ada is shown the stove first; once she has viewed it, no more."""
        town = self.town
        town.act("ada", "tent")
        town.act("bob", "tent")
        town.act("bob", "stove", "purchase")
        town.until(lambda: town.shown("ada")[:1] == ["stove"], "ada is shown the stove first")
        self.assertNotIn("tent", town.shown("ada"))
        town.act("ada", "stove")
        self.assertNotIn("stove", town.shown("ada"), "her very next answer knows of it")
        town.drained()
        self.assertNotIn("stove", town.shown("ada"))

    def test_a_newcomer_is_shown_what_is_popular_and_after_one_click_what_goes_with_it(self) -> None:
        """Cyd's one click on a kayak brings the paddle to the top, on the very next answer."""
        town = self.town
        for rower in ("dan", "eva"):
            town.act(rower, "kayak", "click", session_id="trip")
            town.act(rower, "paddle", "purchase", session_id="trip")
        town.until(lambda: {"kayak", "paddle"} <= set(town.shown("cyd", 200)), "the catalogue has grown")
        town.act("cyd", "kayak", "click")
        self.assertEqual(town.shown("cyd")[0], "paddle")

    def test_the_same_event_again_is_a_duplicate_and_another_under_its_id_a_conflict(self) -> None:
        """ok, duplicate, duplicate; then 422 for the changed one, whose item never appears."""
        town = self.town
        body = town.event("fay", "lamp", "click")
        said = [town.call("POST", "/event", body) for _ in range(3)]
        self.assertEqual([status for status, _ in said], [200, 200, 200])
        self.assertEqual([answer["status"] for _, answer in said], ["ok", "duplicate", "duplicate"])
        status, problem = town.call("POST", "/event", body | {"item_id": "ghost"})
        self.assertEqual((status, problem["status"]), (422, 422))
        town.until(lambda: "lamp" in town.shown("gil", 200), "the lamp is known")
        self.assertNotIn("ghost", town.shown("gil", 200))

    def test_what_was_shown_and_what_came_of_it_appears_in_the_figures(self) -> None:
        """An answer is logged by itself; a watch that names its request moves the click-through rate."""
        town = self.town
        town.act("hal", "film-1")
        town.until(lambda: "film-1" in town.shown("ida", 200), "there is something to show")
        town.drained()
        before = self.figures()
        answer = town.get("/reco", user_id="ida", session_id="evening", k=5)
        count = len(answer["items"])
        town.until(lambda: self.figures()["requests"] == before["requests"] + 1, "the impression is counted")
        seen = self.figures()
        self.assertEqual(seen["impressions"], before["impressions"] + count)
        self.assertEqual(seen["watched_impressions"], before["watched_impressions"])
        watch = {
            "event_id": "ida-watches",
            "event_type": "watch",
            "user_id": "ida",
            "session_id": "evening",
            "request_id": answer["request_id"],
            "ts_ms": town.event("ida", "x")["ts"],
            "item_id": answer["items"][0],
            "watch_time_sec": 90.5,
            "percent_watched": 85,
        }
        self.assertEqual(town.call("POST", "/log/watch", watch)[0], 200)
        town.until(lambda: self.figures()["watches"] == before["watches"] + 1, "the watch is counted")
        after = self.figures()
        self.assertEqual(after["watched_impressions"], before["watched_impressions"] + 1)
        self.assertGreater(after["ctr_at_20_pct"], seen["ctr_at_20_pct"])
        self.assertGreater(after["avg_watch_time_sec"], 0)
        self.assertNotIn(answer["items"][0], town.shown("ida"))

    def test_both_ways_to_ask_give_one_answer(self) -> None:
        """/recommend and /reco, by GET and by POST, are views of one recommender."""
        town = self.town
        town.act("jon", "bike")
        town.act("kim", "bike", session_id="s")
        town.act("kim", "bell", "purchase", session_id="s")
        town.drained()
        town.until(lambda: "bell" in town.shown("jon"), "jon is shown the bell")
        recommended = town.get("/recommend", user_id="jon", k=5)
        status, posted = town.call(
            "POST", "/reco", {"user_id": "jon", "session_id": "s1", "k": 5, "x_autolog_impressions": False}
        )
        self.assertEqual(status, 200)
        self.assertEqual(recommended["items"], town.shown("jon", 5))
        self.assertEqual(recommended["items"], posted["items"])
        self.assertIn("co_visitation", recommended["reason"]["sources"])

    def test_an_answer_tells_why_and_what_is_not_in_it_tells_why_not(self) -> None:
        """Ola's click on the easel brings the paint, and the answer says so; why not the easel, and what would bring a kite."""
        town = self.town
        for painter in ("pia", "quin"):
            town.act(painter, "easel", "click", session_id="art")
            town.act(painter, "paint", "purchase", session_id="art")
        town.act("rob", "kite", session_id="sky")
        town.act("rob", "string", session_id="sky")
        town.act("ola", "easel", "click")
        town.drained()

        def told() -> Any:  # noqa: ANN401 -- JSON
            return town.get("/reco", user_id="ola", k=3, explain="true", x_autolog_impressions="false")

        def met() -> list[int]:
            return [cause["meetings"] for one in told()["explanations"][:1] for cause in one["because"]]

        town.until(lambda: met() == [2] and "kite" in town.shown("ola", 200), "the picture has both painters and the kite")
        answer = told()
        self.assertEqual(answer["items"], town.shown("ola", 3))
        first = answer["explanations"][0]
        self.assertRegex(first["words"][0], "^Shown because you clicked 'easel' .*; the two were seen together twice.$")
        (cause,) = first["because"]
        self.assertEqual((cause["item_id"], cause["meetings"], len(cause["events"])), ("easel", 2, 1))
        self.assertEqual(cause["events"][0]["event_id"], answer["history"][0]["event_id"])
        why = town.get("/explain", user_id="ola", item_id="easel")
        self.assertEqual((why["verdict"], why["by"]), ("filtered", "seen"))
        why = town.get("/explain", user_id="ola", item_id="kite", k=1)
        self.assertEqual((why["verdict"], why["items"], why["missing"]), ("never_proposed", ["paint"], []))
        self.assertEqual([take["item_id"] for take in why["takes"]], ["string"])

    def test_a_worker_killed_at_work_loses_nothing_and_counts_nothing_twice(self) -> None:
        """Two hundred events with two SIGKILLs on the way: all applied by its successor, and the proof says equal."""
        town = self.town
        town.drained()
        before = town.get("/stream/worker")["processed_count"]
        for number in range(200):
            town.act(f"mia-{number % 9}", f"book-{number % 13}", session_id="s")
            if number in (60, 120):
                town.until(lambda: town.child("worker") is not None, "a worker is there to be killed")
                os.kill(town.child("worker") or 0, signal.SIGKILL)
        town.drained()
        self.assertEqual(town.get("/stream/worker")["processed_count"], before + 200)
        town.until(lambda: "book-0" in town.shown("nia", 200), "the answers know of it")
        town.until(lambda: town.get("/readyz")["status"] == "ready", "all is well again")
        proof = town.headrace("verify")
        self.assertEqual(proof.returncode, 0, proof.stdout + proof.stderr)
        self.assertIn("equal", proof.stdout)

    def figures(self) -> dict[str, float]:
        """Return the figures of the KPI page."""
        found: dict[str, float] = self.town.get("/analytics/baseline", days=1)["metrics"]
        return found


if __name__ == "__main__":
    unittest.main()
