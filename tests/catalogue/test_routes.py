"""The catalogue over HTTP: what is taken, what is answered, what is refused and how."""

import unittest

from headrace.events.codec import payload_hash
from tests.api.world import RunningServer, World


class Routes(unittest.TestCase):
    """A running server over a small world."""

    def setUp(self) -> None:
        """Start it."""
        self.world = World()
        self.server = self.enterContext(RunningServer(self.world))

    def test_what_is_put_is_read_and_patched_and_deleted(self) -> None:
        """Each answer names the item and the event."""
        item = {
            "title": "Jam",
            "categories": ["food"],
            "attributes": {"price": 3.5, "tags": ["sale"], "made": {"time": "2026-01-31T12:00:00Z"}, "raw": False, "by": "Ida"},
            "available_from": 1767225600,
            "available_until": "2027-01-01T00:00:00+01:00",
            "group": "jams",
        }
        done = self.server.ask("PUT", "/items/a%2Fb%20c?event_id=change-0001", item)
        self.assertEqual((done.status, done.json()), (200, {"status": "ok", "item_id": "a/b c", "event_id": "change-0001"}))
        self.assertEqual(self.server.ask("PUT", "/items/a%2Fb%20c?event_id=change-0001", item).json()["status"], "duplicate")
        kept = self.server.ask("GET", "/items/a%2Fb%20c").json()
        wanted = item | {
            "item_id": "a/b c",
            "available": True,
            "available_from": 1767225600000,
            "available_until": 1798758000000,
        }
        wanted["attributes"] = {**item["attributes"], "made": {"time": 1769860800000}}  # type: ignore[dict-item]
        self.assertEqual(kept, wanted)
        self.server.ask(
            "PATCH", "/items/a%2Fb%20c", {"available": False, "attributes": {"by": None, "price": 4}, "group": None}
        )
        kept = self.server.ask("GET", "/items/a%2Fb%20c").json()
        self.assertEqual((kept["available"], kept["group"], kept["attributes"]["price"]), (False, None, 4))
        self.assertNotIn("by", kept["attributes"])
        self.assertEqual(self.server.ask("DELETE", "/items/a%2Fb%20c").status, 200)
        gone = self.server.ask("GET", "/items/a%2Fb%20c")
        self.assertEqual((gone.status, gone.json()["type"]), (404, "urn:headrace:problem:not-found"))

    def test_an_attribute_that_there_is_no_room_for_is_refused_by_its_name(self) -> None:
        """Put, patched and among many; nothing of it is taken, and taking one back is always possible."""
        self.world.crowded = {"adult"}
        item = {"attributes": {"adult": True}}
        for method, path, body in (
            ("PUT", "/items/i1", item),
            ("PATCH", "/items/i1", item),
            ("POST", "/items", {"items": [{"item_id": "i2"}, item | {"item_id": "i1"}]}),
        ):
            refused = self.server.ask(method, path, body)
            self.assertEqual(refused.status, 422, method)
            self.assertEqual([one["path"] for one in refused.json()["errors"]], ["attributes.adult"])
        self.assertEqual(self.server.ask("PATCH", "/items/i1", {"attributes": {"adult": None}}).status, 200)
        self.assertEqual(self.server.ask("GET", "/items/i2").status, 404)

    def test_a_time_at_the_edge_of_the_calendar_is_taken_and_read_back(self) -> None:
        """Though the same moment is of no day in UTC."""
        times = {"available_from": "0001-01-01T00:00:00+23:00", "available_until": "9999-12-31T23:59:59-23:00"}
        self.assertEqual(self.server.ask("PUT", "/items/old", times).status, 200)
        kept = self.server.ask("GET", "/items/old").json()
        self.assertEqual((kept["available_from"], kept["available_until"]), (-62_135_679_600_000, 253_402_383_599_000))

    def test_a_number_that_no_float_holds_is_refused_wherever_it_stands(self) -> None:
        """An attribute, a value of a request, a factor, a rule that would be kept."""
        nines = int("9" * 400)
        self.server.ask("PUT", "/items/jam", {"attributes": {"price": 4}})
        asked = {"user_id": "ada", "x_autolog_impressions": False}
        for method, path, body in (
            ("PUT", "/items/x", {"attributes": {"price": nines}}),
            ("POST", "/reco", asked | {"filter": f"price < {nines}"}),
            ("POST", "/reco", asked | {"filter": "price == $x", "params": {"x": nines}}),
            ("POST", "/reco", asked | {"boost": [{"where": "price > 1", "times": nines}]}),
            ("PUT", "/rules/huge", {"exclude": [{"where": f"price > {nines}"}]}),
            ("PUT", "/rules/huge", {"about": "a\0b"}),
            ("PUT", "/rules/huge", {"exclude": [{"items": ["a"], "from": nines}]}),
        ):
            with self.subTest(path=path, body=str(body)[:80]):
                self.assertIn(self.server.ask(method, path, body).status, (400, 422))
        self.assertEqual(self.server.ask("GET", "/rules").json()["rules"], [])

    def test_values_of_a_request_are_bounded_in_number_and_size(self) -> None:
        """As many as may be are taken; one more is refused by its path."""
        asked = {"user_id": "ada", "x_autolog_impressions": False, "filter": "group in $b"}
        few = {f"n{number}": 1 for number in range(49)}
        for more, status in (
            ({"b": ["acme"] * 1000, **few}, 200),
            ({"b": ["acme"] * 1001}, 422),
            ({"b": ["acme"], **few, "one": 1}, 422),
            ({"b": ["x" * 1000] * 99}, 200),
            ({"b": ["x" * 1000] * 100}, 422),
        ):
            done = self.server.ask("POST", "/reco", asked | {"params": more})
            self.assertEqual(done.status, status, done.body[:300])
            if status == 422:
                self.assertTrue(done.json()["errors"][0]["path"].startswith("params"), done.json())

    def test_many_are_put_at_once_and_listed_page_by_page(self) -> None:
        """In the order of ids, none left out, none twice."""
        items = [{"item_id": f"item-{number:02}", "title": str(number)} for number in range(25)]
        self.assertEqual(self.server.ask("POST", "/items", {"items": items}).json(), {"count": 25, "status": "ok"})
        found, cursor = [], ""
        while True:
            page = self.server.ask("GET", f"/items?limit=10{cursor}").json()
            found += [(one["item_id"], one["title"]) for one in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        self.assertEqual(found, [(one["item_id"], one["title"]) for one in items])

    def test_what_is_wrong_is_refused_by_its_path_and_nothing_is_taken(self) -> None:
        """Items, batches, paths and queries."""
        bad: list[tuple[str, str, dict[str, object] | None, int, str]] = [
            ("PUT", "/items/x", {"titel": "Jam"}, 422, "titel"),
            ("PUT", "/items/x", {"title": 3}, 422, "title"),
            ("PUT", "/items/x", {"title": "x" * 513}, 422, "title"),
            ("PUT", "/items/x", {"attributes": {"no name": 1}}, 422, "attributes.no name"),
            ("PUT", "/items/x", {"attributes": {"price": 1e300}}, 422, "attributes.price"),
            ("PUT", "/items/x", {"attributes": {"tags": ["a", "\0"]}}, 422, "attributes.tags[1]"),
            ("PUT", "/items/x", {"attributes": {"made": {"time": "yesterday"}}}, 422, "attributes.made.time"),
            ("PUT", "/items/x", {"attributes": {f"a{n}": n for n in range(65)}}, 422, "attributes"),
            ("PATCH", "/items/x", {"available_from": "2026-01-31"}, 422, "available_from"),
            ("PATCH", "/items/x", {"group": ""}, 422, "group"),
            ("PUT", "/items/x?event_id=short", {}, 422, "event_id"),
            ("DELETE", f"/items/{'x' * 129}", None, 422, "item_id"),
            ("PATCH", "/items/a%0Ab%0A", {"title": "x"}, 422, "item_id"),
            ("POST", "/items", {"items": [{"item_id": "a"}, {"item_id": "a"}]}, 422, "items[1].item_id"),
            ("POST", "/items", {"items": [{"item_id": "a"}, {"item_id": "b", "group": "\0"}]}, 422, "items[1].group"),
            ("POST", "/items", {"items": []}, 422, "items"),
            ("GET", "/items?limit=0", None, 422, "limit"),
        ]
        for method, path, body, status, where in bad:
            with self.subTest(f"{method} {path}", body=str(body)[:60]):
                refused = self.server.ask(method, path, body)
                self.assertEqual(refused.status, status, refused.body)
                self.assertEqual([one["path"] for one in refused.json()["errors"]], [where])
        huge = {"attributes": {f"a{n}": ["ö" * 500] * 100 for n in range(4)}}
        self.assertEqual(self.server.ask("PUT", "/items/x", huge).status, 413)
        self.assertEqual(self.world.events, {})

    def test_the_same_event_id_with_another_item_is_a_conflict(self) -> None:
        """The first one stands."""
        self.server.ask("PUT", "/items/jam?event_id=change-0001", {"title": "Jam"})
        self.assertEqual(self.server.ask("PUT", "/items/jam?event_id=change-0001", {"title": "Tea"}).status, 422)
        (event,) = self.world.events.values()
        self.assertEqual(len(payload_hash(event)), 16)
        self.assertEqual(self.server.ask("GET", "/items/jam").json()["title"], "Jam")

    def test_a_filter_that_cannot_be_read_is_refused_with_its_character(self) -> None:
        """And one that asks for what no item has."""
        for text, at in {"price <": 8, "price <= 5": 1, "__import__('os')": 1}.items():
            refused = self.server.ask("POST", "/reco", {"user_id": "ada", "filter": text})
            self.assertEqual((refused.status, refused.json()["errors"][0]["path"]), (422, "filter"))
            self.assertIn(f"at character {at}:", refused.json()["errors"][0]["message"])
        self.assertEqual(self.server.ask("POST", "/reco", {"user_id": "ada", "filter": "true", "exclude": ["i1"]}).status, 200)

    def test_where_a_user_is_looking_can_be_told(self) -> None:
        """By query and by body; what can be no category or item is refused by its name."""
        for query in ("categories=food,sweet%20things", "looking_at=i1", "categories=food&looking_at=a%2Fb&k=3&explain=true"):
            self.assertEqual(self.server.ask("GET", f"/reco?user_id=ada&{query}").status, 200)
        told = {"user_id": "ada", "categories": ["food", "a, b"], "looking_at": "i1"}
        self.assertEqual(self.server.ask("POST", "/reco", told).status, 200)
        for name, value in {"categories": ["", "food,", ",".join("x" * 21)], "looking_at": ["", "%20"]}.items():
            for one in value:
                refused = self.server.ask("GET", f"/reco?user_id=ada&{name}={one}")
                self.assertEqual((refused.status, refused.json()["errors"][0]["path"]), (422, name))
        for wrong in ({"categories": [""]}, {"categories": ["x"] * 21}, {"looking_at": "\u0001"}):
            self.assertEqual(self.server.ask("POST", "/reco", {"user_id": "ada", **wrong}).status, 422)
