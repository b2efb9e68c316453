"""Copies of dead letters: at least one of each, in the contract's envelope, below the brokers' bound."""

import asyncio
import json
from base64 import b64decode
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from headrace.errors import Poison, Unavailable
from headrace.log.port import StoredRecord, Topic
from headrace.stream.dead_letters import LARGEST_PAYLOAD, envelope
from headrace.stream.letters import Choice, Letter, Position, State
from headrace.stream.outlet import LARGEST_ENVELOPE, Copier
from headrace.stream.outlet import envelope as published
from tests.stream.world import T0, StreamTestCase, raw, view, wait_until

EVERY = Choice()


class Shelf:
    """A topic that can be away, or die after it has taken the copies and before anybody hears of it."""

    def __init__(self) -> None:
        self.copies: list[tuple[bytes | None, dict[str, Any]]] = []
        self.away = False
        self.refused = 0
        self.forgets = 0

    async def publish(self, letters: Sequence[tuple[bytes | None, bytes]]) -> None:
        """Take copies."""
        await asyncio.sleep(0)
        if self.away:
            self.refused += 1
            raise Unavailable("kafka", "the topic is away")
        self.copies.extend((key, json.loads(written)) for key, written in letters)
        if self.forgets:
            self.forgets -= 1
            raise Unavailable("kafka", "the answer was lost")

    def places(self) -> Counter[tuple[str, int, int]]:
        """Return how often each letter was published."""
        return Counter((one["source_topic"], one["source_partition"], one["source_offset"]) for _, one in self.copies)


class Copies(StreamTestCase):
    """What goes to the dead-letter topic."""

    async def asyncSetUp(self) -> None:
        """Bury three records beside two that count."""
        await super().asyncSetUp()
        self.letters = self.ground.letters(self.generation)
        self.shelf = Shelf()
        await self.send(raw(b"noise"), view(), raw(b"\xff\xfe", topic=Topic.WATCH), raw(b"", topic=Topic.IMPRESSION), view())
        await self.drain()

    async def copy_all(self) -> int:
        """Copy until nothing is left to copy; return how many were."""
        copier, copied = Copier(self.letters, self.shelf), 0
        while done := await copier.copy():
            copied += done
        return copied

    async def test_every_letter_is_published_once_in_the_envelope_of_the_contract(self) -> None:
        """Position, key, time, reason and payload, under the names that readers were promised."""
        self.assertEqual(await self.copy_all(), 3)
        self.assertEqual(await self.copy_all(), 0)
        key, copy = next(one for one in self.shelf.copies if one[1]["source_topic"] == "reco_interaction")
        self.assertEqual(key, b"anna")
        self.assertGreater(copy.pop("failed_at_ms"), T0)
        self.assertGreater(len(copy.pop("error_message")), 5)
        self.assertEqual(
            copy,
            {
                "source_topic": "reco_interaction",
                "source_partition": self.shelf.copies[0][1]["source_partition"],
                "source_offset": 0,
                "source_timestamp_ms": T0,
                "source_key": "anna",
                "error_type": "bad_json",
                "payload": "noise",
                "payload_bytes": 5,
                "payload_sha256": sha256(b"noise").hexdigest(),
            },
        )

    async def test_bytes_that_are_no_text_are_published_as_they_are_beside_what_can_be_read(self) -> None:
        """``payload_base64`` stands there, and only there."""
        await self.copy_all()
        copies = {copy["source_topic"]: copy for _, copy in self.shelf.copies}
        self.assertEqual(b64decode(copies["reco_watch"]["payload_base64"]), b"\xff\xfe")
        self.assertEqual(copies["reco_watch"]["payload"], "\ufffd\ufffd")
        self.assertNotIn("payload_base64", copies["reco_impression"])

    async def test_copiers_in_several_workers_share_the_letters(self) -> None:
        """No letter is published twice while nobody fails."""
        await self.send(*(raw(b"noise") if n % 3 == 0 else view() for n in range(900)))
        await self.drain()
        copied = await asyncio.gather(*(self.copy_all() for _ in range(4)))
        self.assertEqual(sum(copied), 303)
        self.assertEqual(set(self.shelf.places().values()), {1})

    async def test_a_topic_that_is_away_is_waited_for_and_loses_nothing(self) -> None:
        """The copier lives, the letters wait in their table."""
        self.shelf.away = True
        running = asyncio.create_task(Copier(self.letters, self.shelf).run())
        self.addCleanup(running.cancel)
        await wait_until(self._refused, "a try")
        self.assertEqual((self.shelf.copies, running.done()), ([], False))
        self.shelf.away = False
        await wait_until(self._three, "the copies")

    async def _refused(self) -> bool:
        return self.shelf.refused > 0

    async def _three(self) -> bool:
        return len(self.shelf.copies) == 3

    async def test_a_copier_that_dies_before_it_has_marked_publishes_again(self) -> None:
        """At least once: none is ever left out."""
        self.shelf.forgets = 1
        with self.assertRaises(Unavailable):
            await self.copy_all()
        await self.copy_all()
        self.assertEqual(sorted(self.shelf.places().values()), [2, 2, 2])

    async def test_a_settled_letter_that_was_not_copied_yet_is_copied_still(self) -> None:
        """The topic is complete whatever an operator does meanwhile."""
        found = await self.letters.page(EVERY, after=None, limit=10)
        self.assertEqual(len(await self.letters.settle([one.position for one in found], State.DROPPED, T0)), 3)
        self.assertEqual(await self.copy_all(), 3)

    async def test_no_envelope_is_larger_than_a_broker_takes(self) -> None:
        """Whatever the payload, the key and the reason hold: cut payloads stay readable, size and hash are of the whole."""
        for value in (b"\x00" * 9_000_000, b"\xff" * 2_000_000, "ä".encode() * 900_000, b"\x1f" * LARGEST_PAYLOAD):
            for key in ("anna", "\x01" * 1_000_000):
                record = StoredRecord(Topic.WATCH, 3, 17, key, value, T0)
                buried = envelope(record, Poison("bad_json", "\x01" * 100_000), T0)
                letter = Letter(
                    Position("reco_watch", 3, 17), T0, buried.key, buried.error_type, buried.error_message, buried.payload,
                    buried.payload_bytes, buried.payload_sha256, T0, "", State.OPEN, None, None, None,
                )  # fmt: skip
                with self.subTest(value[:1], key=len(key)):
                    written = published(letter)
                    self.assertLessEqual(len(written), LARGEST_ENVELOPE)
                    copy = json.loads(written)
                    self.assertEqual(copy["payload_bytes"], len(value))
                    self.assertEqual(copy["payload_sha256"], sha256(value).hexdigest())
                    self.assertEqual("payload_base64" in copy, value[:1] == b"\xff")

    async def test_a_letter_from_before_this_version_is_published_as_well(self) -> None:
        """The mark is missing on all that was buried before."""
        await self.sql.execute(f"UPDATE {self.gen}.dead_letters SET copied_at_ms = NULL")
        self.assertEqual(await self.copy_all(), 3)
        self.assertEqual(await self.rows("SELECT count(*) FROM @gen.dead_letters WHERE copied_at_ms IS NULL"), [(0,)])
