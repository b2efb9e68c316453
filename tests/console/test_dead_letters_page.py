"""*Dead letters* in a real browser: a poison is found, mended, redriven, and gone; others are dropped."""

import json
import time

from playwright.sync_api import expect

from headrace.log.port import NewRecord
from tests.console.browsing import NARROW, BrowserCase
from tests.console.burying import bury
from tests.stream.world import raw


class Poison(BrowserCase):
    """Records that another writer put into the log beside the door."""

    def bury(self, *records: NewRecord) -> None:
        """Append records to the log of the running product, past the door."""
        bury(self.town, *records)

    def order(self, number: int, action: str) -> bytes:
        """Return an event of a version that knows other actions than ours."""
        event = {"v": 1, "event_id": f"order-{number:06}", "user_id": "dora", "item_id": "dune-buggy", "event_type": action}
        return json.dumps(event | {"ts_ms": int(time.time() * 1000), "server_received_ts_ms": 1}).encode()

    def test_a_poison_is_found_mended_redriven_and_gone(self) -> None:
        """The first try is refused with its reason and what was typed; the second counts, and the letter says where."""
        self.bury(raw(self.order(1, "hire"), user="dora"))
        with self.opened("/console/dead-letters") as page:
            cause = page.locator("tr", has_text="event_type")
            cause.wait_for()
            self.picture(page, "dead-letters-open")
            cause.get_by_role("link", name="wrong_schema").click()
            page.locator("tbody a.id").first.click()
            expect(page.locator(".lead")).to_contain_text("Invalid enum value 'hire'")
            expect(page.locator("pre.payload").first).to_contain_text("order-000001")
            self.assertEqual(self.findings(page), [])
            self.picture(page, "dead-letters-letter")
            editor = page.get_by_label("The record as it should have been")
            editor.fill(editor.input_value().replace("hire", "borrow"))
            page.get_by_role("button", name="Redrive the mended record").click()
            expect(page.get_by_role("alert")).to_contain_text("Invalid enum value 'borrow'")
            self.assertIn("borrow", editor.input_value())
            editor.fill(editor.input_value().replace("borrow", "purchase"))
            page.get_by_role("button", name="Redrive the mended record").click()
            expect(page.locator(".notice.good")).to_contain_text("Redriven")
            expect(page.locator("#state")).to_contain_text("its event counts, from reco_interaction:")
            page.goto("/console/dead-letters")
            expect(page.get_by_role("link", name="wrong_schema")).to_have_count(0)
            page.get_by_role("link", name="Redriven").click()
            expect(page.locator("tr", has_text="event_type")).to_contain_text("wrong_schema")
            page.goto("/console/people?user=dora")
            expect(page.locator(".history")).to_contain_text("dune-buggy")
        self.complaints = [one for one in self.complaints if "422" not in one]  # the refusal

    def test_a_whole_cause_is_redriven_or_dropped_after_a_question(self) -> None:
        """By keyboard alone, on a phone: "no" changes nothing; what still cannot be applied is told, then given up."""
        self.bury(*(raw(b'{"half": ', user="dora") for _ in range(3)))
        with self.opened("/console/dead-letters", width=NARROW) as page:
            page.get_by_role("link", name="bad_json").focus()
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Drop all 3").focus()
            page.keyboard.press("Enter")
            expect(page.locator("h1")).to_have_text("Drop 3 dead letters?")
            self.assertEqual(self.findings(page), [])
            page.get_by_role("link", name="Leave it as it is").focus()
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Redrive all 3").focus()
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Redrive").focus()
            page.keyboard.press("Enter")
            expect(page.locator(".works li").first).to_contain_text("3 refused")
            page.locator(".works summary").first.click()
            expect(page.locator(".reasons").first).to_contain_text("it still cannot be applied")
            self.assertLessEqual(self.sideways(page), 0)
            page.get_by_role("link", name="bad_json").click()
            page.get_by_role("button", name="Drop all 3").click()
            page.get_by_role("button", name="Drop them").click()
            expect(page.locator(".works li").first).to_contain_text("3 dropped")
            expect(page.get_by_role("link", name="bad_json")).to_have_count(0)

    def test_bytes_that_are_no_text_are_shown_in_hex_and_harm_nobody(self) -> None:
        """Markup in a record is text like any other; bytes are told one by one."""
        markup = b'<script>document.title = "caught"</script>'
        self.bury(raw(b"\xff\xfe\x00\x01", user="dora"), raw(markup, user="dora"))
        with self.opened("/console/dead-letters") as page:
            page.get_by_role("link", name="bad_utf8").click()
            page.locator("tbody a.id").first.click()
            expect(page.locator("main")).to_contain_text("This is no UTF-8 text")
            expect(page.locator("pre.hex")).to_contain_text("ff fe 00 01")
            page.get_by_role("button", name="Drop").click()
            page.get_by_role("button", name="Drop it").click()
            page.get_by_role("link", name="bad_json").click()
            page.locator("tbody a.id").first.click()
            expect(page.locator("pre.payload").first).to_contain_text("<script>")
            self.assertNotIn("caught", page.title())
            page.get_by_role("button", name="Redrive as it is").click()
            expect(page.get_by_role("alert")).to_contain_text("Nothing of it has entered the log")
            page.get_by_role("button", name="Drop").click()
            page.get_by_role("button", name="Drop it").click()
            expect(page.locator(".notice.good")).to_contain_text("Dropped")
        self.complaints = [one for one in self.complaints if "422" not in one]
