"""The door: what it takes, what it refuses and how it says so."""

import json
import math
import unittest
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.clock import FixedClock
from headrace.errors import Rejected
from headrace.events import codec
from headrace.events.contract import Contract, Limits, RejectedEvent
from headrace.events.types import Context, Impression, Interaction, ShownItem, Watch

NOW = 1_767_225_600_000
DAY = 86_400_000


def event(**changed: object) -> dict[str, Any]:
    """Return a good body of ``/event``, changed."""
    return {"event_id": "evt-0001", "user_id": "u1", "item_id": "i1", "event_type": "click", "ts": NOW, **changed}


def watch(**changed: object) -> dict[str, Any]:
    """Return a good watch, changed."""
    head = {"event_id": "evt-0002", "user_id": "u1", "session_id": "s1", "request_id": "r1", "ts_ms": NOW}
    return {**head, "item_id": "i1", "watch_time_sec": 42.5, **changed}


def impression(**changed: object) -> dict[str, Any]:
    """Return a good impression, changed."""
    head = {"event_id": "evt-0003", "user_id": "u1", "session_id": "s1", "request_id": "r1", "ts_ms": NOW}
    return {**head, "items": [{"item_id": "i1", "position": 0}, {"item_id": "i2", "position": 1}], **changed}


def in_batch(*events: dict[str, Any]) -> bytes:
    """Return a batch of events, each with its kind."""
    return json.dumps(
        {"events": [{"event_type": "impression" if "items" in one else "watch", **one} for one in events]}
    ).encode()


class DoorCase(unittest.TestCase):
    """A door with a clock that stands still."""

    def setUp(self) -> None:
        """Build the door."""
        self.contract = Contract(Limits(max_batch=5), FixedClock(NOW))

    def interaction(self, **changed: object) -> Interaction:
        """Hand a changed event to the door."""
        return self.contract.interaction(json.dumps(event(**changed)).encode())

    def paths(self, refused: Rejected) -> list[str]:
        """Return the offending paths."""
        return [one.path for one in refused.violations]


class TestTime(DoorCase):
    """Seconds and milliseconds, age and future."""

    def test_seconds_and_milliseconds_are_the_same_moment(self) -> None:
        """A time is normalised to whole milliseconds however it was sent."""
        for sent in (NOW, NOW // 1000, NOW / 1000, float(NOW)):
            self.assertEqual(self.interaction(ts=sent).ts_ms, NOW, sent)
        self.assertEqual(self.interaction(ts=NOW / 1000 - 0.25).ts_ms, NOW - 250)
        self.assertEqual(self.contract.watch(json.dumps(watch(ts_ms=NOW // 1000)).encode()).ts_ms, NOW)

    def test_the_same_event_in_another_unit_is_the_same_payload(self) -> None:
        """A client that switches from seconds to milliseconds makes duplicates, not conflicts."""
        hashes = {codec.payload_hash(self.interaction(ts=sent)) for sent in (NOW, NOW // 1000, NOW / 1000)}
        self.assertEqual(len(hashes), 1)

    def test_29_days_are_young_enough_and_31_are_not(self) -> None:
        """The age limit is 30 days."""
        self.assertEqual(self.interaction(ts=NOW - 29 * DAY).ts_ms, NOW - 29 * DAY)
        self.assertEqual(self.interaction(ts=NOW - 30 * DAY).ts_ms, NOW - 30 * DAY)
        with self.assertRaises(Rejected) as refused:
            self.interaction(ts=NOW - 31 * DAY)
        self.assertIn("too old", str(refused.exception))

    def test_4_minutes_ahead_are_taken_and_6_are_not(self) -> None:
        """The future limit is 5 minutes."""
        self.assertEqual(self.interaction(ts=NOW + 240_000).ts_ms, NOW + 240_000)
        with self.assertRaises(Rejected) as refused:
            self.interaction(ts=NOW + 360_000)
        self.assertIn("too far ahead", str(refused.exception))

    def test_what_is_no_time_is_refused(self) -> None:
        """Nothing but a finite number in the span is a time."""
        odd: list[Any] = [True, False, None, "1767225600", 10**30, -1, 0, -1e308, 1e308, 10**5000, [], {}]
        for sent in [*odd, math.nan, math.inf, -math.inf]:
            with self.assertRaises(Rejected, msg=type(sent)) as refused:
                self.contract.interaction(_long_json(event(ts=sent)))
            self.assertEqual(refused.exception.status, 422)
            self.assertEqual(self.paths(refused.exception), ["ts"])


class TestFields(DoorCase):
    """Ids, texts, numbers and the structure around them."""

    def test_everything_sent_arrives(self) -> None:
        """An accepted event holds what the client sent."""
        taken = self.interaction(session_id="s1", request_id="r1", value=9.5, context={"device": "tv", "locale": "de"})
        self.assertEqual((taken.session_id, taken.request_id, taken.value), ("s1", "r1", 9.5))
        self.assertEqual(taken.context, Context(device="tv", locale="de"))
        seen = self.contract.impression(
            json.dumps(impression(items=[{"item_id": "i1", "position": 3, "feed_id": "f", "slot": "s"}])).encode()
        )
        self.assertEqual(seen.items, [ShownItem("i1", 3, "f", "s")])
        long = self.contract.watch(
            json.dumps(watch(percent_watched=80, ended=True, playback_speed=1.5, rebuffer_count=2)).encode()
        )
        self.assertEqual((long.percent_watched, long.ended, long.playback_speed, long.rebuffer_count), (80.0, True, 1.5, 2))

    def test_ids_may_hold_any_letters_and_inner_blanks(self) -> None:
        """Only control characters, lone surrogates and blankness are refused in an id."""
        for good in ("ü", "日本", "a b", "\u00a0x", "👩\u200d🚀", "x" * 128, "%00"):
            self.assertEqual(self.interaction(user_id=good).user_id, good)

    def test_bad_ids_are_refused_wherever_they_stand(self) -> None:
        """One rule for every id."""
        bad = ["", " ", "\t", "\u2003", "x" * 129, "a\x00b", "a\nb", "\x7f", "\x85", "\x9f", "\ud800", "\udfffx", 5, True]
        for name in ("user_id", "item_id", "session_id", "request_id"):
            for sent in [*bad, *([None] if name in ("user_id", "item_id") else [])]:
                with self.assertRaises(Rejected, msg=f"{name}={sent!r}") as refused:
                    self.interaction(**{name: sent})
                self.assertEqual((refused.exception.status, self.paths(refused.exception)), (422, [name]))

    def test_an_event_id_has_8_to_64_characters(self) -> None:
        """The idempotency key's own length."""
        for good in ("x" * 8, "x" * 64):
            self.assertEqual(self.interaction(event_id=good).event_id, good)
        for bad in ("x" * 7, "x" * 65, " " * 8):
            with self.assertRaises(Rejected, msg=bad):
                self.interaction(event_id=bad)

    def test_every_offending_field_is_named(self) -> None:
        """A refusal is complete: the client mends all at once."""
        with self.assertRaises(Rejected) as refused:
            self.interaction(user_id="", item_id="x" * 129, event_type="like", value=math.inf, colour=1, context={"os": "x"})
        self.assertEqual(
            sorted(self.paths(refused.exception)), ["colour", "context.os", "event_type", "item_id", "user_id", "value"]
        )

    def test_texts_have_at_most_512_characters_and_no_nul(self) -> None:
        """Context, feed and slot share one rule."""
        self.interaction(context={"user_agent": "x\n" * 256})
        for bad in ("x" * 513, "\x00", "\ud800", 5):
            with self.assertRaises(Rejected) as refused:
                self.interaction(context={"referrer": bad})
            self.assertEqual(self.paths(refused.exception), ["context.referrer"])
            with self.assertRaises(Rejected) as refused:
                self.contract.impression(json.dumps(impression(items=[{"item_id": "i1", "position": 0, "slot": bad}])).encode())
            self.assertEqual(self.paths(refused.exception), ["items[0].slot"])

    def test_numbers_are_never_looser_than_their_columns(self) -> None:
        """int32 where a column is, finite everywhere."""
        for name, bad in (
            ("rebuffer_count", (2**31, -1, 1.5, "1", True, 10**400)),
            ("watch_time_sec", (-0.1, 1e300, math.nan, "5", None, True)),
            ("percent_watched", (-1, 100.1, math.inf)),
            ("playback_speed", (0.2, 4.1)),
            ("ended", (1, "true")),
        ):
            for sent in bad:
                with self.assertRaises(Rejected, msg=f"{name}={sent!r}"[:60]) as refused:
                    self.contract.watch(_long_json(watch(**{name: sent})))
                self.assertEqual((refused.exception.status, self.paths(refused.exception)), (422, [name]))
        self.assertEqual(self.contract.watch(_long_json(watch(rebuffer_count=2**31 - 1))).rebuffer_count, 2**31 - 1)

    def test_an_impression_has_no_two_equal_positions_or_items(self) -> None:
        """Both repetitions are named."""
        items = [{"item_id": "a", "position": 0}, {"item_id": "b", "position": 0}, {"item_id": "a", "position": 2}]
        with self.assertRaises(Rejected) as refused:
            self.contract.impression(json.dumps(impression(items=items)).encode())
        self.assertEqual(self.paths(refused.exception), ["items[2].item_id", "items[1].position"])

    def test_an_impression_shows_1_to_500_items(self) -> None:
        """Neither none nor 501."""
        for count, good in ((0, False), (1, True), (500, True), (501, False)):
            body = json.dumps(impression(items=[{"item_id": f"i{n}", "position": n} for n in range(count)])).encode()
            if good:
                self.assertEqual(len(self.contract.impression(body).items), count)
            else:
                with self.assertRaises(Rejected):
                    self.contract.impression(body)

    def test_a_single_body_may_carry_its_own_kind_only(self) -> None:
        """``event_type`` is optional where the route says it, and never another."""
        self.contract.watch(json.dumps(watch(event_type="watch")).encode())
        self.contract.impression(json.dumps(impression(event_type="impression")).encode())
        with self.assertRaises(Rejected) as refused:
            self.contract.watch(json.dumps(watch(event_type="impression")).encode())
        self.assertEqual(self.paths(refused.exception), ["event_type"])

    def test_bodies_that_are_no_object_are_refused(self) -> None:
        """400 for what is no JSON, 422 for JSON of another kind."""
        for body, status in (
            (b"", 400),
            (b"{", 400),
            (b"\xff\xfe", 400),
            (b'{"user_id":"\xff"}', 400),
            (b"[" * 100_000, 422),
            (b'{"value":' * 10_000, 422),
            (b'{"value":' * 100_000, 400),
            (b" " * 600_000, 400),
            (b"null", 422),
            (b"[]", 422),
            (b"5", 422),
            (b'"x"', 422),
        ):
            with self.assertRaises(Rejected, msg=body[:20]) as refused:
                self.contract.interaction(body)
            self.assertEqual(refused.exception.status, status, body[:20])

    def test_an_event_of_more_than_512_kib_is_too_large(self) -> None:
        """Alone and inside a batch."""
        big = watch(context={"referrer": "x" * 600_000})
        for judge, body in ((self.contract.watch, json.dumps(big).encode()), (self.contract.batch, in_batch(watch(), big))):
            with self.assertRaises(Rejected) as refused:
                judge(body)
            self.assertEqual(refused.exception.status, 413)
        self.assertEqual(self.paths(refused.exception), ["events[1]"])


class TestBatch(DoorCase):
    """All or nothing, or each for itself."""

    def test_a_batch_holds_impressions_and_watches(self) -> None:
        """They are told apart by event_type, and keep their order."""
        self.assertEqual([type(one) for one in self.contract.batch(in_batch(impression(), watch()))], [Impression, Watch])

    def test_a_batch_names_every_bad_field_of_every_event(self) -> None:
        """Paths lead from the body to the field."""
        bad = impression(items=[{"item_id": "i1", "position": 2**31}])
        with self.assertRaises(Rejected) as refused:
            self.contract.batch(in_batch(watch(user_id=""), bad, watch(event_id="evt-9999", event_type="event")))
        self.assertEqual(
            self.paths(refused.exception), ["events[0].user_id", "events[1].items[0].position", "events[2].event_type"]
        )

    def test_a_batch_has_a_largest_size_and_a_smallest(self) -> None:
        """The limit is a setting."""
        many = [watch(event_id=f"evt-{n:06}") for n in range(6)]
        self.assertEqual(len(self.contract.batch(in_batch(*many[:5]))), 5)
        for judge in (self.contract.batch, self.contract.batch_each):
            for body in (in_batch(*many), in_batch(), b"{}", b"null", b'{"events":{}}', b'{"events":[],"x":1}'):
                with self.assertRaises(Rejected, msg=body[:20]) as refused:
                    judge(body)
                self.assertEqual(refused.exception.status, 422)

    def test_an_event_id_stands_once_in_a_batch(self) -> None:
        """The later one is named; event by event, the earlier one is taken."""
        body = in_batch(watch(), impression(event_id="evt-0002"))
        with self.assertRaises(Rejected) as refused:
            self.contract.batch(body)
        self.assertEqual(self.paths(refused.exception), ["events[1].event_id"])
        first, second = self.contract.batch_each(body)
        self.assertIsInstance(first, Watch)
        self.assertIsInstance(second, RejectedEvent)

    def test_event_by_event_the_good_ones_pass_and_the_bad_ones_are_named(self) -> None:
        """A bad neighbour does no harm, whatever it is."""
        raws = [
            json.dumps({"event_type": "watch", **watch()}).encode(),
            json.dumps({"event_type": "watch", **watch(event_id="evt-0009", user_id="\x00")}).encode(),
            b'{"event_type":"watch","event_id":"\xff"}',
            b'{"event_type":"other","event_id":"evt-0010"}',
            b"5",
        ]
        verdicts = self.contract.batch_each(b'{"events":[' + b",".join(raws) + b"]}")
        self.assertIsInstance(verdicts[0], Watch)
        refused = [one for one in verdicts if isinstance(one, RejectedEvent)]
        self.assertEqual([one.event_id for one in refused], ["evt-0009", None, "evt-0010", None])
        self.assertEqual(self.paths(refused[0]), ["events[1].user_id"])


class TestRows(DoorCase):
    """Rows of an import, already parsed."""

    def test_a_row_is_judged_like_a_body(self) -> None:
        """The same event comes out."""
        self.assertEqual(self.contract.row(event(), history=False), self.interaction())
        self.assertIsInstance(self.contract.row({**watch(), "event_type": "watch", "ended": None}, history=False), Watch)

    def test_history_keeps_old_times(self) -> None:
        """Only the rules of age and future are skipped."""
        old = event(ts_ms=NOW - 9000 * DAY)
        del old["ts"]
        self.assertEqual(self.contract.row(old, history=True).ts_ms, NOW - 9000 * DAY)
        with self.assertRaises(Rejected):
            self.contract.row(old, history=False)
        for bad in (0, -5, 2**41, 10**30, math.nan, math.inf, "yesterday", True, 10**400):
            with self.assertRaises(Rejected, msg=repr(bad)[:30]):
                self.contract.row(event(ts=bad), history=True)

    def test_what_no_json_could_hold_is_refused_in_a_row_too(self) -> None:
        """Rows come from other parsers than ours."""
        for bad in ({"user_id": "\ud800"}, {"value": math.nan}, {"value": 10**400}, {"value": math.inf}, {"context": {"x": 1}}):
            with self.assertRaises(Rejected) as refused:
                self.contract.row(event(**bad), history=True)
            self.assertEqual(refused.exception.status, 422)


_numbers = st.one_of(st.integers(), st.floats(), st.just(NOW), st.floats(NOW / 1000 - 1e6, NOW / 1000))
_texts = st.one_of(
    st.text(max_size=12), st.just("evt-12345678"), st.text(st.characters(categories=["Cc", "Zs", "Lu"]), max_size=9)
)
_leaves = st.one_of(st.none(), st.booleans(), _numbers, _texts)
_values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3), max_leaves=5
)
_names = st.sampled_from([*event(), *watch(), *impression(), "context", "value", "percent_watched", "ended", "x"])
_changes = st.dictionaries(_names, _values, max_size=3)
_fuzz = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestAnyBytes(DoorCase):
    """Whatever comes, the door answers with an event or a refusal."""

    def judge(self, body: bytes) -> None:
        """Hand the bytes to every way in, and hold what comes out to its promises."""
        ways = (
            (self.contract.interaction, codec.decode_interaction),
            (self.contract.impression, codec.decode_impression),
            (self.contract.watch, codec.decode_watch),
        )
        for way, decode in ways:
            try:
                taken = way(body)
            except Rejected as refused:
                self.assertIn(refused.status, (400, 413, 422))
                self.assertTrue(refused.violations)
                continue
            again = decode(codec.encode(taken))
            self.assertEqual(again, taken)
            self.assertEqual(codec.payload_hash(again), codec.payload_hash(taken))
        for batch in (self.contract.batch, self.contract.batch_each):
            try:
                batch(body)
            except Rejected as refused:
                self.assertIn(refused.status, (400, 413, 422))

    @_fuzz
    @given(st.binary(max_size=200))
    def test_any_bytes_are_an_event_or_a_refusal(self, body: bytes) -> None:
        """Never another exception."""
        self.judge(body)

    @_fuzz
    @given(st.sampled_from([event(), watch(), impression()]), _changes, st.sets(_names, max_size=1))
    def test_any_change_of_a_good_event_is_an_event_or_a_refusal(
        self, good: dict[str, Any], changes: dict[str, Any], dropped: set[str]
    ) -> None:
        """Alone and in a batch."""
        changed = {name: value for name, value in {**good, **changes}.items() if name not in dropped}
        self.judge(json.dumps(changed).encode())
        self.judge(json.dumps({"events": [changed]}).encode())

    @_fuzz
    @given(st.dictionaries(_names, _values, max_size=9), st.booleans())
    def test_any_row_is_an_event_or_a_refusal(self, fields: dict[str, Any], history: bool) -> None:  # noqa: FBT001 -- drawn
        """Rows hold whatever their file held."""
        try:
            self.contract.row(event(**fields), history=history)
        except Rejected as refused:
            self.assertEqual(refused.status, 422)

    @_fuzz
    @given(_changes)
    def test_the_slow_walk_finds_what_the_fast_path_refused(self, changes: dict[str, Any]) -> None:
        """Both read the same declarations, so a refused field always has a path."""
        try:
            self.contract.interaction(json.dumps(event(**changes)).encode())
        except Rejected as refused:
            self.assertTrue(all(one.path for one in refused.violations), str(refused))


def _long_json(body: dict[str, Any]) -> bytes:
    """Return JSON of integers longer than Python likes to print."""
    huge = {name: value for name, value in body.items() if isinstance(value, int) and abs(value) >= 10**400}
    text = json.dumps({name: (f"<{name}>" if name in huge else value) for name, value in body.items()})
    for name, value in huge.items():
        digits = "9" * (5000 if value >= 10**4999 else 401)
        text = text.replace(f'"<{name}>"', digits)
    return text.encode()


if __name__ == "__main__":
    unittest.main()
