"""The look that reads a plain request: it reads what the server's parser reads, and takes nothing that is not plain."""

import unittest

import httptools
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from headrace.api import plain

PLAIN = b"GET /reco?user_id=ada&k=5 HTTP/1.1\r\nHost: x\r\n\r\n"
POSTED = b'POST /event HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nContent-Type: application/json\r\n\r\n{"a":1}'
PIECES = st.sampled_from([
    b"GET ", b"POST ", b"/reco", b"/event", b"?", b"user_id=ada", b"#", b"%41", b"~", b" ", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n",
    b"\r\n", b"\n", b"Host: x\r\n", b"Accept: */*\r\n", b"Connection: close\r\n", b"connection:keep-alive\r\n", b"X : y\r\n",
    b"Content-Length: 2\r\n", b"Transfer-Encoding: chunked\r\n", b" folded\r\n", b"x:\r\n", b"x: \x00\r\n", b"x: \xff\r\n",
    b"Content-Length: 0\r\n", b"content-length:02\r\n", b"Content-Length: +2\r\n", b"{}", b":", b"a",
    b"X-Headrace-Space: shop\r\n",
])  # fmt: skip


class Told:
    """What the server's parser tells of one request."""

    def __init__(self, data: bytes) -> None:
        self.url, self.body, self.whole, self.names = b"", b"", 0, set[bytes]()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self.url += url

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Take a header."""
        self.names.add(name.lower())

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """Take note of the end."""
        self.whole += 1


class Plain(unittest.TestCase):
    """Requests as bytes."""

    def agree(self, data: bytes, found: tuple[Scope, bytes] | None) -> None:
        """Fail where the parser reads something else than was found."""
        told = Told(data)
        method = data.partition(b" ")[0]
        path, _, query = told.url.partition(b"?")
        self.assertEqual((told.whole, told.parser.get_method(), told.parser.get_http_version()), (1, method, "1.1"))
        self.assertTrue(told.parser.should_keep_alive())
        self.assertFalse(told.parser.should_upgrade())
        self.assertEqual(found, ({"method": method.decode(), "path": path.decode(), "query_string": query}, told.body))
        meant = {b"transfer-encoding", b"connection", b"expect", b"upgrade", b"x-headrace-space"}
        self.assertFalse(told.names & meant)
        self.assertEqual(b"content-length" in told.names, method == b"POST")

    def test_a_plain_get_is_read(self) -> None:
        """With and without a query, with many headers and with none."""
        for old, new in ((b"", b""), (b"?user_id=ada&k=5", b""), (b"Host: x\r\n", b""), (b"x", b"y: z"), (b"x", b"x\r\nte: b")):
            data = PLAIN.replace(old, new)
            self.agree(data, plain.read(data))

    def test_a_plain_post_is_read_with_its_body(self) -> None:
        """Its length anywhere among the headers, written in any way; also with a query, and with nothing in it."""
        for old, new in (
            (b"", b""), (b"Host: x\r\n", b""), (b"Content-Type: application/json\r\n", b""),
            (b"Content-Length: ", b"content-length:"),
            (b"/event", b"/log/batch?atomic=false"), (b"7", b"0"), (b'{"a":1}', b"\r\n\x00\xff\r\n\n"),
        ):  # fmt: skip
            data = POSTED.replace(old, new)
            if new == b"0":
                data = data.removesuffix(b'{"a":1}')
            with self.subTest(new=new):
                self.agree(data, plain.read(data))

    def test_a_post_that_is_not_plain_is_left_to_the_parser(self) -> None:
        """No length or two, a body that is not all there or more than that, and what a GET is left for."""
        for old, new in (
            (b"Content-Length: 7\r\n", b""), (b"Host: x", b"Content-Length: 7"), (b"7", b"8"),
            (b"7", b"6"), (b"7", b"+7"), (b"7", b"7, 7"), (b"Host: x", b"Expect: 100-continue"),
            (b"Host: x", b"Transfer-Encoding: chunked"), (b"Host: x", b"Connection: close"),
            (b"POST", b"PUT"), (b"1.1", b"1.0"), (b"Host", b"X-Headrace-Space"), (b"7", b"00007"),
        ):  # fmt: skip
            with self.subTest(new=new):
                self.assertIsNone(plain.read(POSTED.replace(old, new)))
        self.assertIsNone(plain.read(POSTED + POSTED))
        large = b"x" * plain.LARGEST
        self.assertIsNone(plain.read(POSTED.replace(b"7", b"%d" % len(large)).replace(b'{"a":1}', large)))

    def test_what_is_not_plain_is_left_to_the_parser(self) -> None:
        """Other methods and versions, bodies, ends, upgrades, halves, two at once, and what is no HTTP at all."""
        changes = [
            (b"GET", b"POST"), (b"GET", b"HEAD"),
            (b"GET", b"get"), (b"1.1", b"1.0"), (b"ada", b"a da"), (b"ada", b"a#da"), (b"Host: x", b" x"),
            (b"/reco?", b"/reco~?"), (b"/reco", b"//x/../%72eco"), (b"/reco", b"http://x/reco"), (b"x", b"\x00"),
            (b"Host: x", b"Connection: close"), (b"Host", b"EXPECT"), (b"Host: x", b"Content-Length: 0"), (b"Host", b"upgrade"),
            (b"\r\n", b"\n"), (b"Host", b"transfer-encoding"), (b"Host:", b"Host :"), (b"\r\n\r\n", b"\r\n"),
            (b"\r\n\r\n", b"\r\n\r\nx"), (b"Host", b"x-HEADRACE-space"),
        ]  # fmt: skip
        for old, new in changes:
            with self.subTest(new=new):
                self.assertIsNone(plain.read(PLAIN.replace(old, new)))
        self.assertIsNone(plain.read(PLAIN + PLAIN))
        self.assertIsNone(plain.read(PLAIN.replace(b"x\r", b"x" * plain.LARGEST + b"\r")))

    @given(st.lists(PIECES, max_size=12).map(b"".join))
    def test_whatever_is_read_the_parser_reads_the_same(self, data: bytes) -> None:
        """Bytes put together from what requests are made of, good ones and bad."""
        for one in (data, PLAIN[:-2] + data, b"GET /reco" + data + b" HTTP/1.1\r\n\r\n", POSTED[:-9] + data):
            found = plain.read(one)
            if found is not None:
                self.agree(one, found)
