"""Everybody who asks gets something sensible, over HTTP: whoever they are, and whatever they did."""

import unittest
from typing import Any, ClassVar

from tests.acceptance.town import Town

VIEWS = ("/reco?user_id=ada", "/recommend?user_id=ada", "/similar?item_id=tent", "/trending")


class Visitors(unittest.TestCase):
    """A town where campers buy a stove after a tent, and everybody buys lamps."""

    town: ClassVar[Town]
    before: ClassVar[dict[str, tuple[int, Any]]]
    """What each view answered before the first event."""

    @classmethod
    def setUpClass(cls) -> None:
        """Ask before there is anything; then let the town live for a while."""
        cls.town = town = Town()
        cls.addClassCleanup(town.close)
        cls.before = {view: town.call("GET", view) for view in VIEWS}
        for camper in ("bea", "cal", "dan"):
            town.act(camper, "tent")
            town.act(camper, "stove", "purchase")
        for reader in range(9):
            town.act(f"reader-{reader}", "lamp", "purchase")
        town.until(lambda: town.get("/similar", item_id="tent")["items"] == ["stove"], "the stove goes with the tent")
        town.until(lambda: town.shown("nobody") == ["lamp", "stove", "tent"], "the town is known")

    def test_an_empty_catalogue_gives_an_empty_answer_on_every_view(self) -> None:
        """No items is no error."""
        for view, (status, answer) in self.before.items():
            self.assertEqual((status, answer["items"]), (200, []), view)

    def test_a_known_user_is_shown_what_goes_with_their_history_and_nothing_of_it(self) -> None:
        """A camper who has tent and stove is shown the lamp first."""
        shown = self.town.shown("bea")
        self.assertEqual(shown[0], "lamp")
        self.assertTrue({"tent", "stove"}.isdisjoint(shown))

    def test_one_event_is_enough(self) -> None:
        """The stove first, the popular lamp behind it."""
        self.town.act("eva", "tent")
        self.assertEqual(self.town.shown("eva")[:2], ["stove", "lamp"])

    def test_an_unknown_user_is_shown_what_is_popular(self) -> None:
        """By events and their weight."""
        self.assertEqual(self.town.shown("who is that")[:3], ["lamp", "stove", "tent"])

    def test_an_unknown_item_in_the_history_does_no_harm(self) -> None:
        """Acknowledged this moment, in no picture yet: popular items for who did nothing else, the stove for who did."""
        self.town.act("fay", "yeti-1", session_id="fay's")
        self.assertEqual(self.town.shown("fay")[:2], ["lamp", "stove"])
        self.town.act("gus", "tent", session_id="gus's")
        self.town.act("gus", "yeti-2", session_id="gus's other")
        self.assertEqual(self.town.shown("gus")[:2], ["stove", "lamp"])

    def test_a_session_that_only_repeats_one_item_is_shown_what_goes_with_it(self) -> None:
        """Five views of the tent: the stove, and no tent; the item has met nothing new, itself least of all."""
        for _ in range(5):
            self.town.act("hal", "tent", session_id="round and round")
        self.town.drained()
        self.assertEqual(self.town.shown("hal")[:1], ["stove"])
        self.assertNotIn("tent", self.town.shown("hal"))
        self.assertNotIn("tent", self.town.get("/similar", item_id="tent")["items"])

    def test_an_anonymous_session_is_answered_by_its_own_events(self) -> None:
        """Another name in the same session gets the session's stove; in another session, what is popular."""
        self.town.act("cookie-1", "tent", session_id="visit-7")
        for session, first in (("visit-7", "stove"), ("visit-8", "lamp")):
            answer = self.town.get("/reco", user_id="cookie-2", session_id=session, x_autolog_impressions="false")
            self.assertEqual(answer["items"][0], first, session)

    def test_what_was_just_consumed_is_shown_by_neither_view(self) -> None:
        """A view, a click, a purchase and a watch of the lamp that everybody buys, each asked about in the next request."""
        town = self.town
        for kind in ("view", "click", "purchase", "watch"):
            user = f"{kind}er"
            self.assertIn("lamp", town.shown(user))
            if kind == "watch":
                watched = town.event(user, "lamp")
                body = {name: watched[name] for name in ("event_id", "user_id", "item_id")}
                more = {"session_id": "s1", "request_id": "r1", "ts_ms": watched["ts"], "watch_time_sec": 50}
                self.assertEqual(town.call("POST", "/log/watch", body | more)[0], 200)
            else:
                town.act(user, "lamp", kind)
            for items in (town.shown(user), town.get("/recommend", user_id=user)["items"]):
                self.assertNotIn("lamp", items, kind)
                self.assertTrue(items, kind)

    def test_similar_and_trending_answer_in_the_shape_of_reco(self) -> None:
        """The stove goes with the tent, with an unheard-of item nothing; lamps are liked now; each says what made it."""
        town = self.town
        shape = set(town.get("/reco", user_id="nobody", x_autolog_impressions="false"))
        similar, strange = town.get("/similar", item_id="tent", k=1), town.get("/similar", item_id="unheard of")
        trending = town.get("/trending", k=1)
        self.assertEqual((similar["items"], strange["items"], trending["items"]), (["stove"], [], ["lamp"]))
        for answer, recipe in ((similar, "similar@"), (strange, "similar@"), (trending, "trending@")):
            self.assertEqual(set(answer), shape)
            self.assertTrue(answer["model_version"].startswith(recipe), answer)


if __name__ == "__main__":
    unittest.main()
