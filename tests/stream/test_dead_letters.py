"""The envelope of a record that can never be applied."""

import unittest
from hashlib import sha256

from headrace.errors import Poison
from headrace.log.port import StoredRecord, Topic
from headrace.stream.dead_letters import LARGEST_PAYLOAD, LONGEST_MESSAGE, envelope


def stored(value: bytes, key: str | None = "anna") -> StoredRecord:
    """Return a record as the log hands it over."""
    return StoredRecord(Topic.WATCH, 3, 17, key, value, 1000)


class Envelopes(unittest.TestCase):
    """Whatever a record holds, its envelope can be stored."""

    def test_a_payload_larger_than_any_limit_is_cut_with_its_size_and_hash(self) -> None:
        """Nobody mistakes a part for the whole."""
        value = b"x" * (LARGEST_PAYLOAD + 1)
        letter = envelope(stored(value), Poison("bad_json", "no"), 5)
        self.assertEqual(letter.payload, value[:LARGEST_PAYLOAD])
        self.assertEqual((letter.payload_bytes, letter.payload_sha256), (len(value), sha256(value).digest()))

    def test_a_reason_or_key_with_odd_characters_can_be_stored(self) -> None:
        """NUL and lone surrogates are replaced, and long reasons are cut."""
        letter = envelope(stored(b"", key="a\x00b"), Poison("bad_json", "\x00\ud800" + "x" * 9000), 5)
        self.assertNotIn("\x00", letter.error_message + (letter.key or ""))
        letter.error_message.encode()
        self.assertEqual(len(letter.error_message), LONGEST_MESSAGE)

    def test_a_record_without_a_key_has_an_envelope_without_one(self) -> None:
        """Foreign producers need no key."""
        self.assertIsNone(envelope(stored(b"", key=None), Poison("bad_json", "no"), 5).key)
