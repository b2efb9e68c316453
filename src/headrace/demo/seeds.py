"""Chance that can be had again: every draw comes from the seed and from whose and which draw it is."""

from hashlib import blake2b
from random import Random


def derived(seed: int, *whose: str | int) -> Random:
    """Return a generator that depends on the seed and these words alone, never on what was drawn elsewhere."""
    words = "\x1f".join(map(str, (seed, *whose))).encode()
    return Random(int.from_bytes(blake2b(words, digest_size=16).digest(), "big"))
