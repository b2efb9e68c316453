"""Why this, and why not that, asked over HTTP of the running product."""

import unittest
from math import prod
from typing import Any, ClassVar
from urllib.parse import urlencode

from tests.acceptance.town import Town

PLAIN = {"request_id", "items", "model_version", "strategy"}
BAD = {
    "user_id": ["", " ", "u" * 129, "a\x00b"],
    "session_id": ["", "s" * 129],
    "k": ["0", "201", "-1", "five", "1e2", ""],
}
"""Wrong values by parameter, for every route that takes it."""

BAD_RECO = BAD | {"explain": ["yes", "", "True"], "recipe": ["default"], "item_id": ["tent"]}
BAD_EXPLAIN = BAD | {
    "item_id": ["", "i" * 129, "a\nb"],
    "recipe": ["", "unheard-of", "../default"],
    "explain": ["true"],
    "x_autolog_impressions": ["false"],
}
BAD_BODIES: list[tuple[str, dict[str, object]]] = [
    ("explain", {"explain": "true"}),
    ("explain", {"explain": 1}),
    ("k", {"explain": True, "k": 201}),
    ("k", {"explain": True, "k": "5"}),
    ("filter", {"explain": True, "filter": "price <"}),
    ("exclude[1]", {"explain": True, "exclude": ["a", ""]}),
    ("recipe", {"explain": True, "recipe": "default"}),
]
BAD_WHYS: list[tuple[str, dict[str, object]]] = [
    ("item_id", {}),
    ("k", {"item_id": "tent", "k": 0}),
    ("recipe", {"item_id": "tent", "recipe": "unheard-of"}),
    ("filter", {"item_id": "tent", "filter": "price <"}),
    ("exclude[0]", {"item_id": "tent", "exclude": [""]}),
    ("explain", {"item_id": "tent", "explain": True}),
]


class Reasons(unittest.TestCase):
    """A town of campers, who go on from the tent to the stove, and of readers, who like lamps."""

    town: ClassVar[Town]

    @classmethod
    def setUpClass(cls) -> None:
        """Let it live for a while; ``ada`` is a camper, ``visit-7`` a session of nobody we know."""
        cls.town = town = Town()
        cls.addClassCleanup(town.close)
        for camper in ("bea", "cal", "dan"):
            town.act(camper, "tent", session_id="trip")
            town.act(camper, "stove", "purchase", session_id="trip")
            town.act(camper, "rope", session_id="trip")
        for reader in range(9):
            town.act(f"reader-{reader}", "lamp", "click")
        town.act("eva", "kite", session_id="sky")
        town.act("eva", "string", session_id="sky")
        town.call("PUT", "/items/gone", {"available": False})
        town.act("fay", "gone", session_id="trip")
        town.act("fay", "tent", session_id="trip")
        for item in ("drum", "stick"):
            town.act("hal", item, session_id="band")
        town.act("ada", "tent", "click", session_id="now")
        town.act("cookie-1", "tent", session_id="visit-7")
        town.drained()
        for item, events in (("lamp", 9), ("string", 1), ("stick", 1), ("tent", 6)):
            cls.known(item, events)

    @classmethod
    def known(cls, item: str, events: int) -> None:
        """Wait until the picture has so many events of an item, so that nothing moves while a test compares answers."""

        def there() -> bool:
            liked = cls.town.get("/explain", user_id="nobody", item_id=item)["popularity"]
            return liked is not None and liked["events"] == events

        cls.town.until(there, f"the picture has {events} events of {item}")

    def test_the_answer_with_reasons_is_the_plain_one_by_both_methods_for_everybody(self) -> None:
        """A known user, a stranger, a session of somebody else: item by item, with the same strategy and version."""
        for user, session in (("ada", "now"), ("stranger", "none of ours"), ("cookie-2", "visit-7"), ("eva", None)):
            asked: dict[str, Any] = {"user_id": user, "k": 4} | ({"session_id": session} if session else {})
            with self.subTest(asked):
                plain = self.town.get("/reco", **asked, x_autolog_impressions="false")
                told = self.town.get("/reco", **asked, x_autolog_impressions="false", explain="true")
                status, posted = self.town.call("POST", "/reco", asked | {"x_autolog_impressions": False, "explain": True})
                self.assertEqual(set(plain), PLAIN)
                self.assertEqual(status, 200)
                for one in (told, posted):
                    self.assertEqual({name: one[name] for name in PLAIN - {"request_id"}},
                                     {name: plain[name] for name in PLAIN - {"request_id"}})  # fmt: skip
                    self.assertEqual([each["item_id"] for each in one["explanations"]], plain["items"])
                    self.assertEqual([each["place"] for each in one["explanations"]], list(range(1, len(plain["items"]) + 1)))
                    self.assertEqual(one["missing"], [])
                self.assertEqual(told["explanations"], posted["explanations"])
                self.assertEqual(told["strategy"], "+".join(dict.fromkeys(one["source"] for one in told["explanations"])))

    def test_the_parts_of_each_score_in_the_json_add_up_to_it(self) -> None:
        """(before + terms) x factors, stage by stage, as a client would recompute it."""
        for user in ("ada", "stranger", "cookie-1", "eva"):
            for one in self.told(user)["explanations"]:
                score = behind = 0.0
                for did in one["did"]:
                    self.assertEqual(did["before"], behind)
                    score = (score + sum(term["adds"] for term in did["terms"])) * prod(
                        each["times"] for each in did["factors"]
                    )
                    behind = did["after"]
                    self.assertAlmostEqual(score, behind, places=12)
                self.assertAlmostEqual(score, one["score"], places=12)
                self.assertTrue(one["words"])

    def test_an_item_is_shown_because_of_an_event_that_is_named(self) -> None:
        """Ada's click on the tent, by its id, type and time; how often the two met; through which source."""
        told = self.told("ada", k=2)
        stove = told["explanations"][0]
        (cause,) = stove["because"]
        (event,) = cause["events"]
        self.assertEqual((stove["item_id"], stove["source"]), ("stove", "co_visitation"))
        self.assertEqual((cause["item_id"], cause["through"], cause["meetings"]), ("tent", "co_visitation", 3))
        self.assertEqual((event["event_type"], event["item_id"], event["session_id"]), ("click", "tent", "now"))
        receipt = self.town.get(f"/events/{event['event_id']}")
        self.assertEqual((receipt["event"]["user_id"], receipt["event"]["ts_ms"]), ("ada", event["ts_ms"]))
        self.assertRegex(stove["words"][0], "^Shown because you clicked 'tent' .* ago; the two were seen together 3 times.$")
        self.assertEqual([one["name"] for one in told["stages"][:4]], ["co_visitation", "available", "seen", "excluded"])
        self.assertEqual([one["name"] for one in stove["did"]], ["co_visitation", "top"])

    def test_a_session_nobody_knows_is_told_by_what_it_did(self) -> None:
        """Cookie 2 in the session of cookie 1: the stove, because of the other's event; in another session, what is popular."""
        told = self.told("cookie-2", session_id="visit-7")
        self.assertEqual((told["whose"], told["items"][0], told["strategy"]), ("session", "stove", "co_visitation+popularity"))
        self.assertEqual([one["session_id"] for one in told["history"]], ["visit-7"])
        why = self.town.get("/explain", user_id="cookie-2", session_id="visit-7", item_id="tent")
        self.assertEqual((why["verdict"], why["by"], why["whose"]), ("filtered", "seen", "session"))
        told = self.told("cookie-2", session_id="visit-8")
        self.assertEqual((told["history"], told["strategy"], told["whose"]), ([], "popularity", "session"))

    def test_what_was_shown_with_its_reasons_is_recorded_once_like_any_answer(self) -> None:
        """Its receipt tells of the impression; a why leaves none."""
        told = self.town.get("/reco", user_id="ada", k=3, explain="true")
        self.town.drained()
        receipt = self.town.get(f"/events/auto-{told['request_id']}")
        self.assertEqual((receipt["event"]["served"], receipt["event"]["items"]), (True, told["items"]))

    def test_every_kind_of_why_not(self) -> None:
        """Shown, outranked by the cut, seen, switched off, proposed by nobody, unheard of: each with its numbers."""
        said = {
            item: self.town.get("/explain", user_id="ada", item_id=item, k=1)
            for item in ("stove", "rope", "tent", "gone", "kite", "ghost")
        }
        self.assertEqual(
            {item: (why["verdict"], why["by"]) for item, why in said.items()},
            {
                "stove": ("shown", None),
                "rope": ("outranked", "top"),
                "tent": ("filtered", "seen"),
                "gone": ("filtered", "available"),
                "kite": ("never_proposed", None),
                "ghost": ("unknown", None),
            },
        )
        rope, stove = said["rope"], said["stove"]
        self.assertEqual((rope["place"], rope["cut"]["item_id"], rope["cut"]["score"]), (2, "stove", stove["score"]))
        self.assertLess(rope["score"], rope["cut"]["score"])
        self.assertIn("At place 2 of 2 candidates, and only 1 is shown: 'stove'.", " ".join(rope["words"]))
        self.assertIn("You clicked 'tent'", said["tent"]["words"][-1])
        self.assertEqual([take["item_id"] for take in said["kite"]["takes"]], ["string"])
        self.town.act("ada-too", "tent")
        self.town.act("ada-too", said["kite"]["takes"][0]["item_id"])
        self.assertEqual(self.town.get("/explain", user_id="ada-too", item_id="kite")["verdict"], "shown")
        self.known("string", 2)
        self.known("tent", 7)
        self.assertEqual((said["ghost"]["popularity"], said["ghost"]["did"], said["ghost"]["met"]), (None, [], []))
        self.assertTrue(all(why["items"] == ["stove"] and why["words"] for why in said.values()))

    def test_another_recipe_gives_another_verdict_and_its_version(self) -> None:
        """What ``default`` hides as seen, ``revisits`` may show."""
        one, other = (self.town.get("/explain", user_id="hal", item_id="drum", recipe=name) for name in ("default", "revisits"))
        self.assertEqual((one["verdict"], other["verdict"]), ("filtered", "shown"))
        self.assertTrue(other["model_version"].startswith("revisits@"))

    def test_recommend_names_the_sources_that_the_reasons_name(self) -> None:
        """``reason`` is the strategy and its sources; ``explain`` is no parameter of it."""
        for user in ("ada", "stranger"):
            reason = self.town.get("/recommend", user_id=user, k=4)["reason"]
            told = self.told(user)
            self.assertEqual(reason["type"], told["strategy"])
            self.assertEqual(set(reason["sources"]), {one["source"] for one in told["explanations"]})
        self.assertEqual(self.refused("/recommend", user_id="ada", explain="true"), ["explain"])

    def test_a_filter_and_what_is_excluded_are_told_among_the_stages(self) -> None:
        """How many candidates the request's own wishes left."""
        asked = {"user_id": "ada", "x_autolog_impressions": False, "explain": True}
        status, told = self.town.call("POST", "/reco", asked | {"exclude": ["stove"], "filter": "not ('x' in categories)"})
        self.assertEqual(status, 200)
        stages = {stage["stage"]: (stage["before"], stage["after"]) for stage in told["stages"] if stage["within"] is None}
        self.assertIn("wish", stages)
        (excluded,) = [one for one in told["stages"] if one["name"] == "excluded" and one["within"] is None]
        self.assertEqual(excluded["before"] - excluded["after"], 1)
        self.assertNotIn("stove", told["items"])

    def test_what_the_requests_own_wishes_leave_out_is_told_by_them(self) -> None:
        """The stove, excluded, and with a filter that is not true of it: by whom, and what the filter looked at."""
        asked = {"user_id": "ada", "item_id": "stove", "k": 2}
        for wish, by, words in (
            ({}, None, "It is shown, at place 1."),
            ({"exclude": ["stove"]}, "excluded", "Left out because the request excludes it."),
            (
                {"filter": "$what in categories", "params": {"what": "boats"}},
                "filter",
                "Left out because the request wants $what in categories",
            ),
        ):
            status, why = self.town.call("POST", "/explain", asked | wish)
            self.assertEqual((status, why["by"]), (200, by), why)
            self.assertEqual(why["verdict"], "filtered" if by else "shown")
            self.assertTrue(why["words"][0].startswith(words), why["words"])
            self.assertEqual("stove" in why["items"], by is None)

    def test_every_wrong_question_is_refused_with_its_field(self) -> None:
        """422 in the one shape of refusals, the parameter by its name."""
        for route, bad, good in (
            ("/reco", BAD_RECO, {"user_id": "ada", "explain": "true"}),
            ("/explain", BAD_EXPLAIN, {"user_id": "ada", "item_id": "tent"}),
        ):
            for name, values in bad.items():
                for value in values:
                    with self.subTest(route=route, **{name: value[:9]}):
                        self.assertEqual(self.refused(route, **(good | {name: value})), [name])
        self.assertEqual(self.refused("/explain", user_id="ada"), ["item_id"])
        self.assertEqual(self.refused("/explain", item_id="tent"), ["user_id"])
        self.assertEqual(self.refused("/reco", explain="true"), ["user_id"])
        for path, body in BAD_BODIES:
            with self.subTest(body=body):
                status, told = self.town.call("POST", "/reco", {"user_id": "ada", **body})
                self.assertEqual((status, [one["path"] for one in told["errors"]]), (422, [path]))
        for path, body in BAD_WHYS:
            with self.subTest(body=body):
                status, told = self.town.call("POST", "/explain", {"user_id": "ada", **body})
                self.assertEqual((status, [one["path"] for one in told["errors"]]), (422, [path]))

    def told(self, user: str, **more: object) -> Any:  # noqa: ANN401 -- JSON
        """Return an answer with its reasons, leaving no trace."""
        asked = {"user_id": user, "k": 4, "x_autolog_impressions": "false", "explain": "true"}
        return self.town.get("/reco", **(asked | more))

    def refused(self, route: str, **query: object) -> list[str]:
        """Ask what is refused; return the fields that the refusal names."""
        status, told = self.town.call("GET", f"{route}?{urlencode(query)}")
        self.assertEqual((status, told["status"]), (422, 422), told)
        return [one["path"] for one in told["errors"]]


if __name__ == "__main__":
    unittest.main()
