"""A small shop over the running product: each rule does what it says, alone and together, and the explanation tells it."""

import os
import subprocess
import sys
import time
import unittest
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from headrace.embedded.ports import free_port
from tests.acceptance.town import Town

GOODS: dict[str, dict[str, Any]] = {
    "jacket-red": {"categories": ["clothing"], "group": "jacket", "attributes": {"price": 90}},
    "jacket-blue": {"categories": ["clothing"], "group": "jacket", "attributes": {"price": 90}},
    "socks": {"categories": ["clothing"], "attributes": {"price": 5, "tags": ["sale"]}},
    "hat": {"categories": ["clothing"], "attributes": {"price": 15}},
    "tent": {"categories": ["camping"], "attributes": {"price": 200}},
    "stove": {"categories": ["camping"], "attributes": {"price": 60, "tags": ["sale"]}},
    "lamp": {"categories": ["camping"], "attributes": {"price": 20}},
    "novel": {"categories": ["books"], "attributes": {"price": 10}},
    "atlas": {"categories": ["books"], "attributes": {"price": 30, "adult": True}},
}
PLAIN = ["jacket-red", "socks", "hat", "tent", "stove", "lamp", "novel", "atlas"]
"""What ada is shown without rules: the jackets are one thing in two colours."""


class Shop(unittest.TestCase):
    """Ada has looked at boots; others looked at boots and then at one of the goods: nine at the first, one at the last."""

    town: ClassVar[Town]

    @classmethod
    def setUpClass(cls) -> None:
        """Open the shop."""
        cls.town = Town()
        cls.addClassCleanup(cls.town.close)
        for rank, item in enumerate(GOODS):
            cls.town.call("PUT", f"/items/{item}", GOODS[item])
            for number in range(len(GOODS) - rank):
                cls.town.act(f"walker-{rank}-{number}", "boots")
                cls.town.act(f"walker-{rank}-{number}", item, "click")
        cls.town.act("ada", "boots")
        cls.town.drained()
        cls.town.until(lambda: cls.town.shown("ada") == PLAIN, f"ada is shown {PLAIN}")

    def ask(self, k: int = 5, **more: object) -> dict[str, Any]:
        """Return an answer for ada, with its reasons."""
        body = {"user_id": "ada", "k": k, "x_autolog_impressions": False, "explain": True, **more}
        status, answer = self.town.call("POST", "/reco", body)
        self.assertEqual(status, HTTPStatus.OK, answer)
        found: dict[str, Any] = answer
        return found

    def put(self, name: str, *, live: bool = False, **rules: object) -> int:
        """Put a rule set and return its version."""
        status, answer = self.town.call("PUT", f"/rules/{name}?live={str(live).lower()}", rules)
        self.assertEqual(status, HTTPStatus.OK, answer)
        self.assertEqual(answer["doubts"], [])
        version: int = answer["version"]
        return version

    def tried(self, k: int = 5, **rules: object) -> dict[str, Any]:
        """Return an answer for ada under a rule set that is not live."""
        version = self.put("tried", **rules)
        return self.ask(k, rules=f"tried@{version}")

    def said(self, answer: dict[str, Any], item: str) -> str:
        """Return the sentences on one item of an answer."""
        (found,) = [one for one in answer["explanations"] if one["item_id"] == item]
        return " ".join(found["words"])

    def why(self, item: str, k: int = 5) -> dict[str, Any]:
        """Return why an item is shown to ada or not, under the set that was tried last."""
        found: dict[str, Any] = self.town.get("/explain", user_id="ada", item_id=item, k=k, rules="tried")
        return found

    def test_an_exclude_list_leaves_out_what_it_names(self) -> None:
        """By ids and by an expression; and the explanation names the rule."""
        rules = [{"name": "recall", "items": ["hat", "unheard-of"]}, {"name": "no adult", "where": "adult"}]
        answer = self.tried(8, exclude=rules)
        self.assertEqual(answer["items"], ["jacket-red", "socks", "tent", "stove", "lamp", "novel"])
        self.assertTrue(answer["model_version"].endswith(answer["rules"]["laid"][0]), answer["model_version"])
        hat, atlas = self.why("hat"), self.why("atlas")
        self.assertEqual((hat["verdict"], hat["by"]), ("filtered", answer["rules"]["laid"][0]))
        self.assertIn("Left out by the rule 'recall' of tried@", " ".join(hat["words"]))
        self.assertIn("'no adult' of tried@", " ".join(atlas["words"]))
        self.assertIn("its adult is true", " ".join(atlas["words"]))

    def test_only_leaves_out_everything_else(self) -> None:
        """An expression that must be true."""
        answer = self.tried(8, only=[{"name": "cheap", "where": "price <= 20"}])
        self.assertEqual(answer["items"], ["socks", "hat", "lamp", "novel"])
        self.assertIn("'cheap' of tried@", " ".join(self.why("tent", 8)["words"]))

    def test_a_boost_raises_and_says_by_how_much(self) -> None:
        """The stove is on sale: five times its score brings it to the front; the score's parts add up."""
        answer = self.tried(boost=[{"name": "sale", "where": '"sale" in tags', "times": 5}])
        self.assertEqual(answer["items"][:3], ["socks", "stove", "jacket-red"])
        self.assertIn("Raised ×5 by the rule 'sale' of tried@", self.said(answer, "stove"))  # noqa: RUF001
        (stove,) = [one for one in answer["explanations"] if one["item_id"] == "stove"]
        factors = [factor for did in stove["did"] for factor in did.get("factors", [])]
        self.assertIn(("boost", 5.0), [(one["name"], one["times"]) for one in factors])

    def test_what_is_buried_comes_last(self) -> None:
        """A bury without a factor puts behind everything, one with a factor lowers."""
        answer = self.tried(8, bury=[{"name": "no jackets", "items": ["jacket-red", "jacket-blue"]}])
        self.assertEqual(answer["items"], [*PLAIN[1:], "jacket-red"])
        self.assertIn("behind everything else by the rule 'no jackets'", self.said(answer, "jacket-red"))
        lowered = self.tried(8, bury=[{"items": ["socks"], "times": 0.01}])
        self.assertEqual(lowered["items"][-1], "socks")

    def test_a_pin_stands_where_it_was_put(self) -> None:
        """By an id or by what is true; the explanation says so. One that may not be shown stands nowhere, which is said."""
        answer = self.tried(pin=[{"name": "guide", "position": 2, "items": ["atlas"]}, {"position": 4, "where": "price > 100"}])
        self.assertEqual(answer["items"], ["jacket-red", "atlas", "socks", "tent", "hat"])
        self.assertIn("Pinned at place 2 by the rule 'guide' of tried@", self.said(answer, "atlas"))
        self.assertIn("Pinned at place 4 by the rule 'pin 2'", self.said(answer, "tent"))
        seen = self.tried(pin=[{"name": "again", "position": 1, "items": ["boots"]}])
        self.assertEqual(seen["items"], PLAIN[:5])
        self.assertEqual(len(seen["rules"]["unpinned"]), 1)

    def test_a_cap_holds_in_every_window_and_says_whom_it_held_back(self) -> None:
        """At most one of a category in any two places: they take turns."""
        answer = self.tried(6, cap=[{"name": "turns", "by": "categories", "most": 1, "within": 2}])
        self.assertEqual(answer["items"], ["jacket-red", "tent", "socks", "stove", "hat", "lamp"])
        self.assertIn("Held back by the rule 'turns'", self.said(answer, "socks"))

    def test_strict_is_rather_short_and_relaxed_fills_up_and_both_say_so(self) -> None:
        """One of each category: strict leaves three items, relaxed gives way at the fourth place."""
        cap = {"name": "one of each", "by": "categories", "most": 1}
        strict = self.tried(mode="strict", cap=[cap])
        self.assertEqual(strict["items"], ["jacket-red", "tent", "novel"])
        self.assertEqual(len(strict["rules"]["short"]), 1)
        self.assertIn("'one of each'", strict["rules"]["short"][0])
        why = self.why("socks")
        self.assertEqual((why["verdict"], why["by"]), ("filtered", "rules"))
        self.assertIn("Held back by the rule 'one of each'", " ".join(why["words"]))
        relaxed = self.tried(mode="relaxed", cap=[cap])
        self.assertEqual(relaxed["items"], ["jacket-red", "tent", "novel", "socks", "hat"])
        self.assertEqual(len(relaxed["rules"]["relaxed"]), 2)
        self.assertIn("gave way at place 4", self.said(relaxed, "socks"))

    def test_of_two_variants_one_is_shown_and_the_other_knows_why_not(self) -> None:
        """Without any rule."""
        self.assertNotIn("jacket-blue", self.ask(20)["items"])
        found = self.town.get("/explain", user_id="ada", item_id="jacket-blue")
        self.assertEqual(found["verdict"], "filtered")
        self.assertIn("'jacket-red', a variant of the same group 'jacket'", " ".join(found["words"]))

    def test_a_rule_holds_from_and_until_its_times(self) -> None:
        """One is over, one has not begun, one holds."""
        now = time.time_ns() // 1_000_000
        exclude = [
            {"items": ["socks"], "until": now - 1000},
            {"items": ["hat"], "from": now + 3_600_000},
            {"items": ["tent"], "from": now - 1000, "until": now + 3_600_000},
        ]
        self.assertEqual(self.tried(4, exclude=exclude)["items"], ["jacket-red", "socks", "hat", "stove"])

    def test_all_together(self) -> None:
        """Left out, raised, pinned and capped at once: each rule holds, and each is told."""
        answer = self.tried(
            6,
            exclude=[{"name": "no adult", "where": "adult"}],
            boost=[
                {"name": "sale", "where": '"sale" in tags', "times": 5},
                {"name": "cheap", "where": "price < 10", "times": 1.1},
            ],
            pin=[{"name": "read", "position": 2, "items": ["novel"]}],
            cap=[{"name": "two", "by": "categories", "most": 2, "mode": "strict"}],
        )
        self.assertEqual(answer["items"], ["socks", "novel", "stove", "jacket-red", "tent"])
        self.assertIn("Raised ×5 by the rule 'sale' of tried@", self.said(answer, "socks"))  # noqa: RUF001
        self.assertIn("'two'", answer["rules"]["short"][0])
        self.assertIn("Held back by the rule 'two'", " ".join(self.why("lamp", 6)["words"]))

    def test_a_request_brings_rules_of_its_own(self) -> None:
        """With values of its own; they go before a set's, and a mistake names the field and the character."""
        boost = [{"where": "price <= $most", "times": 50}]
        answer = self.ask(3, boost=boost, params={"most": 10}, pin=[{"position": 1, "items": ["lamp"]}])
        self.assertEqual(answer["items"], ["lamp", "socks", "novel"])
        self.assertIn("of the request", self.said(answer, "socks"))
        self.assertNotIn("+", answer["model_version"])
        status, refused = self.town.call("POST", "/reco", {"user_id": "ada", "boost": [{"where": "prize < 1", "times": 2}]})
        self.assertEqual((status, refused["errors"][0]["path"]), (HTTPStatus.UNPROCESSABLE_ENTITY, "boost[0].where"))
        self.assertIn(
            "at character 1: no item has an attribute 'prize'; did you mean 'price'?", refused["errors"][0]["message"]
        )

    def test_a_mistake_in_a_set_names_its_field_and_its_character(self) -> None:
        """All of them at once, and nothing is kept."""
        rules = {
            "exclude": [{"where": "price <"}],
            "boost": [{"where": "true", "times": 0.5}],
            "cap": [{"by": "a b", "most": 1}],
        }
        status, refused = self.town.call("PUT", "/rules/wrong", rules)
        self.assertEqual(status, HTTPStatus.UNPROCESSABLE_ENTITY)
        self.assertEqual({one["path"] for one in refused["errors"]}, {"exclude[0].where", "boost[0].times", "cap[0].by"})
        self.assertIn("at character 8", next(one["message"] for one in refused["errors"] if one["path"] == "exclude[0].where"))
        self.assertEqual(self.town.call("GET", "/rules/wrong")[0], HTTPStatus.NOT_FOUND)
        status, answer = self.town.call("PUT", "/rules/odd", {"exclude": [{"where": "weight > 3"}]})
        self.assertEqual(status, HTTPStatus.OK)
        self.assertEqual([one["path"] for one in answer["doubts"]], ["exclude[0].where"])

    def test_a_live_set_is_laid_over_every_answer_of_every_process_and_versions_stay(self) -> None:
        """Put, made live, changed, tried, gone back, taken away: a second process hears of it without a restart."""
        other = self.second_process()
        first = self.put("summer", live=True, exclude=[{"items": ["jacket-red", "jacket-blue"]}])
        self.addCleanup(self.town.call, "DELETE", "/rules/summer/live")
        self.assertNotIn("jacket-red", self.town.shown("ada"))  # at once where it was put
        began = time.monotonic()
        self.town.until(lambda: "jacket-red" not in self.shown_at(other), "the other process leaves the jacket out")
        sys.stderr.write(f"\nlive in another process after {time.monotonic() - began:.2f} s\n")
        for path, query in (("/similar", {"item_id": "boots"}), ("/trending", {}), ("/recommend", {"user_id": "ada"})):
            self.assertNotIn("jacket-red", self.town.get(path, **query)["items"], path)
        second = self.put("summer", exclude=[{"items": ["socks"]}])
        self.assertEqual(second, first + 1)
        self.assertNotIn("jacket-red", self.town.shown("ada"))  # the first is still live
        self.assertNotIn("socks", self.ask(20, rules="summer")["items"])
        self.assertEqual(self.ask(20, rules="none")["items"], PLAIN)
        self.assertEqual(self.town.call("DELETE", "/rules/summer")[0], HTTPStatus.UNPROCESSABLE_ENTITY)
        listed = self.town.get("/rules")
        self.assertEqual((listed["live"]["name"], listed["live"]["version"]), ("summer", first))
        self.assertEqual(self.town.headrace("rules", "live", "summer").stdout, f"summer@{second} is live.\n")
        self.town.until(lambda: "socks" not in self.shown_at(other), "the command reaches the other process")
        self.town.until(lambda: "socks" not in self.town.shown("ada"), "and this one")
        self.assertEqual(self.town.call("DELETE", "/rules/summer/live")[0], HTTPStatus.OK)
        self.town.until(lambda: self.shown_at(other) == PLAIN, "no rules are live")
        self.assertEqual(self.town.call("DELETE", "/rules/summer")[0], HTTPStatus.OK)
        self.assertEqual(self.town.call("GET", "/rules/summer")[0], HTTPStatus.NOT_FOUND)
        status, kept = self.town.call("GET", f"/rules/summer?version={first}")
        self.assertEqual((status, kept["rules"]["exclude"][0]["items"][0]), (HTTPStatus.OK, "jacket-red"))
        self.assertEqual(self.put("summer"), second + 1)

    def test_the_commands_check_put_show_and_drop_a_file(self) -> None:
        """The same rules as a TOML file."""
        file = self.town.home / "winter.toml"
        file.write_text(
            '[[boost]]\nname = "warm"\nwhere = "price > 50 and weight < 3"\ntimes = 2\nuntil = 2100-01-01T00:00:00Z\n'
        )
        checked = self.town.headrace("rules", "check", str(file))
        self.assertEqual(checked.returncode, 1, checked.stderr)
        self.assertIn("boost[0].where: at character 16: no item has an attribute 'weight'", checked.stderr)
        file.write_text(file.read_text().replace(" and weight < 3", ""))
        self.assertEqual(self.town.headrace("rules", "check", str(file)).returncode, 0)
        self.assertIn("winter@1 is there", self.town.headrace("rules", "put", "winter", str(file)).stdout)
        shown = self.town.headrace("rules", "show", "winter").stdout
        self.assertIn('name = "warm"', shown)
        self.assertIn("winter", self.town.headrace("rules", "list").stdout)
        self.assertEqual(self.town.headrace("rules", "drop", "winter").returncode, 0)
        self.assertEqual(self.town.headrace("rules", "drop", "winter").returncode, 2)
        file.write_text('[[boost]]\nwhere = "price >"\ntimes = 2\n')
        wrong = self.town.headrace("rules", "put", "winter", str(file))
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("boost[0].where: at character 8", wrong.stderr)

    def second_process(self) -> int:
        """Start another API on the same tables and return its port."""
        port = free_port()
        environment = self.town.environment | {"API_PORT": str(port)}
        with Path(os.devnull).open("wb") as nowhere:
            process = subprocess.Popen(self.town._command("api"), env=environment, stdout=nowhere, stderr=nowhere)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.terminate)

        def ready() -> bool:
            with suppress(OSError, AssertionError):
                return self.shown_at(port) == PLAIN
            return False

        self.town.until(ready, "the second process answers", 60)
        return port

    def shown_at(self, port: int) -> list[str]:
        """Return what another process shows ada."""
        mine, self.town.port = self.town.port, port
        try:
            return self.town.shown("ada")
        finally:
            self.town.port = mine


if __name__ == "__main__":
    unittest.main()
