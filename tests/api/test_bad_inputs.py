"""Every bad input that is named, and more of their kinds, over real HTTP: a 4xx in one shape, nothing stored, never a 500."""

import json
import time
import unittest

from tests.api.world import Answered, RunningServer, World

LONG = "x" * 129


def now() -> int:
    """Return the present in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def event(**changed: object) -> str:
    """Return a body of ``/event``, changed; a value that is bytes stands in the JSON as it is."""
    return _written({"event_id": "evt-bad-1", "user_id": "u1", "item_id": "i1", "event_type": "click", "ts": now(), **changed})


def watch(**changed: object) -> str:
    """Return a watch, changed."""
    head = {"event_id": "evt-bad-2", "user_id": "u1", "session_id": "s1", "request_id": "r1", "ts_ms": now()}
    return _written({**head, "item_id": "i1", "watch_time_sec": 5, **changed})


def impression(**changed: object) -> str:
    """Return an impression, changed."""
    head = {"event_id": "evt-bad-3", "user_id": "u1", "session_id": "s1", "request_id": "r1", "ts_ms": now()}
    return _written({**head, "items": [{"item_id": "i1", "position": 0}], **changed})


def batch(*events: str) -> str:
    """Return a batch of bodies."""
    return '{"events":[' + ",".join(events) + "]}"


def many_watches(count: int) -> str:
    """Return a batch of so many good watches."""
    return batch(*(watch(event_id=f"evt-many-{number}", event_type="watch") for number in range(count)))


def _written(fields: dict[str, object]) -> str:
    parts = (
        f"{json.dumps(name)}:{value.decode() if isinstance(value, bytes) else json.dumps(value)}"
        for name, value in fields.items()
    )
    return "{" + ",".join(parts) + "}"


def bad_events() -> list[tuple[str, str, str | bytes]]:
    """Return a name, a route and a body for each bad input."""
    bad_ids = {
        "NUL": "a\x00",
        "a control": "a\x1b",
        "C1": "\x85x",
        "a surrogate": "\ud800",
        "blank": "  ",
        "empty": "",
        "long": LONG,
    }
    rows: list[tuple[str, str, str | bytes]] = [
        (f"{name} in {field}", "/event", event(**{field: sent}))
        for field in ("event_id", "user_id", "item_id", "session_id", "request_id")
        for name, sent in bad_ids.items()
    ]
    rows += [(f"a raw {name!r} byte in an id", "/event", event(user_id=b'"a' + name + b'"')) for name in (b"\0", b"\n")]
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e400", b'"Infinity"', b'"NaN"', b"9" * 5000, b"true", b'"5"'):
        shown = number[:12].decode()
        rows += [
            (f"{shown} as watch_time_sec", "/log/watch", watch(watch_time_sec=number)),
            (f"{shown} as percent_watched", "/log/watch", watch(percent_watched=number)),
            (f"{shown} as value", "/event", event(value=number)),
            (f"{shown} as ts", "/event", event(ts=number)),
            (f"{shown} as ts_ms", "/log/impression", impression(ts_ms=number)),
            (
                f"{shown} as a position",
                "/log/impression",
                impression(items=b'[{"item_id":"i","position":' + number + b"}]"),
            ),
        ]
    rows += [
        ("a time of 10^30", "/event", event(ts=10**30)),
        ("31 days old", "/event", event(ts=now() - 31 * 86_400_000)),
        ("6 minutes ahead", "/event", event(ts=now() + 360_000)),
        ("rebuffer_count of 2^31", "/log/watch", watch(rebuffer_count=2**31)),
        ("position of 2^31", "/log/impression", impression(items=[{"item_id": "i1", "position": 2**31}])),
        ("a negative position", "/log/impression", impression(items=[{"item_id": "i1", "position": -1}])),
        ("a position twice", "/log/impression", impression(items=[{"item_id": i, "position": 0} for i in "ab"])),
        ("an item twice", "/log/impression", impression(items=[{"item_id": "a", "position": n} for n in (0, 1)])),
        ("no item", "/log/impression", impression(items=[])),
        ("501 items", "/log/impression", impression(items=[{"item_id": f"i{n}", "position": n} for n in range(501)])),
        ("an unknown field", "/event", event(colour="red")),
        ("an unknown field in a context", "/event", event(context={"os": "x"})),
        ("an unknown event_type", "/event", event(event_type="like")),
        ("another kind", "/log/watch", watch(event_type="impression")),
        ("an over-long text", "/event", event(context={"device": "x" * 513})),
        ("percent over 100", "/log/watch", watch(percent_watched=100.5)),
        ("a negative watch", "/log/watch", watch(watch_time_sec=-1)),
        ("too fast", "/log/watch", watch(playback_speed=4.5)),
        ("a batch of 1,001", "/log/batch", many_watches(1001)),
        ("an empty batch", "/log/batch", batch()),
        ("the same id twice in a batch", "/log/batch", batch(*[watch(event_type="watch")] * 2)),
        ("a batch without kinds", "/log/batch", batch(watch())),
        ("an interaction in a batch", "/log/batch", batch(event())),
        ("a batch event by event of 1,001", "/log/batch?atomic=false", many_watches(1001)),
        ("an unknown switch", "/log/batch?atomic=maybe", batch(watch(event_type="watch"))),
        ("an unknown parameter", "/log/batch?atomc=false", batch(watch(event_type="watch"))),
    ]
    for route in ("/event", "/log/impression", "/log/watch", "/log/batch", "/reco"):
        rows += [
            ("an empty body", route, b""),
            ("null", route, b"null"),
            ("an array", route, b"[]"),
            ("a string", route, b'"x"'),
            ("half an object", route, b'{"user_id":'),
            ("invalid UTF-8", route, b'{"user_id":"\xff\xfe"}'),
            ("an encoded surrogate", route, b'{"user_id":"\xed\xa0\x80"}'),
            ("UTF-16", route, '{"user_id":"u"}'.encode("utf-16")),
            ("100,000 arrays", route, b"[" * 100_000),
            ("100,000 arrays, closed", route, b"[" * 100_000 + b"]" * 100_000),
            ("100,000 objects", route, b'{"user_id":' * 100_000),
            ("100,000 arrays in a field", route, b'{"user_id":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
            ("100,000 arrays in an unknown field", route, b'{"events":[],"x":' + b"[" * 100_000),
        ]
    for k in (0, 201, -1, "5", 5.5, True, None, b"1e3", b"9" * 5000):
        rows.append((f"k of {str(k)[:9]} in a body", "/reco", _written({"user_id": "u1", "k": k})))
    switches: tuple[object, ...] = ("true", 1, 0, None, [], b"NaN")
    for switch in switches:
        rows.append((f"explain of {switch!r} in a body", "/reco", _written({"user_id": "u1", "explain": switch})))
    return rows


BAD_QUERIES = [
    "",
    "session_id=s",
    "user_id=",
    "user_id=%20",
    "user_id=a%00b",
    "user_id=a%0Ab",
    "user_id=%C2%85",
    "user_id=%FF",
    "user_id=%ED%A0%80",
    f"user_id={LONG}",
    "user_id=u&user_id=u",
    "user_id=u&K=5",
    "user_id=u&%FF=1",
    *(
        f"user_id=u&k={k}"
        for k in ("", "0", "201", "-1", "1e3", "+5", "%2B5", "%205", "5%20", "5.0", "0x5", "05", "1_0", "%D9%A5", "9" * 5000)
    ),
]
BAD_RECO = [
    "user_id=u&session_id=",
    f"user_id=u&session_id={LONG}",
    "user_id=u&x_autolog_impressions=yes",
    "user_id=u&x_autolog_impressions=",
    "user_id=u&explain=yes",
    "user_id=u&explain=",
    "user_id=u&explain=true&explain=true",
    "user_id=u&explain=true&recipe=default",
]
BAD_EXPLAIN = [
    "user_id=u",
    "user_id=u&item_id=",
    "user_id=u&item_id=a%00b",
    "user_id=u&item_id=%ED%A0%80",
    f"user_id=u&item_id={LONG}",
    "user_id=u&item_id=i&item_id=i",
    "user_id=u&item_id=i&session_id=%20",
    "user_id=u&item_id=i&recipe=",
    "user_id=u&item_id=i&recipe=unheard-of",
    "user_id=u&item_id=i&recipe=..%2Fdefault",
    "user_id=u&item_id=i&recipe=a%00b",
    "user_id=u&item_id=i&explain=true",
]


class TestBadInputs(unittest.TestCase):
    """One table; every row gets its refusal."""

    def refused(self, answered: Answered, statuses: tuple[int, ...]) -> None:
        """Hold one answer to the shape of every refusal."""
        self.assertIn(answered.status, statuses, answered.body[:300])
        self.assertEqual(answered.headers["content-type"], "application/problem+json")
        told = answered.json()
        self.assertEqual(set(told), {"type", "title", "status", "detail", "errors"})
        self.assertEqual(told["status"], answered.status)
        self.assertTrue(told["errors"])
        for one in told["errors"]:
            self.assertEqual(set(one), {"path", "message"})

    def test_every_bad_event_is_refused_and_nothing_is_stored(self) -> None:
        """The table of bad bodies."""
        world = World()
        with RunningServer(world) as running:
            for name, route, body in bad_events():
                with self.subTest(name, route=route):
                    self.refused(running.ask("POST", route, body), (400, 422))
            self.assertEqual(running.ask("GET", "/healthz").status, 200)
        self.assertEqual(world.events, {})
        self.assertEqual(world.recorded, [])

    def test_every_bad_query_is_refused(self) -> None:
        """The table of bad queries, for both views of the recommender."""
        world = World()
        with RunningServer(world) as running:
            for query in BAD_QUERIES:
                for route in ("/reco", "/recommend"):
                    with self.subTest(query[:40], route=route):
                        self.refused(running.ask("GET", f"{route}?{query}"), (422,))
            for query in BAD_RECO:
                with self.subTest(query[:40]):
                    self.refused(running.ask("GET", f"/reco?{query}"), (422,))
            for query in (*BAD_EXPLAIN, *(f"item_id=i&{bad}" for bad in BAD_QUERIES)):
                with self.subTest(query[:40], route="/explain"):
                    self.refused(running.ask("GET", f"/explain?{query}"), (422,))
            for query in ("days=0", "days=31", "days=x", "day=1", "days=1&days=1"):
                with self.subTest(query):
                    self.refused(running.ask("GET", f"/analytics/baseline?{query}"), (422,))
        self.assertEqual(world.recorded, [])

    def test_what_is_too_large_is_413(self) -> None:
        """A body of 20 MB, a field of 900 kB, an event over 512 KiB inside a batch."""
        world = World()
        field = watch(event_type="watch", context={"referrer": "x" * 900_000})
        with RunningServer(world) as running:
            for name, route, body in (
                ("20 MB", "/event", b" " * 20_000_000),
                ("20 MB to a page", "/contract", b" " * 20_000_000),
                ("a field of 900 kB", "/log/watch", field),
                ("a field of 900 kB in a batch", "/log/batch", batch(watch(event_type="watch"), field)),
            ):
                with self.subTest(name):
                    self.refused(running.ask("POST" if "page" not in name else "GET", route, body), (413,))
            answered = running.ask(
                "POST", "/log/batch?atomic=false", batch(watch(event_type="watch", event_id="evt-good"), field)
            )
            self.assertEqual([one["status"] for one in answered.json()["results"]], ["ok", "rejected"])
        self.assertEqual(list(world.events), ["evt-good"])


if __name__ == "__main__":
    unittest.main()
