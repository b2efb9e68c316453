"""What an item says of itself, as terms that can be compared: the words of its texts, its categories, its attributes."""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headrace.events.items import Item

Keys: TypeAlias = NDArray[np.int64]

WORD: Final = 0
CATEGORY: Final = 1
ATTRIBUTE: Final = 2

MOST_TERMS: Final = 64
"""Terms beyond it are left out: categories come first, then short attributes, then words in the order in which they stand."""

LONGEST_NAME: Final = 3
"""A text of at most so many words is a name (a brand, a colour) and compared as a whole; a longer one word by word."""

_WORDS: Final = re.compile(r"\w+")


def keys(item: Item) -> Keys:
    """Return an item's terms, none twice, each as 62 bits of a hash and behind them 2 that tell its kind.

    Two items share a key where they share the term: a word in the title or in a text, whatever the attribute, in any case of
    letters; a category; an attribute's value, or an element of its list. Numbers, times and booleans say too little to make
    two items alike.
    """
    found = dict.fromkeys(_key(kind, text) for kind, text in _terms(item))
    return np.fromiter(found, np.int64, len(found))[:MOST_TERMS]


def kind_of(key: int) -> int:
    """Return which kind of term a key stands for."""
    return key & 3


def _terms(item: Item) -> Iterator[tuple[int, str]]:
    for category in item.categories:
        yield CATEGORY, category.casefold()
    texts = [] if item.title is None else [item.title]
    for name, value in item.attributes.items():
        if isinstance(value, list):
            for one in value:
                yield ATTRIBUTE, f"{name}={one.casefold()}"
        elif isinstance(value, str):
            if len(_WORDS.findall(value)) <= LONGEST_NAME:
                yield ATTRIBUTE, f"{name}={value.casefold()}"
            else:
                texts.append(value)
    for text in texts:
        for word in _WORDS.findall(text.casefold()):
            yield WORD, word


def _key(kind: int, text: str) -> int:
    # 0 stands for no term in the index, so the lowest bit of the hash is set.
    digest = int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
    return (digest >> 4 | 1) << 2 | kind
