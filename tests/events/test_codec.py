"""Events to bytes and back."""

import json
import unittest

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Poison
from headrace.events import codec
from headrace.events.types import Context, Event, Impression, Interaction, Served, ShownItem, Watch
from tests.support.properties import examples

CLICK = Interaction(event_id="click-01", user_id="ada", item_id="tent", event_type="click", ts_ms=1_000)
BOUGHT = Interaction(
    event_id="bought-1",
    user_id="ada",
    item_id="tent",
    event_type="purchase",
    ts_ms=2_000,
    session_id="s1",
    request_id="r1",
    value=9.5,
    context=Context(device="phone", locale="fr"),
    server_received_ts_ms=2_500,
)
WATCHED = Watch(
    event_id="watch-01",
    user_id="ada",
    session_id="s1",
    request_id="r1",
    ts_ms=3_000,
    item_id="film",
    watch_time_sec=50.5,
    percent_watched=45.0,
    ended=False,
    playback_speed=1.5,
    rebuffer_count=2,
)
SHOWN = Impression(
    event_id="shown-01",
    user_id="ada",
    session_id="s1",
    request_id="r1",
    ts_ms=4_000,
    items=[ShownItem("tent", 0, "home", "top"), ShownItem("stove", 1)],
    served=Served("rules-v1@1234", {"0": 7}, ["popularity", "co_visitation"], [0.5, -0.25], [1.0, 1.0]),
)
EVENTS: tuple[Event, ...] = (CLICK, BOUGHT, WATCHED, SHOWN)


def decode(event: Event, value: bytes) -> Event:
    """Decode bytes as the kind of event that this one is."""
    if isinstance(event, Interaction):
        return codec.decode_interaction(value)
    return codec.decode_watch(value) if isinstance(event, Watch) else codec.decode_impression(value)


def altered(event: Event, **fields: object) -> bytes:
    """Return the event's bytes with other fields; a field of ``...`` is taken out."""
    whole = json.loads(codec.encode(event)) | fields
    return json.dumps({key: value for key, value in whole.items() if value is not ...}).encode()


class RoundTrips(unittest.TestCase):
    """What goes in comes out."""

    def test_every_event_comes_back_as_it_went(self) -> None:
        """Encoding and decoding gives an equal event, for each kind and with every optional field."""
        for event in EVENTS:
            with self.subTest(event=event.event_id):
                self.assertEqual(decode(event, codec.encode(event)), event)

    def test_equal_events_give_equal_bytes(self) -> None:
        """An event made again from its own parts has the same bytes, and they begin with the version."""
        for event in EVENTS:
            with self.subTest(event=event.event_id):
                again = msgspec.structs.replace(event)
                self.assertEqual(codec.encode(again), codec.encode(event))
                self.assertTrue(codec.encode(event).startswith(b'{"v":1,'))

    @examples(100)
    @given(
        st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128).filter(str.strip),
        st.integers(1, codec.LATEST_TS_MS - 1),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
    )
    def test_any_clean_id_time_and_number_survives(self, text: str, ts_ms: int, value: float | None) -> None:
        """Whatever the rules of ids, times and numbers allow comes back unchanged."""
        event = Interaction(event_id=text, user_id=text, item_id=text, event_type="view", ts_ms=ts_ms, value=value)
        self.assertEqual(codec.decode_interaction(codec.encode(event)), event)


class PayloadHashes(unittest.TestCase):
    """What tells a duplicate from a conflict."""

    def test_the_hash_ignores_when_the_server_received_the_event(self) -> None:
        """The same event stamped at two times hashes the same, and as the one not stamped at all."""
        for event in EVENTS:
            stamped = [msgspec.structs.replace(event, server_received_ts_ms=at) for at in (0, 1, 99)]
            self.assertEqual(len({codec.payload_hash(one) for one in stamped}), 1)

    def test_sealing_is_stamping_encoding_and_hashing_at_once(self) -> None:
        """The same bytes and the same hash as by the three steps, whatever stamp the event came with."""
        for event in EVENTS:
            stamped = msgspec.structs.replace(event, server_received_ts_ms=77)
            self.assertEqual(codec.sealed(event, 77), (codec.encode(stamped), codec.payload_hash(event)))

    def test_the_hash_ignores_nothing_else(self) -> None:
        """Changing any one field of any event changes its hash."""
        other: dict[str, object] = {
            "event_id": "other-id", "user_id": "bob", "item_id": "lamp", "event_type": "view", "ts_ms": 77, "session_id": "s2",
            "request_id": "r2", "value": 1.25, "context": Context(device="tv"), "watch_time_sec": 1.0, "percent_watched": 1.0,
            "ended": True, "playback_speed": 2.0, "rebuffer_count": 3, "items": [ShownItem("lamp", 5)], "served": None,
        }  # fmt: skip
        for event in EVENTS:
            for name in event.__struct_fields__:
                if name == "server_received_ts_ms" or (name == "event_type" and not isinstance(event, Interaction)):
                    continue
                with self.subTest(event=event.event_id, field=name):
                    changed = msgspec.structs.replace(event, **{name: other[name]})
                    if changed != event:
                        self.assertNotEqual(codec.payload_hash(changed), codec.payload_hash(event))

    def test_hashes_have_sixteen_bytes(self) -> None:
        """Ids and payloads are remembered in 16 bytes each."""
        self.assertEqual(len(codec.payload_hash(CLICK)), 16)
        self.assertEqual(len(codec.id_hash("é")), 16)
        self.assertNotEqual(codec.id_hash("a"), codec.id_hash("b"))


class Poisonous(unittest.TestCase):
    """What nobody could ever apply."""

    def dies(self, event: Event, value: bytes, error_type: str) -> None:
        """Assert that these bytes are poison of this type."""
        with self.assertRaises(Poison) as caught:
            decode(event, value)
        self.assertEqual(caught.exception.error_type, error_type)

    def test_bytes_that_are_no_json_are_poison(self) -> None:
        """Half an object, a byte order mark and a lone surrogate are bad JSON; nested depths are poison too."""
        for value in (b" ", b"{", codec.encode(CLICK)[:-5], b"\xef\xbb\xbf{}", b"\x00\x01"):
            with self.subTest(value=value):
                self.dies(CLICK, value, "bad_json")
        self.dies(CLICK, altered(CLICK, item_id="lone \ud800"), "bad_json")
        with self.assertRaises(Poison):
            codec.decode_interaction(b'{"v":1,"context":' + b"[" * 100_000)
        with self.assertRaises(Poison):
            codec.decode_interaction(b'{"extra":' + b"[" * 100_000)

    def test_a_record_without_a_value_is_poison_of_its_own_kind(self) -> None:
        """Nobody need guess whether somebody has cut it."""
        self.dies(CLICK, b"", "empty")

    def test_text_that_is_no_utf8_is_poison(self) -> None:
        """A Latin-1 letter and an encoded surrogate in an id are bad UTF-8, and so are bytes that are no text at all."""
        for value in (
            b"\xff\xfe",
            b"\xff\xfe" * 500_000,
            codec.encode(CLICK) + b"\xff",
            "tent".encode("utf-16"),
            b'{"v":1,\xe9',
        ):
            with self.subTest(value=value[:20]):
                self.dies(CLICK, value, "bad_utf8")
        for bad in (b"caf\xe9", b"\xed\xa0\x80"):
            self.dies(CLICK, codec.encode(CLICK).replace(b"tent", bad), "bad_utf8")

    def test_another_shape_is_poison(self) -> None:
        """An array, null, a missing field, a wrong type, another kind of event: each has the wrong schema."""
        for value in (b"[]", b"null", b"7", b"{}", codec.encode(SHOWN)):
            with self.subTest(value=value[:30]):
                self.dies(CLICK, value, "wrong_schema")
        for fields in (
            {"user_id": ...}, {"user_id": 7}, {"event_type": "watch"}, {"ts_ms": "1000"}, {"ts_ms": True}, {"context": "phone"},
            {"context": {"device": 7}}, {"value": "1"},
        ):  # fmt: skip
            with self.subTest(fields=fields):
                self.dies(CLICK, altered(CLICK, **fields), "wrong_schema")

    def test_ids_must_be_clean_and_of_a_length(self) -> None:
        """No id is empty or blank, longer than 128 characters, or has a control character, wherever it stands."""
        places: list[tuple[Event, str]] = [
            (CLICK, "event_id"),
            (CLICK, "user_id"),
            (CLICK, "item_id"),
            (BOUGHT, "session_id"),
            (BOUGHT, "request_id"),
        ]
        places += [(WATCHED, name) for name in ("event_id", "user_id", "item_id", "session_id", "request_id")]
        places += [(SHOWN, name) for name in ("event_id", "user_id", "session_id", "request_id")]
        for event, name in places:
            for bad in ("", "   ", "\u00a0\u2003", "x" * 129, "a\x00b", "a\nb", "\x7f", "a\x85"):
                with self.subTest(event=event.event_id, name=name, bad=bad[:5]):
                    self.dies(event, altered(event, **{name: bad}), "wrong_schema")
        self.dies(SHOWN, altered(SHOWN, items=[{"item_id": "a\tb", "position": 0}], served=...), "wrong_schema")

    def test_times_must_lie_between_1970_and_2039(self) -> None:
        """A time of zero, below it, or from 2^41 on can never be applied; the ends just inside can."""
        for event in EVENTS:
            for bad in (0, -1, 1 << 41, 10**30):
                with self.subTest(event=event.event_id, ts_ms=bad):
                    self.dies(event, altered(event, ts_ms=bad), "wrong_schema")
            for good in (1, (1 << 41) - 1):
                decode(event, altered(event, ts_ms=good))

    def test_numbers_must_be_such_that_sums_of_them_stay_finite(self) -> None:
        """Infinite, negative and absurdly large numbers of a watch die, however they are written."""
        for name in ("watch_time_sec", "percent_watched", "playback_speed"):
            for bad in (-0.5, 1e13, 1.7e308):
                self.dies(WATCHED, altered(WATCHED, **{name: bad}), "wrong_schema")
            self.dies(WATCHED, altered(WATCHED, **{name: ...})[:-1] + f', "{name}": 1e400}}'.encode(), "wrong_schema")
        self.dies(BOUGHT, altered(BOUGHT, value=...)[:-1] + b', "value": -1e400}', "wrong_schema")
        for bad_count in (-1, 1 << 31):
            self.dies(WATCHED, altered(WATCHED, rebuffer_count=bad_count), "wrong_schema")

    def test_texts_are_no_longer_than_the_door_admits(self) -> None:
        """A context, a feed or a slot of 513 characters or with a NUL dies; 512 characters with a line break live."""
        for bad in ("x" * 513, "a\x00b"):
            for event in (CLICK, WATCHED, SHOWN):
                self.dies(event, altered(event, context={"user_agent": bad}), "wrong_schema")
            for name in ("feed_id", "slot"):
                items = [{"item_id": "tent", "position": 0, name: bad}]
                self.dies(SHOWN, altered(SHOWN, items=items, served=...), "wrong_schema")
        decode(CLICK, altered(CLICK, context={"user_agent": "a\nb" + "x" * 509}))

    def test_an_impression_shows_items_at_positions_of_their_own(self) -> None:
        """No items, two at one position, a position below zero or beyond 32 bits: poison."""
        one = {"item_id": "tent", "position": 0}
        for items in ([], [one, one | {"item_id": "stove"}], [one | {"position": -1}], [one | {"position": 1 << 31}]):
            with self.subTest(items=items):
                self.dies(SHOWN, altered(SHOWN, items=items, served=...), "wrong_schema")

    def test_what_the_server_knew_is_as_long_as_the_list_and_finite(self) -> None:
        """Lists of sources, scores or propensities of another length, and scores that are no numbers, are poison."""
        whole = json.loads(codec.encode(SHOWN))["served"]
        changes: list[dict[str, object]] = [
            {"scores": [1.0]},
            {"sources": []},
            {"propensities": [1.0] * 3},
            {"scores": [None, 1.0]},
        ]
        for change in changes:
            with self.subTest(change=change):
                self.dies(SHOWN, altered(SHOWN, served=whole | change), "wrong_schema")
        endless = codec.encode(SHOWN).replace(b"-0.25", b"-1e400")
        self.dies(SHOWN, endless, "wrong_schema")

    def test_an_unknown_version_says_which_is_read(self) -> None:
        """Version 2 is refused by name, before anybody looks at its fields."""
        for event in EVENTS:
            self.dies(event, altered(event, v=2), "unknown_version")
        with self.assertRaisesRegex(Poison, "version 2 .* reads 1"):
            codec.decode_watch(b'{"v":2}')

    @examples(200)
    @given(
        st.binary(max_size=60) | st.recursive(st.none() | st.text(max_size=3), st.lists, max_leaves=5).map(msgspec.json.encode)
    )
    def test_whatever_the_bytes_nothing_but_poison_comes_of_them(self, value: bytes) -> None:
        """Bytes at random raise Poison and no other error, with the version in front or without."""
        for whole in (value, b'{"v":1,' + value):
            for decoder in (codec.decode_interaction, codec.decode_watch, codec.decode_impression):
                with self.assertRaises(Poison):
                    decoder(whole)


class OtherProducers(unittest.TestCase):
    """Records that our own door did not write."""

    def test_a_record_without_a_version_is_read(self) -> None:
        """Plain JSON with the contract's names, in any order and with blanks, is the event."""
        for event in EVENTS:
            self.assertEqual(decode(event, altered(event, v=...)), event)

    def test_fields_nobody_knows_are_passed_over(self) -> None:
        """A field of a newer or a foreign producer does no harm, at any depth."""
        for event in EVENTS:
            self.assertEqual(decode(event, altered(event, campaign={"deep": [1, None]}, v=...)), event)
            self.assertEqual(decode(event, altered(event, campaign="x")), event)


if __name__ == "__main__":
    unittest.main()
